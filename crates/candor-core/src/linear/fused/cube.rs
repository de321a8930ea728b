use burn::backend::TensorMetadata;
use burn::tensor::DType;
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::kernel::matmul::{MatmulStrategy, matmul};
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::ir::ElemType;
use cubecl::prelude::*;

use super::cube_kernels::{
    blend_kernel, divergence_gradient_kernel, divergence_terms_kernel, statistics_kernel,
};
use super::kernels::{Divergence, Kernels, Plain, map_logits};
use crate::linear::LogitMap;

/// One pass over a tile for its sums and one for its gradient; products go to Burn's tuned kernels, which accumulate in
/// `f32` whatever their operands are.
///
/// `f64` tiles, which few devices have, take the backend's own operators.
pub(super) struct CubeKernels;

/// Units that share a row.
const LANES: u32 = 256;

impl Kernels<CubeBackend> for CubeKernels {
    const LIVE_TILES: usize = 1;
    const WIDENS: bool = false;

    fn operand(tensor: CubeTensor) -> CubeTensor {
        tensor
    }

    fn logits(
        hidden: CubeTensor,
        weight: CubeTensor,
        bias: Option<CubeTensor>,
        map: LogitMap,
    ) -> CubeTensor {
        map_logits::<CubeBackend>(multiply(hidden, transposed(weight)), bias, map)
    }

    fn statistics(logits: &CubeTensor, targets: &CubeTensor, first_class: usize) -> CubeTensor {
        if logits.dtype() != DType::F32 {
            return <Plain as Kernels<CubeBackend>>::statistics(logits, targets, first_class);
        }
        let logits = into_contiguous(logits.clone());
        let targets = into_contiguous(targets.clone());
        let rows = logits.shape()[0];
        let output = like(&logits, rows, 5);
        statistics_kernel::launch(
            &logits.client.clone(),
            CubeCount::Static(rows as u32, 1, 1),
            CubeDim::new_1d(lanes(&logits)),
            logits.clone().into_tensor_arg(),
            targets.clone().into_tensor_arg(),
            output.clone().into_tensor_arg(),
            first_class as u32,
            lanes(&logits),
            int_type(&targets),
        );
        output
    }

    fn blend(
        logits: CubeTensor,
        log_sum_exp: CubeTensor,
        coefficients: CubeTensor,
        targets: &CubeTensor,
        first_class: usize,
        map: LogitMap,
    ) -> CubeTensor {
        if logits.dtype() != DType::F32 {
            return <Plain as Kernels<CubeBackend>>::blend(
                logits,
                log_sum_exp,
                coefficients,
                targets,
                first_class,
                map,
            );
        }
        let logits = owned(logits);
        let targets = into_contiguous(targets.clone());
        blend_kernel::launch(
            &logits.client.clone(),
            tile_cubes(&logits),
            CubeDim::new_1d(lanes(&logits)),
            logits.clone().into_tensor_arg(),
            into_contiguous(log_sum_exp).into_tensor_arg(),
            into_contiguous(coefficients).into_tensor_arg(),
            targets.clone().into_tensor_arg(),
            first_class as u32,
            map.scale() as f32,
            map.slope() as f32,
            int_type(&targets),
        );
        logits
    }

    fn divergence_terms(
        student: &CubeTensor,
        teacher: &CubeTensor,
        log_sum_exps: &CubeTensor,
        divergence: Divergence,
    ) -> CubeTensor {
        if student.dtype() != DType::F32 {
            return <Plain as Kernels<CubeBackend>>::divergence_terms(
                student,
                teacher,
                log_sum_exps,
                divergence,
            );
        }
        let student = into_contiguous(student.clone());
        let teacher = into_contiguous(teacher.clone());
        let rows = student.shape()[0];
        let output = like(&student, rows, 2);
        let [kind, beta] = coded(divergence);
        divergence_terms_kernel::launch(
            &student.client.clone(),
            CubeCount::Static(rows as u32, 1, 1),
            CubeDim::new_1d(lanes(&student)),
            student.clone().into_tensor_arg(),
            teacher.into_tensor_arg(),
            into_contiguous(log_sum_exps.clone()).into_tensor_arg(),
            output.clone().into_tensor_arg(),
            beta,
            lanes(&student),
            kind as u32,
        );
        output
    }

