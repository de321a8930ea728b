use burn::config::Config;
use candor_core::ConfigError;

use super::Sampler;

/// How the next token is chosen from its scores, and when to stop.
///
/// The steps, in this order: [`repetition_penalty`](Self::repetition_penalty) changes the scores of tokens seen
/// before; the scores are divided by [`temperature`](Self::temperature) and made probabilities;
/// [`top_k`](Self::top_k) keeps the best, [`top_p`](Self::top_p) the fewest that hold that share of what is left,
/// [`min_p`](Self::min_p) those not too far below the best; one is drawn. With a temperature of 0 the token with the
/// highest score is taken, the lowest id of several.
///
/// ```
/// use candor_core::DrawKey;
/// use candor_models::causal_lm::generation::SamplingConfig;
///
/// let greedy = SamplingConfig::new().init()?;
/// assert_eq!(greedy.sample(&[0.1, 2.0, 2.0], &[], DrawKey::new(0)), Some(1));
/// let refused = SamplingConfig::new().with_top_p(0.0).init().unwrap_err();
/// assert_eq!(refused.to_string(), "SamplingConfig: top_p = 0 is out of range, it must be in (0, 1]");
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Config, Debug, PartialEq)]
pub struct SamplingConfig {
    /// The most tokens that are added to a prompt. Default: 64.
    #[config(default = 64)]
    pub max_new_tokens: usize,
    /// Divides the scores; 0 takes the best. Default: 0.
    #[config(default = 0.0)]
    pub temperature: f64,
    /// How many tokens may be drawn; 0 for all. Default: 0.
    #[config(default = 0)]
    pub top_k: usize,
    /// The share of probability that the tokens kept must hold. Default: 1, all are kept.
    #[config(default = 1.0)]
    pub top_p: f64,
    /// The least probability, as a share of the best token's. Default: 0, all are kept.
    #[config(default = 0.0)]
    pub min_p: f64,
    /// What positive scores of tokens seen before are divided by, and negative ones multiplied. Default: 1, nothing.
    #[config(default = 1.0)]
    pub repetition_penalty: f64,
    /// Tokens that end a row. Default: none.
    #[config(default = "Vec::new()")]
    pub stop_ids: Vec<u32>,
    /// Texts that end a row where it contains them; they take a tokenizer, so token generation leaves them alone.
    /// Default: none.
    #[config(default = "Vec::new()")]
    pub stop_strings: Vec<String>,
    /// What the draws depend on, together with the row and the step. Default: 0.
    #[config(default = 0)]
    pub seed: u64,
}

impl SamplingConfig {
    /// The sampler of these settings.
    ///
    /// # Errors
    ///
    /// A temperature that is not finite and >= 0, a `top_p` outside `(0, 1]`, a `min_p` outside `[0, 1]`, a
    /// repetition penalty that is not finite and above zero, or an empty stop string.
    pub fn init(&self) -> Result<Sampler, ConfigError> {
        ConfigError::non_negative(NAME, "temperature", self.temperature)?;
        ConfigError::positive(NAME, "repetition_penalty", self.repetition_penalty)?;
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            let legal = "in (0, 1]";
            return Err(ConfigError::out_of_range(NAME, "top_p", self.top_p, legal));
        }
        if !(0.0..=1.0).contains(&self.min_p) {
            let legal = "in [0, 1]";
            return Err(ConfigError::out_of_range(NAME, "min_p", self.min_p, legal));
        }
        if self.stop_strings.iter().any(String::is_empty) {
            let legal = "not empty";
            return Err(ConfigError::out_of_range(
                NAME,
                "stop_strings",
                "\"\"",
                legal,
            ));
        }
        Ok(Sampler::new(self.clone()))
    }

    /// Refuses stop ids that the vocabulary does not hold.
    pub(super) fn check_stop_ids(&self, vocab_size: usize) -> Result<(), ConfigError> {
        let outside = |&&id: &&u32| id as usize >= vocab_size;
        match self.stop_ids.iter().find(outside) {
            None => Ok(()),
            Some(id) => {
                let legal = "ids of the model's vocabulary";
                Err(ConfigError::out_of_range(NAME, "stop_ids", id, legal))
            }
        }
    }
}

const NAME: &str = "SamplingConfig";
