use std::ops::Range;

use burn::backend::tensor::{Device, FloatTensor, IntTensor};
use burn::backend::{Backend, Scalar, Slice, TensorMetadata, get_device_settings};
use burn::tensor::{DType, FloatDType, IndexingUpdateOp, Shape};

use crate::linear::LogitMap;
use crate::numerics::LEFT_OUT;

/// A divergence of the student's distribution `q` from the teacher's `p`, both over the classes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Divergence {
    /// `KL(p || q)`.
    ForwardKl,
    /// `KL(q || p)`.
    ReverseKl,
    /// `β KL(p || m) + (1 - β) KL(q || m)` with `m = β p + (1 - β) q`.
    JensenShannon {
        /// The teacher's share of the mixture, in (0, 1).
        beta: f64,
    },
}

/// What a backend computes on one tile of logits `[rows, classes]`; everything else is shared by the sweeps.
///
/// Every method has a body on the backend's own operators. It is right everywhere, and holds several tiles at once.
pub(super) trait Kernels<B: Backend> {
    /// How many tiles of logits live at once in the worst step.
    const LIVE_TILES: usize = 5;

    /// Whether half-precision operands are copied to `f32` before their product.
    const WIDENS: bool = true;

    /// Where sums of gradients start.
    fn zeros(shape: Shape, device: &Device<B>, dtype: FloatDType) -> FloatTensor<B> {
        B::float_zeros(shape, device, dtype)
    }

    /// An operand of the matrix products: of half precision only where a product can accumulate in `f32`.
    fn operand(tensor: FloatTensor<B>) -> FloatTensor<B> {
        match tensor.dtype() {
            DType::F16 | DType::BF16 => B::float_cast(tensor, FloatDType::F32),
            _ => tensor,
        }
    }

    /// `map(hidden · weightᵀ + bias)`, `[rows, classes]`, in `f32` for half-precision operands.
    fn logits(
        hidden: FloatTensor<B>,
        weight: FloatTensor<B>,
        bias: Option<FloatTensor<B>>,
        map: LogitMap,
    ) -> FloatTensor<B> {
        map_logits::<B>(
            B::float_matmul(hidden, B::float_transpose(weight)),
            bias,
            map,
        )
    }

    /// A tile in which no row counts the class of its own number.
    fn without_own_class(
        logits: FloatTensor<B>,
        first_row: usize,
        first_class: usize,
    ) -> FloatTensor<B> {
        let (first, rows) = (first_row as i64, logits.shape()[0] as i64);
        let device = logits.device();
        let dtype = get_device_settings::<B>(&device).int_dtype;
        let own = B::int_arange(first..first + rows, &device, dtype);
        let (index, inside) = tile_targets::<B>(&logits, &own, first_class);
        let left_out = B::float_mul_scalar(inside, Scalar::from(LEFT_OUT));
        B::float_scatter(1, logits, index, left_out, IndexingUpdateOp::Add)
    }

    /// `[max, Σ exp(z - max), Σ exp(z - max) (z - max), Σ z, z_target]` of each row, `[rows, 5]`.
    ///
    /// The target's logit is 0 where the target is not among these classes.
    fn statistics(
        logits: &FloatTensor<B>,
        targets: &IntTensor<B>,
        first_class: usize,
    ) -> FloatTensor<B> {
        let max = B::float_max_dim(logits.clone(), 1);
        let shifted = B::float_sub(logits.clone(), max.clone());
        let exponentials = B::float_exp(shifted.clone());
        let sum = B::float_sum_dim(exponentials.clone(), 1);
        let weighted = B::float_sum_dim(B::float_mul(exponentials, shifted), 1);
        let total = B::float_sum_dim(logits.clone(), 1);
        let (index, inside) = tile_targets::<B>(logits, targets, first_class);
        let target = B::float_mul(B::float_gather(1, logits.clone(), index), inside);
        B::float_cat(vec![max, sum, weighted, total, target], 1)
    }

    /// The gradient with respect to the products before `map`, given the row's log-sum-exp `[rows, 1]` and the
    /// `coefficients` `[rows, 4]`: `p (a + b log p) + c + d [class = target]`.
    fn blend(
        logits: FloatTensor<B>,
        log_sum_exp: FloatTensor<B>,
        coefficients: FloatTensor<B>,
        targets: &IntTensor<B>,
        first_class: usize,
        map: LogitMap,
    ) -> FloatTensor<B> {
        let [a, b, c, d] = [0, 1, 2, 3].map(|index| column::<B>(&coefficients, index));
        let (index, inside) = tile_targets::<B>(&logits, targets, first_class);
        let log_probs = B::float_sub(logits.clone(), log_sum_exp);
        let slope = B::float_add(B::float_mul(log_probs.clone(), b), a);
        let gradient = B::float_add(B::float_mul(B::float_exp(log_probs), slope), c);
        let gradient = B::float_scatter(
            1,
            gradient,
            index,
            B::float_mul(d, inside),
            IndexingUpdateOp::Add,
        );
        chain_map::<B>(gradient, logits, map)
    }

