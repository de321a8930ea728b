use candor_core::ConfigError;
use candor_models::causal_lm::LmTokenizer;
use candor_models::causal_lm::generation::SamplingConfig;
use serde::{Deserialize, Serialize};

/// How a text is continued; every field has a default, unknown ones are refused.
///
/// The meaning and the order of the steps are those of [`SamplingConfig`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GenerateSettings {
    /// The most tokens that are added. Default: 128.
    pub max_new_tokens: usize,
    /// Divides the scores; 0 takes the best token. Default: 0.
    pub temperature: f64,
    /// How many tokens may be drawn; 0 for all. Default: 0.
    pub top_k: usize,
    /// The share of probability that the tokens kept must hold. Default: 1, all.
    pub top_p: f64,
    /// The least probability, as a share of the best token's. Default: 0, all.
    pub min_p: f64,
    /// What positive scores of tokens seen before are divided by. Default: 1, nothing.
    pub repetition_penalty: f64,
    /// Texts that end the continuation and are not part of it. Default: none.
    pub stop: Vec<String>,
    /// Seed of the draws. Default: 0.
    pub seed: u64,
}

impl Default for GenerateSettings {
    fn default() -> Self {
        Self {
            max_new_tokens: 128,
            temperature: 0.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            stop: Vec::new(),
            seed: 0,
        }
    }
}

impl GenerateSettings {
    /// Refuses what no model could be asked, before any work.
    ///
    /// # Errors
    ///
    /// The first field that is out of range.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.sampling().init().map(drop)
    }

    /// The same for one model: its own ends of a text end the continuation too.
    pub(super) fn sampling_for(
        &self,
        tokenizer: &LmTokenizer,
        vocab_size: usize,
    ) -> SamplingConfig {
        let known = |id: &u32| (*id as usize) < vocab_size;
        let stop_ids = tokenizer.stop_ids().into_iter().filter(known);
        self.sampling().with_stop_ids(stop_ids.collect())
    }

    fn sampling(&self) -> SamplingConfig {
        SamplingConfig::new()
            .with_max_new_tokens(self.max_new_tokens)
            .with_temperature(self.temperature)
            .with_top_k(self.top_k)
            .with_top_p(self.top_p)
            .with_min_p(self.min_p)
            .with_repetition_penalty(self.repetition_penalty)
            .with_stop_strings(self.stop.clone())
            .with_seed(self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_legal_and_an_empty_stop_text_is_not() {
        GenerateSettings::default().check().unwrap();
        let settings = GenerateSettings {
            stop: vec![String::new()],
            ..GenerateSettings::default()
        };
        let error = settings.check().unwrap_err().to_string();
        assert!(error.contains("stop_strings"), "{error}");
    }
}
