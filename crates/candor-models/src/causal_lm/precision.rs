use burn::tensor::DType;

/// The precision of what a model of `precision` computes beside its parameters: `f32` for the half precisions.
pub(super) fn at_least_single(precision: DType) -> DType {
    match precision {
        DType::F64 => DType::F64,
        _ => DType::F32,
    }
}
