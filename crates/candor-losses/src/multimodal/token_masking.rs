use burn::config::Config;
use candor_core::{ConfigError, DrawKey};
use rand::{Rng, RngExt};

use super::MlmDistillLoss;

/// Configuration of [`TokenMasking`].
#[derive(Config, Debug)]
pub struct TokenMaskingConfig {
    /// The token that hides a word.
    pub mask_id: i64,
    /// Tokens that are never masked: padding, class token.
    pub kept_ids: Vec<i64>,
    /// Size of the vocabulary, >= 1: random words are drawn from it.
    pub vocabulary: usize,
    /// Probability that a token is masked, in [0, 1]. Default: 0.15; for replaced-token detection 0.3.
    #[config(default = 0.15)]
    pub probability: f64,
}

impl TokenMaskingConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A probability outside [0, 1], an empty vocabulary.
    pub fn init(&self) -> Result<TokenMasking, ConfigError> {
        const NAME: &str = "TokenMaskingConfig";
        if !(0.0..=1.0).contains(&self.probability) {
            let probability = self.probability;
            return Err(ConfigError::out_of_range(
                NAME,
                "probability",
                probability,
                "in [0, 1]",
            ));
        }
        ConfigError::at_least_one(NAME, "vocabulary", self.vocabulary)?;
        Ok(TokenMasking {
            config: self.clone(),
        })
    }
}

/// Hides words of a text for [`MlmDistillLoss`]: 80 % of the masked ones become the mask token, 10 % a random word, 10 % stay.
///
/// # Source
///
/// Devlin et al.: BERT, 2018, arXiv 1810.04805.
///
/// ```
/// use candor_core::DrawKey;
/// use candor_losses::multimodal::TokenMaskingConfig;
///
/// let masking = TokenMaskingConfig::new(103, vec![0, 101], 30522).with_probability(1.0).init()?;
/// let masked = masking.draw(&[101, 7, 8, 0], DrawKey::new(1));
/// assert_eq!(masked.labels, [-100, 7, 8, -100]); // everything but the class token and padding
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TokenMasking {
    config: TokenMaskingConfig,
}

/// A text with hidden words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskedTokens {
    /// What the model sees.
    pub input_ids: Vec<i64>,
    /// The original at masked tokens, [`UNMASKED`](MlmDistillLoss::UNMASKED) elsewhere.
    pub labels: Vec<i64>,
}

impl TokenMasking {
    /// Masks the tokens of one text by the draws of a key.
    pub fn draw(&self, ids: &[i64], key: DrawKey) -> MaskedTokens {
        self.sample(ids, &mut key.rng())
    }

    /// Masks the tokens of one text by a generator.
    pub fn sample(&self, ids: &[i64], rng: &mut impl Rng) -> MaskedTokens {
        let (input_ids, labels) = ids
            .iter()
            .map(|&id| {
                // Every token takes its draws, masked or not: a change in one word leaves the others as they were.
                let (masked, kind) = (rng.random::<f64>(), rng.random::<f64>());
                let word = rng.random_range(0..self.config.vocabulary) as i64;
                if masked >= self.config.probability || self.config.kept_ids.contains(&id) {
                    (id, MlmDistillLoss::UNMASKED)
                } else if kind < 0.8 {
                    (self.config.mask_id, id)
                } else if kind < 0.9 {
                    (word, id)
                } else {
                    (id, id)
                }
            })
            .unzip();
        MaskedTokens { input_ids, labels }
    }
}
