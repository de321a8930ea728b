use burn::tensor::{FloatDType, Tensor};
use candor_core::{InputError, MemoryBudget, host};

/// In the paper, runs whose largest attention logit passed about this diverged.
pub const DANGEROUS_ATTENTION_LOGIT: f64 = 1e4;

/// The largest magnitude of attention's logits, before any mask.
///
/// ```text
/// max |q kᵀ| / √d   over batch, queries and keys
/// ```
///
/// Logits that grow make attention one-hot, and training diverges: watch this, and add query-key normalisation when it
/// goes towards [`DANGEROUS_ATTENTION_LOGIT`]. All arithmetic is in `f32` or better.
///
/// Source: Wortsman et al., 2023, arXiv 2309.14322.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::MemoryBudget;
/// use candor_metrics::training::AttentionLogitStats;
///
/// let queries = Tensor::<4>::ones([1, 1, 2, 4], &Device::flex());
/// let stats = AttentionLogitStats::of(&queries, &(queries.clone() * -3.0), MemoryBudget::default()).unwrap();
/// assert_eq!(stats.max, 6.0); // 12 / √4
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionLogitStats {
    /// The largest magnitude of each head.
    pub per_head: Vec<f64>,
    /// The largest of all heads.
    pub max: f64,
}

impl AttentionLogitStats {
    const NAME: &str = "AttentionLogitStats";

    /// From queries `[batch, heads, queries, d]` and keys `[batch, heads, keys, d]`.
    ///
    /// Logits are made for so many queries at a time that they fit the budget: the peak is
    /// `2 · batch · heads · keys` floats a query.
    ///
    /// # Errors
    ///
    /// Shapes that do not fit, nothing to look at, a value that is not a number, a product that overflows.
    pub fn of(
        queries: &Tensor<4>,
        keys: &Tensor<4>,
        budget: MemoryBudget,
    ) -> Result<Self, InputError> {
        let [batch, heads, length, width] = queries.dims();
        let seen = keys.dims();
        InputError::check_dims(Self::NAME, "keys", &seen, &[batch, heads, seen[2], width])?;
        let entries = queries
            .shape()
            .num_elements()
            .min(keys.shape().num_elements());
        InputError::check_not_empty(Self::NAME, "queries", entries)?;
        let queries = at_least_f32(queries) * (width as f64).sqrt().recip();
        let keys = at_least_f32(keys).cast(queries.dtype()).swap_dims(2, 3);
        let a_query = 2 * batch * heads * seen[2] * queries.dtype().size();
        let largest = budget
            .chunks(length, a_query)
            .map(|chunk| {
                let logits = queries.clone().slice_dim(2, chunk).matmul(keys.clone());
                largest_per_head(logits)
            })
            .reduce(Tensor::max_pair);
        Self::read(largest)
    }

    /// From logits `[batch, heads, queries, keys]`, before the mask.
    ///
    /// # Errors
    ///
    /// No logit, a logit that is not finite.
    pub fn of_logits(logits: &Tensor<4>) -> Result<Self, InputError> {
        InputError::check_not_empty(Self::NAME, "logits", logits.shape().num_elements())?;
        Self::read(Some(largest_per_head(at_least_f32(logits))))
    }

    fn read(largest: Option<Tensor<1>>) -> Result<Self, InputError> {
        let per_head = largest.map_or_else(Vec::new, |largest| host::floats(&largest));
        InputError::check_finite(Self::NAME, "logits", &per_head)?;
        let max = per_head.iter().copied().fold(0.0, f64::max);
        Ok(Self { per_head, max })
    }
}

/// `[heads]`; infinite where a logit is not a number, which a maximum might pass over.
fn largest_per_head(logits: Tensor<4>) -> Tensor<1> {
    let heads = logits.dims()[1];
    let lost = logits.clone().is_nan();
    logits
        .abs()
        .mask_fill(lost, f64::INFINITY)
        .max_dim(3)
        .max_dim(2)
        .max_dim(0)
        .reshape([heads])
}

/// Without autodiff, and wide enough for products above 65504.
pub(super) fn at_least_f32<const D: usize>(tensor: &Tensor<D>) -> Tensor<D> {
    let tensor = tensor.clone().without_autodiff();
    if tensor.dtype().size() < 4 {
        tensor.cast(FloatDType::F32)
    } else {
        tensor
    }
}