    fn divergence_gradient(
        student: CubeTensor,
        teacher: CubeTensor,
        log_sum_exps: &CubeTensor,
        rows: &CubeTensor,
        divergence: Divergence,
        map: LogitMap,
    ) -> CubeTensor {
        if student.dtype() != DType::F32 {
            return <Plain as Kernels<CubeBackend>>::divergence_gradient(
                student,
                teacher,
                log_sum_exps,
                rows,
                divergence,
                map,
            );
        }
        let student = owned(student);
        let [kind, beta] = coded(divergence);
        divergence_gradient_kernel::launch(
            &student.client.clone(),
            tile_cubes(&student),
            CubeDim::new_1d(lanes(&student)),
            student.clone().into_tensor_arg(),
            into_contiguous(teacher).into_tensor_arg(),
            into_contiguous(log_sum_exps.clone()).into_tensor_arg(),
            into_contiguous(rows.clone()).into_tensor_arg(),
            beta,
            map.scale() as f32,
            map.slope() as f32,
            kind as u32,
        );
        student
    }

    fn product(gradient: CubeTensor, weight: CubeTensor) -> CubeTensor {
        multiply(gradient, weight)
    }
}

/// A product with sums, and result, in `f32` for half-precision operands.
fn multiply(left: CubeTensor, right: CubeTensor) -> CubeTensor {
    let dtype = match left.dtype() {
        DType::F64 => DType::F64,
        _ => DType::F32,
    };
    let product = matmul(left, right, None, MatmulStrategy::default(), dtype);
    #[allow(clippy::expect_used)]
    // as Burn's own product does: a device without any kernel for it is a broken device
    product.expect("a matrix product that the device supports")
}

fn transposed(mut tensor: CubeTensor) -> CubeTensor {
    tensor.meta.swap(0, 1);
    tensor
}

/// A tile that a kernel may overwrite.
fn owned(tensor: CubeTensor) -> CubeTensor {
    let tensor = into_contiguous(tensor);
    if tensor.can_mut() {
        tensor
    } else {
        tensor.copy()
    }
}

fn like(tensor: &CubeTensor, rows: usize, columns: usize) -> CubeTensor {
    empty_device_contiguous_dtype(
        tensor.client.clone(),
        tensor.device.clone(),
        [rows, columns].into(),
        tensor.dtype(),
    )
}

fn lanes(tensor: &CubeTensor) -> u32 {
    let most = tensor.client.properties().hardware.max_cube_dim.0;
    // A power of two: the kernels halve it.
    LANES.min(1 << most.max(1).ilog2())
}

/// Cubes over a tile: one a row and chunk of classes, each unit with eight of them.
fn tile_cubes(tile: &CubeTensor) -> CubeCount {
    const ENTRIES: u32 = 8;
    let [rows, classes] = tile.shape().dims();
    let chunk = lanes(tile) * ENTRIES;
    // A dimension of the launch holds 65,535 cubes; units stride over the rest.
    let chunks = (classes as u32).div_ceil(chunk).min(u32::from(u16::MAX));
    CubeCount::Static(rows as u32, chunks, 1)
}

fn int_type(targets: &CubeTensor) -> ElemType {
    burn::backend::cubecl::dtype_to_storage_type(targets.dtype())
}

/// A divergence as a kernel knows it: its kind, and the teacher's share of the mixture.
fn coded(divergence: Divergence) -> [f32; 2] {
    match divergence {
        Divergence::ForwardKl => [0.0, 0.0],
        Divergence::ReverseKl => [1.0, 0.0],
        Divergence::JensenShannon { beta } => [2.0, beta as f32],
    }
}
