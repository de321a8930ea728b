use burn::tensor::{Tensor, activation};

/// A row's softmax, and the logarithm of what it is divided by: `log Z = max + log_sum`.
pub(super) struct Partition {
    /// `[rows, classes]`.
    pub(super) probs: Tensor<2>,
    /// `[rows, 1]`.
    pub(super) max: Tensor<2>,
    /// `log Σ exp(logit - max)`, `[rows, 1]`.
    pub(super) log_sum: Tensor<2>,
}

impl Partition {
    /// Of logits without autodiff, where a backend's own softmax is used.
    fn of(logits: Tensor<2>) -> Self {
        let probs = activation::softmax(logits.clone(), 1);
        Self {
            // The largest logit has probability 1 / Σ exp(logit - max): no second exponential is needed.
            log_sum: -probs.clone().max_dim(1).log(),
            max: logits.max_dim(1),
            probs,
        }
    }

    /// `log Z`, `[rows, 1]`.
    pub(super) fn log_z(&self) -> Tensor<2> {
        self.max.clone() + self.log_sum.clone()
    }
}

/// A value a row of `logits` `[rows, classes]` as a function of its softmax, whose gradient is known in closed form.
///
/// `value` gives `[rows, 1]` and `gradient` `[rows, classes]`, both from logits without autodiff. Recording the softmax
/// step by step would cost several times as much.
pub(super) fn with_closed_gradient(
    logits: Tensor<2>,
    value: impl FnOnce(&Tensor<2>, &Partition) -> Tensor<2>,
    gradient: impl FnOnce(Partition) -> Tensor<2>,
) -> Tensor<1> {
    let [rows, _] = logits.dims();
    let plain = logits.clone().without_autodiff();
    let partition = Partition::of(plain.clone());
    let value = value(&plain, &partition).reshape([rows]);
    if !logits.is_tracked() {
        return value;
    }
    // gradient · (logits - logits), whose value is 0; a masked logit of -inf must not become -inf - -inf.
    let logits = logits.clamp_min(f64::from(f32::MIN));
    let zeros = logits.clone() - logits.detach();
    value + (zeros * gradient(partition)).sum_dim(1).reshape([rows])
}
