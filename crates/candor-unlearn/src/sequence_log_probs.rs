use burn::tensor::{Bool, DType, FloatDType, Int, Tensor};
use candor_core::numerics::{label_log_probs, safe_div};
use candor_core::{InputError, check_shape, host};

/// The label of a token that is not scored: padding, or the prompt.
pub const IGNORE_INDEX: i64 = -100;

/// Log-probabilities that a model gives its labels, token by token: what every unlearning objective reads.
///
/// ```text
/// log p[b, t] = log_softmax(logits[b, t])[labels[b, t + 1]], 0 where that label is ignored
/// ```
///
/// A classifier is the case of one token a row, without the shift. Half-precision logits give `f32` log-probabilities: their
/// sums over a sequence are subtracted from one another, and units would be lost.
///
/// # Edge cases
///
/// A row without a scored token has sum 0, count 0, mean 0 and gradient 0.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_unlearn::{IGNORE_INDEX, SequenceLogProbs};
///
/// let device = Device::flex();
/// let logits = Tensor::<3>::zeros([1, 4, 10], &device); // every token has probability 1/10
/// let labels = Tensor::<2, Int>::from_data([[IGNORE_INDEX, IGNORE_INDEX, 7, 3]], &device);
/// let scored = SequenceLogProbs::of_tokens(logits, labels, IGNORE_INDEX);
/// assert!((scored.sum().into_scalar::<f32>() + 2.0 * 10f32.ln()).abs() < 1e-5);
/// assert!((scored.cross_entropy().into_scalar::<f32>() - 10f32.ln()).abs() < 1e-5);
/// ```
#[derive(Debug, Clone)]
pub struct SequenceLogProbs {
    log_probs: Tensor<2>,
    scored: Tensor<2, Bool>,
}

impl SequenceLogProbs {
    /// Scores a language model's logits, shifted by one: those at `t` are scored against the label at `t + 1`.
    ///
    /// # Shapes
    ///
    /// - logits: `[batch, tokens, vocabulary]`
    /// - labels: `[batch, tokens]`, token ids or `ignore_index`; the first column is never scored
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn of_tokens(logits: Tensor<3>, labels: Tensor<2, Int>, ignore_index: i64) -> Self {
        let [batch, tokens, vocabulary] = logits.dims();
        check_shape!("SequenceLogProbs", labels, [batch, tokens]);
        // The labels move and not the logits: the last position is scored against an ignored label.
        let none = labels.clone().slice_dim(1, 0..1).full_like(ignore_index);
        let next = Tensor::cat(vec![labels, none], 1).slice_dim(1, 1..=tokens);
        let scored = next.clone().not_equal_scalar(ignore_index);
        let rows = batch * tokens;
        let labels = next.mask_fill(scored.clone().bool_not(), 0).reshape([rows]);
        let log_probs = class_log_probs(logits.reshape([rows, vocabulary]), labels);
        Self::new(log_probs.reshape([batch, tokens]), scored)
    }

    /// Scores a classifier's logits: one token a row.
    ///
    /// # Shapes
    ///
    /// - logits: `[batch, classes]`
    /// - labels: `[batch]`, in `0..classes`
    ///
    /// # Panics
    ///
    /// When there is not one label a row.
    pub fn of_classes(logits: Tensor<2>, labels: Tensor<1, Int>) -> Self {
        let [batch, _] = logits.dims();
        let log_probs = class_log_probs(logits, labels).reshape([batch, 1]);
        let device = log_probs.device().without_autodiff();
        let scored = Tensor::<2>::ones([batch, 1], &device).greater_scalar(0.0);
        Self { log_probs, scored }
    }

    /// Takes log-probabilities computed elsewhere, `[batch, tokens]`, and which of them count.
    ///
    /// # Panics
    ///
    /// When the shapes differ.
    pub fn new(log_probs: Tensor<2>, scored: Tensor<2, Bool>) -> Self {
        let [batch, tokens] = log_probs.dims();
        check_shape!("SequenceLogProbs", scored, [batch, tokens]);
        Self {
            log_probs: log_probs.mask_fill(scored.clone().bool_not(), 0.0),
            scored,
        }
    }

    /// Log-probability of each whole row, `[batch]`: what NPO, DPO and KTO compare.
    pub fn sum(&self) -> Tensor<1> {
        self.log_probs.clone().sum_dim(1).squeeze_dim(1)
    }

    /// How many tokens of each row are scored, `[batch]`.
    pub fn count(&self) -> Tensor<1, Int> {
        self.scored.clone().int().sum_dim(1).squeeze_dim(1)
    }