    /// `[value, centre]` of each row, `[rows, 2]`, summed over these classes: the divergence, and the number that its
    /// gradient subtracts.
    ///
    /// Log-sum-exps are `[student, teacher]`, `[rows, 2]`.
    fn divergence_terms(
        student: &FloatTensor<B>,
        teacher: &FloatTensor<B>,
        log_sum_exps: &FloatTensor<B>,
        divergence: Divergence,
    ) -> FloatTensor<B> {
        let [log_q, log_p] = log_probs::<B>([student, teacher], log_sum_exps);
        let sum = |log_weight: &FloatTensor<B>, difference| {
            B::float_sum_dim(
                B::float_mul(B::float_exp(log_weight.clone()), difference),
                1,
            )
        };
        let (value, centre) = match divergence {
            Divergence::ForwardKl => {
                let value = sum(&log_p, B::float_sub(log_p.clone(), log_q));
                let centre = B::float_mul_scalar(value.clone(), Scalar::from(0.0));
                (value, centre)
            }
            Divergence::ReverseKl => {
                let value = sum(&log_q, B::float_sub(log_q.clone(), log_p));
                (value.clone(), value)
            }
            Divergence::JensenShannon { beta } => {
                let log_m = log_mixture::<B>(&log_p, &log_q, beta);
                let teacher = sum(&log_p, B::float_sub(log_p.clone(), log_m.clone()));
                let student = sum(&log_q, B::float_sub(log_q.clone(), log_m));
                let value = B::float_add(
                    B::float_mul_scalar(teacher, Scalar::from(beta)),
                    B::float_mul_scalar(student.clone(), Scalar::from(1.0 - beta)),
                );
                (value, student)
            }
        };
        B::float_cat(vec![value, centre], 1)
    }

    /// The gradient of each row's divergence with respect to the student's products before `map`, times its weight.
    ///
    /// `rows` are `[weight, centre]`, `[rows, 2]`.
    fn divergence_gradient(
        student: FloatTensor<B>,
        teacher: FloatTensor<B>,
        log_sum_exps: &FloatTensor<B>,
        rows: &FloatTensor<B>,
        divergence: Divergence,
        map: LogitMap,
    ) -> FloatTensor<B> {
        let [log_q, log_p] = log_probs::<B>([&student, &teacher], log_sum_exps);
        let (weight, centre) = (column::<B>(rows, 0), column::<B>(rows, 1));
        let q = B::float_exp(log_q.clone());
        let centred = |difference| B::float_mul(q.clone(), B::float_sub(difference, centre));
        let gradient = match divergence {
            Divergence::ForwardKl => B::float_sub(q.clone(), B::float_exp(log_p)),
            Divergence::ReverseKl => centred(B::float_sub(log_q, log_p)),
            Divergence::JensenShannon { beta } => {
                let log_m = log_mixture::<B>(&log_p, &log_q, beta);
                let gradient = centred(B::float_sub(log_q, log_m));
                B::float_mul_scalar(gradient, Scalar::from(1.0 - beta))
            }
        };
        chain_map::<B>(B::float_mul(gradient, weight), student, map)
    }

    /// `gradient · weight`, `[rows, width]`, for the hidden states.
    fn product(gradient: FloatTensor<B>, weight: FloatTensor<B>) -> FloatTensor<B> {
        B::float_matmul(gradient, weight)
    }

    /// Adds `gradientᵀ · hidden` to the rows `classes` of the weight's gradient; `fresh` rows hold nothing yet.
    ///
    /// Works in pieces of as many classes as there are rows, so that no second gradient of the weight's size lives.
    fn accumulate(
        mut sum: FloatTensor<B>,
        classes: Range<usize>,
        fresh: bool,
        gradient: FloatTensor<B>,
        hidden: FloatTensor<B>,
    ) -> FloatTensor<B> {
        const PIECE: usize = 8192;
        let width = sum.shape()[1];
        for start in classes.clone().step_by(PIECE) {
            let piece = start..(start + PIECE).min(classes.end);
            let columns = piece.start - classes.start..piece.end - classes.start;
            let gradient = B::float_slice(gradient.clone(), &[Slice::full(), columns.into()]);
            let mut value = Self::product(B::float_transpose(gradient), hidden.clone());
            if !fresh {
                value = B::float_add(rows::<B>(&sum, piece.clone()), value);
            }
            sum = B::float_slice_assign(sum, &[piece.into(), (0..width).into()], value);
        }
        sum
    }

    /// `tensor · factor` for a factor `[1]`.
    fn scaled(tensor: FloatTensor<B>, factor: FloatTensor<B>) -> FloatTensor<B> {
        let rank = tensor.shape().num_dims();
        let factor = B::float_reshape(factor, vec![1; rank].into());
        B::float_mul(tensor, factor)
    }
}

