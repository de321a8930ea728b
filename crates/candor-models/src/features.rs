use burn::tensor::Tensor;

/// What a network computes on the way to its scores.
///
/// Feature distillation, representation measures and prototypes read `penultimate`; losses read `logits`.
#[derive(Debug, Clone)]
pub struct Features {
    /// What the last linear layer sees, `[batch, features]`; during training after dropout.
    pub penultimate: Tensor<2>,
    /// Unnormalised scores, `[batch, outputs]`.
    pub logits: Tensor<2>,
}