    /// Mean log-probability a scored token of each row, `[batch]`; 0 where there is none.
    pub fn mean(&self) -> Tensor<1> {
        safe_div(
            self.sum(),
            self.count().float().cast(self.log_probs.dtype()),
        )
    }

    /// Minus the mean log-probability of all scored tokens of the batch, `[1]`; 0 where there is none.
    ///
    /// A token mean: long rows weigh more, as in a language model's training loss.
    pub fn cross_entropy(&self) -> Tensor<1> {
        let count = self
            .scored
            .clone()
            .int()
            .sum()
            .float()
            .cast(self.log_probs.dtype());
        -safe_div(self.log_probs.clone().sum(), count)
    }

    /// The log-probabilities, `[batch, tokens]`, 0 where nothing is scored.
    pub fn log_probs(&self) -> Tensor<2> {
        self.log_probs.clone()
    }

    /// Which entries are scored, `[batch, tokens]`.
    pub fn scored(&self) -> Tensor<2, Bool> {
        self.scored.clone()
    }

    /// Looks for values that [`of_tokens`](Self::of_tokens) is not defined for; reads the labels to the host.
    ///
    /// # Errors
    ///
    /// Shapes that do not fit, an empty batch, an `ignore_index` that could be a token, a label that is neither a token
    /// nor ignored.
    pub fn validate_tokens(
        logits: &Tensor<3>,
        labels: &Tensor<2, Int>,
        ignore_index: i64,
    ) -> Result<(), InputError> {
        const NAME: &str = "SequenceLogProbs";
        let [batch, tokens, vocabulary] = logits.dims();
        InputError::check_dims(NAME, "labels", &labels.dims(), &[batch, tokens])?;
        InputError::check_not_empty(NAME, "labels", batch * tokens)?;
        let negative = |index: f64| index < 0.0;
        InputError::check_values(
            NAME,
            "ignore_index",
            &[ignore_index as f64],
            "< 0",
            negative,
        )?;
        let heed = |label: i64| if label == ignore_index { 0 } else { label };
        let labels: Vec<i64> = host::ints(labels).into_iter().map(heed).collect();
        InputError::check_labels(NAME, "labels", &labels, vocabulary)
    }

    /// Looks for values that [`of_classes`](Self::of_classes) is not defined for; reads the labels to the host.
    ///
    /// # Errors
    ///
    /// Differing lengths, an empty batch, a label outside the classes.
    pub fn validate_classes(logits: &Tensor<2>, labels: &Tensor<1, Int>) -> Result<(), InputError> {
        const NAME: &str = "SequenceLogProbs";
        let [batch, classes] = logits.dims();
        InputError::check_dims(NAME, "labels", &labels.dims(), &[batch])?;
        InputError::check_not_empty(NAME, "labels", batch)?;
        InputError::check_labels(NAME, "labels", &host::ints(labels), classes)
    }

    /// Looks for log-probabilities that a loss is not defined for; reads them to the host.
    ///
    /// # Errors
    ///
    /// NaN, or no scored token in the whole batch, which leaves a cross-entropy of 0/0.
    pub fn validate(&self) -> Result<(), InputError> {
        const NAME: &str = "SequenceLogProbs";
        let values = host::floats(&self.log_probs);
        InputError::check_values(NAME, "log_probs", &values, "a number", |value| {
            !value.is_nan()
        })?;
        let count: i64 = host::ints(&self.count()).iter().sum();
        InputError::check_not_empty(NAME, "scored", count as usize)
    }
}

/// Log-probability that a classifier's logits `[batch, classes]` give each label `[batch]`, as `[batch]`.
///
/// Half-precision logits give `f32`, as in [`SequenceLogProbs`].
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_unlearn::class_log_probs;
///
/// let device = Device::flex();
/// let logits = Tensor::<2>::zeros([1, 4], &device);
/// let logps = class_log_probs(logits, Tensor::<1, Int>::from_data([3], &device));
/// assert!((logps.into_scalar::<f32>() + 4f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
///
/// When there is not one label a row.
pub fn class_log_probs(logits: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
    label_log_probs(at_least_single(logits), labels)
}

/// Half-precision logits in `f32`, all others as they are: what comes of them is summed and subtracted.
pub(crate) fn at_least_single(logits: Tensor<2>) -> Tensor<2> {
    match logits.dtype() {
        DType::F16 | DType::BF16 => logits.cast(FloatDType::F32),
        _ => logits,
    }
}
