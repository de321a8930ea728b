use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Bool, DType, Device, Tensor};
use candor_core::numerics::{masked_log_softmax, masked_softmax};
use candor_core::{ConfigError, DrawKey, InputError, check_shape};

use super::additive_attention::AdditiveAttention;
use super::process_block::read;
use super::row_check::check_mask;

/// Configuration of a [`PointerStep`].
#[derive(Config, Debug, PartialEq)]
pub struct PointerStepConfig {
    /// Width of memory and query, >= 1.
    pub d_model: usize,
    /// Width of the attention, >= 1.
    pub d_attention: usize,
    /// Reads of the memory before pointing, >= 0; the paper has 0 or 1. Default: 1.
    #[config(default = 1)]
    pub glimpses: usize,
}

impl PointerStepConfig {
    /// Builds the step with parameters that depend on `seed` alone.
    ///
    /// # Errors
    ///
    /// A width of zero.
    pub fn init_seeded(&self, device: &Device, seed: u64) -> Result<PointerStep, ConfigError> {
        const NAME: &str = "PointerStepConfig";
        let model = ConfigError::at_least_one(NAME, "d_model", self.d_model)?;
        let attention = ConfigError::at_least_one(NAME, "d_attention", self.d_attention)?;
        let seeded =
            |row| AdditiveAttention::seeded(model, attention, DrawKey::new(seed).row(row), device);
        Ok(PointerStep::new(seeded(0), seeded(1), self.glimpses))
    }
}

/// Where a [`PointerStep`] points.
#[derive(Debug, Clone)]
pub struct PointerOutput {
    /// Log-probability of each element, `[batch, elements]`; -1e30 (in half precision -3e4) where none is available.
    pub log_probs: Tensor<2>,
    /// Probability of each element, `[batch, elements]`; exactly 0 where none is available.
    pub probs: Tensor<2>,
    /// The query after the glimpses, `[batch, d_model]`.
    pub query: Tensor<2>,
}

/// Glimpses at the memory, then a distribution over its elements.
///
/// ```text
/// as many times as there are glimpses: a = softmax of u^glimpse(q),  q ← Σ a_i m_i
/// p = softmax of u^pointer(q)                             both over the available elements
/// ```
///
/// # Edge cases
///
/// One available element has probability 1. A row without any has probabilities of 0, never NaN;
/// [`validate`](Self::validate) finds it.
///
/// # Source
///
/// Vinyals, Bengio, Kudlur 2016, arXiv 1511.06391; the scores are those of Pointer Networks, arXiv 1506.03134.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_models::sets::PointerStepConfig;
///
/// let device = Device::flex();
/// let step = PointerStepConfig::new(2, 3).init_seeded(&device, 0).unwrap();
/// let available = Tensor::from_data([[true, true, false]], &device);
/// let output = step.forward(Tensor::ones([1, 3, 2], &device), Tensor::ones([1, 2], &device), available);
/// assert_eq!(output.probs.into_data().to_vec::<f32>().unwrap(), [0.5, 0.5, 0.0]);
/// ```
#[derive(Module, Debug)]
pub struct PointerStep {
    glimpse: AdditiveAttention,
    pointer: AdditiveAttention,
    glimpses: usize,
}

impl PointerStep {
    /// A step of the two attentions.
    pub fn new(glimpse: AdditiveAttention, pointer: AdditiveAttention, glimpses: usize) -> Self {
        Self {
            glimpse,
            pointer,
            glimpses,
        }
    }

    /// The distribution over the elements of each row.
    ///
    /// # Shapes
    ///
    /// - memory: `[batch, elements, d_model]`
    /// - query: `[batch, d_model]`
    /// - available: `[batch, elements]`, false for padding and for what was pointed at already
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn forward(
        &self,
        memory: Tensor<3>,
        query: Tensor<2>,
        available: Tensor<2, Bool>,
    ) -> PointerOutput {
        let [batch, elements, _] = memory.dims();
        check_shape!("PointerStep", available, [batch, elements]);
        let query = (0..self.glimpses).fold(query, |query, _| {
            let scores = self.glimpse.scores(memory.clone(), query);
            read(&memory, &masked_softmax(scores, available.clone(), 1))
        });
        let scores = self.pointer.scores(memory, query.clone());
        let log_probs = masked_log_softmax(scores.clone(), available.clone(), 1);
        let hidden = hidden_log_prob(log_probs.dtype());
        PointerOutput {
            log_probs: log_probs.mask_fill(available.clone().bool_not(), hidden),
            probs: masked_softmax(scores, available, 1),
            query,
        }
    }

    /// Looks for rows in which nothing is available; reads the mask to the host.
    ///
    /// # Errors
    ///
    /// A mask of another shape, an empty batch, a row without an available element.
    pub fn validate(
        &self,
        memory: &Tensor<3>,
        available: &Tensor<2, Bool>,
    ) -> Result<(), InputError> {
        let [batch, elements, _] = memory.dims();
        check_mask("PointerStep", "available", available, [batch, elements])
    }
}

/// The log-probability of what cannot be pointed at: finite, so that no product with 0 is NaN.
pub(super) fn hidden_log_prob(dtype: DType) -> f64 {
    match dtype {
        DType::F16 | DType::BF16 => -3e4,
        _ => -1e30,
    }
}
