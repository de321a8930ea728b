use std::collections::BTreeSet;

use burn::config::Config;
use candor_core::ConfigError;

use super::{LoraPlan, Projection};

/// Which weights get adapters, and of which rank.
///
/// ```
/// use burn::tensor::Device;
/// use candor_models::causal_lm::CausalLmConfig;
/// use candor_models::causal_lm::lora::LoraConfig;
///
/// let model = CausalLmConfig::tiny().init_seeded(&Device::flex().autodiff(), 0)?;
/// let model = LoraConfig::new().with_rank(4).init()?.attach(model);
/// // A: 128 x 4 and B: 4 x 128 of q, 4 x 64 of v, in five layers; nothing else is trained.
/// assert_eq!(model.num_adapter_params(), 5 * (128 * 4 + 4 * 128 + 128 * 4 + 4 * 64));
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Config, Debug, PartialEq)]
pub struct LoraConfig {
    /// Columns of A and rows of B. Default: 8.
    #[config(default = 8)]
    pub rank: usize,
    /// The adapter's part is multiplied by `alpha / rank`. Default: 16.
    #[config(default = 16.0)]
    pub alpha: f64,
    /// The weights of every layer that get an adapter. Default: queries and values, as in the paper.
    #[config(default = "vec![Projection::Q, Projection::V]")]
    pub projections: Vec<Projection>,
    /// What the entries of A are drawn from; B begins at zero. Default: 0.
    #[config(default = 0)]
    pub seed: u64,
}

impl LoraConfig {
    /// The plan of these settings.
    ///
    /// # Errors
    ///
    /// A rank of zero, an alpha that is not finite and above zero, no projection, or one named twice.
    pub fn init(&self) -> Result<LoraPlan, ConfigError> {
        const NAME: &str = "LoraConfig";
        ConfigError::at_least_one(NAME, "rank", self.rank)?;
        ConfigError::positive(NAME, "alpha", self.alpha)?;
        ConfigError::at_least_one(NAME, "projections", self.projections.len())?;
        let distinct: BTreeSet<_> = self.projections.iter().collect();
        if distinct.len() < self.projections.len() {
            return Err(ConfigError::contradiction(
                NAME,
                "projections names one twice",
            ));
        }
        Ok(LoraPlan::new(self.clone()))
    }
}
