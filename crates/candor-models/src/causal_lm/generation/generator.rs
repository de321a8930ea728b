use burn::module::Module;
use candor_core::ConfigError;

use super::{Sampler, SamplingConfig, TokenSteps};
use crate::causal_lm::{CausalLm, LmError};

/// Continues prompts with a model.
///
/// Prompts of different length run side by side, padded at the left; a row gives the same tokens as alone.
///
/// ```
/// use burn::tensor::Device;
/// use candor_models::causal_lm::CausalLmConfig;
/// use candor_models::causal_lm::generation::{Generator, SamplingConfig};
///
/// let model = CausalLmConfig::tiny().init_seeded(&Device::flex(), 0)?;
/// let sampling = SamplingConfig::new().with_max_new_tokens(3).with_temperature(1.0);
/// let generator = Generator::new(&model, &sampling)?;
/// let both = generator.generate(&[vec![1, 2, 3], vec![4]])?;
/// let second = generator.numbered_from(1).generate(&[vec![4]])?;
/// assert_eq!(both[1], second[0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Generator {
    model: CausalLm,
    sampler: Sampler,
    first_row: u64,
}

impl Generator {
    /// A generator that uses a model without autodiff; the parameters are shared, not copied.
    ///
    /// # Errors
    ///
    /// What [`SamplingConfig::init`] refuses; a stop id that the vocabulary does not hold.
    pub fn new(model: &CausalLm, sampling: &SamplingConfig) -> Result<Self, ConfigError> {
        let sampler = sampling.init()?;
        sampling.check_stop_ids(model.config().vocab_size)?;
        Ok(Self {
            model: model.valid(),
            sampler,
            first_row: 0,
        })
    }

    /// The same generator, whose first prompt is row `row` of the data.
    ///
    /// Draws depend on a row's number, so that it becomes the same text in every batch.
    pub fn numbered_from(self, row: u64) -> Self {
        Self {
            first_row: row,
            ..self
        }
    }

    /// What comes after each prompt, stop tokens included.
    ///
    /// # Errors
    ///
    /// What [`steps`](Self::steps) refuses; scores that are not finite.
    pub fn generate(&self, prompts: &[Vec<u32>]) -> Result<Vec<Vec<u32>>, LmError> {
        let mut rows = vec![Vec::new(); prompts.len()];
        for step in self.steps(prompts)? {
            for (row, token) in rows.iter_mut().zip(step?) {
                row.extend(token);
            }
        }
        Ok(rows)
    }

    /// The same, one token of each row at a time.
    ///
    /// # Errors
    ///
    /// A prompt without a token, one with a token outside the vocabulary, or more tokens than the context holds.
    pub fn steps(&self, prompts: &[Vec<u32>]) -> Result<TokenSteps<'_>, LmError> {
        if prompts.iter().any(Vec::is_empty) {
            return Err(LmError::EmptyPrompt);
        }
        let longest = prompts.iter().map(Vec::len).max().unwrap_or(0);
        let ids = prompts.iter().flatten().copied().map(i64::from);
        self.model.check_tokens(ids)?;
        self.model
            .check_length(longest, self.sampler.config().max_new_tokens)?;
        Ok(TokenSteps::new(
            &self.model,
            &self.sampler,
            prompts,
            self.first_row,
        ))
    }
}
