use burn::module::Module;
use candor_core::DrawKey;
use rand::RngExt;

use super::LoraConfig;
use super::adapters::{Factors, WithFactors};
use crate::causal_lm::CausalLm;

/// Which weights get adapters; built by [`LoraConfig::init`].
#[derive(Debug, Clone)]
pub struct LoraPlan {
    config: LoraConfig,
}

impl LoraPlan {
    pub(super) fn new(config: LoraConfig) -> Self {
        Self { config }
    }

    /// What the plan was built from.
    pub fn config(&self) -> &LoraConfig {
        &self.config
    }

    /// The model with adapters, and with every other parameter frozen.
    ///
    /// It computes what it did before: B is zero. A is uniform in ±1/√in, as in the package `peft`, and depends on the
    /// seed alone. Adapters that the model already has are dropped.
    pub fn attach(&self, model: CausalLm) -> CausalLm {
        let LoraConfig { rank, alpha, .. } = self.config;
        let mut key = DrawKey::new(self.config.seed);
        let drawn = |_: &str, [inputs, outputs]: [usize; 2]| {
            let mut rng = key.rng();
            key = key.row(key.row + 1);
            let bound = 1.0 / (inputs as f32).sqrt();
            let entry = |_| rng.random_range(-bound..=bound);
            Factors {
                a: (0..inputs * rank).map(entry).collect(),
                b: vec![0.0; rank * outputs],
            }
        };
        let layers = 0..model.layers.len();
        let paths = layers.flat_map(|layer| {
            let projections = self.config.projections.iter();
            projections.map(move |projection| projection.path(layer))
        });
        let adapters = WithFactors::new(rank, alpha, paths.collect(), drawn);
        model.without_adapters().apply_reparameterization(adapters)
    }
}