/// The backend's own operators, nothing else.
pub(super) struct Plain;

impl<B: Backend> Kernels<B> for Plain {}

/// Bias, soft cap and temperature, each only where it is asked for.
pub(super) fn map_logits<B: Backend>(
    mut logits: FloatTensor<B>,
    bias: Option<FloatTensor<B>>,
    map: LogitMap,
) -> FloatTensor<B> {
    if let Some(bias) = bias {
        let [classes] = bias.shape().dims();
        let bias = B::float_cast(bias, float_dtype(&logits));
        logits = B::float_add(logits, B::float_reshape(bias, [1, classes].into()));
    }
    if let Some(cap) = map.soft_cap {
        let capped = B::float_tanh(B::float_mul_scalar(logits, Scalar::from(1.0 / cap)));
        logits = B::float_mul_scalar(capped, Scalar::from(cap));
    }
    if map.is_tempered() {
        logits = B::float_mul_scalar(logits, Scalar::from(map.scale()));
    }
    logits
}

/// Carries a gradient with respect to mapped logits back through the map.
fn chain_map<B: Backend>(
    mut gradient: FloatTensor<B>,
    logits: FloatTensor<B>,
    map: LogitMap,
) -> FloatTensor<B> {
    if map.soft_cap.is_some() {
        let capped = B::float_mul_scalar(logits, Scalar::from(map.slope()));
        let slope = B::float_neg(B::float_mul(capped.clone(), capped));
        gradient = B::float_mul(gradient, B::float_add_scalar(slope, Scalar::from(1.0)));
    }
    if map.is_tempered() {
        gradient = B::float_mul_scalar(gradient, Scalar::from(map.scale()));
    }
    gradient
}

/// Log-probabilities of two tiles from their log-sum-exps `[rows, 2]`.
fn log_probs<B: Backend>(
    logits: [&FloatTensor<B>; 2],
    log_sum_exps: &FloatTensor<B>,
) -> [FloatTensor<B>; 2] {
    [0, 1].map(|index| B::float_sub(logits[index].clone(), column::<B>(log_sum_exps, index)))
}

/// `log(β p + (1 - β) q)`: the larger logarithm plus `log(1 + exp(-|difference|))`.
fn log_mixture<B: Backend>(
    log_p: &FloatTensor<B>,
    log_q: &FloatTensor<B>,
    beta: f64,
) -> FloatTensor<B> {
    let p = B::float_add_scalar(log_p.clone(), Scalar::from(beta.ln()));
    let q = B::float_add_scalar(log_q.clone(), Scalar::from((-beta).ln_1p()));
    let bool_dtype = get_device_settings::<B>(&p.device()).bool_dtype;
    let less_likely = B::float_lower(p.clone(), q.clone(), bool_dtype);
    let max = B::float_mask_where(p.clone(), less_likely, q.clone());
    let distance = B::float_abs(B::float_sub(p, q));
    let tail = B::float_log1p(B::float_exp(B::float_neg(distance)));
    B::float_add(max, tail)
}

/// Where each row's target lies in a tile, `[rows, 1]`, and 1 where it lies in it at all, else 0.
fn tile_targets<B: Backend>(
    logits: &FloatTensor<B>,
    targets: &IntTensor<B>,
    first_class: usize,
) -> (IntTensor<B>, FloatTensor<B>) {
    let [rows, classes] = logits.shape().dims();
    let index = B::int_sub_scalar(targets.clone(), Scalar::from(first_class as i64));
    let index = B::int_reshape(index, [rows, 1].into());
    let last = Scalar::from(classes as i64 - 1);
    let clamped = B::int_clamp(index.clone(), Scalar::from(0i64), last);
    let outside = B::int_into_float(B::int_sub(index, clamped.clone()), float_dtype(logits));
    let outside = B::float_clamp_max(B::float_abs(outside), Scalar::from(1.0));
    let inside = B::float_add_scalar(B::float_neg(outside), Scalar::from(1.0));
    (clamped, inside)
}

/// One column, `[rows, 1]`.
pub(super) fn column<B: Backend>(tensor: &FloatTensor<B>, index: usize) -> FloatTensor<B> {
    B::float_slice(tensor.clone(), &[Slice::full(), (index..index + 1).into()])
}

/// Some rows of a matrix or a vector.
pub(super) fn rows<B: Backend>(tensor: &FloatTensor<B>, range: Range<usize>) -> FloatTensor<B> {
    let shape = tensor.shape();
    if range == (0..shape[0]) {
        return tensor.clone();
    }
    let mut slices = vec![Slice::full(); shape.num_dims()];
    slices[0] = range.into();
    B::float_slice(tensor.clone(), &slices)
}

/// The type of a float tensor.
pub(super) fn float_dtype(tensor: &impl TensorMetadata) -> FloatDType {
    tensor.dtype().into()
}
