use burn::config::Config;
use candor_core::ConfigError;

/// Configuration of [`MuParamScales`].
#[derive(Config, Debug)]
pub struct MuParamScalesConfig {
    /// Width d₀ at which the learning rate was found, 1 or more.
    pub base_width: usize,
    /// Width d of the model to train, 1 or more.
    pub width: usize,
}

impl MuParamScalesConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A width of 0.
    pub fn init(&self) -> Result<MuParamScales, ConfigError> {
        const CONFIG: &str = "MuParamScalesConfig";
        let base = ConfigError::at_least_one(CONFIG, "base_width", self.base_width)?;
        let width = ConfigError::at_least_one(CONFIG, "width", self.width)?;
        Ok(MuParamScales {
            ratio: base as f64 / width as f64,
        })
    }
}

/// What to multiply rates and logits with when a model becomes wider than the one they were tuned on (μParam).
///
/// ```text
/// hidden matrices: rate · d₀/d        embeddings, vectors: rate · 1        output logits · d₀/d
/// ```
///
/// The paper's finding is that this moves the best learning rate less with the width, and does not remove the
/// instabilities. Its simple variant keeps the attention's scale 1/√d; [`attention_scale`](Self::attention_scale) has
/// both.
///
/// Source: Yang et al., 2022, arXiv 2203.03466; Wortsman et al., 2023, arXiv 2309.14322.
///
/// ```
/// use candor_losses::stability::MuParamScalesConfig;
///
/// let scales = MuParamScalesConfig::new(128, 1024).init().unwrap();
/// assert_eq!((scales.hidden_lr(), scales.embed_lr(), scales.logit_mult()), (0.125, 1.0, 0.125));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MuParamScales {
    ratio: f64,
}

impl MuParamScales {
    /// Of the learning rate of hidden matrices, d₀/d.
    pub fn hidden_lr(&self) -> f64 {
        self.ratio
    }

    /// Of the learning rate of embeddings, gains and biases, 1.
    pub fn embed_lr(&self) -> f64 {
        1.0
    }

    /// Of the output logits, d₀/d; instead, the output layer's learning rate may be multiplied by it.
    pub fn logit_mult(&self) -> f64 {
        self.ratio
    }

    /// Standard deviation of a hidden matrix's initial weights, 1/√inputs; of no inputs it is that of one.
    pub fn hidden_init_std(&self, inputs: usize) -> f64 {
        (inputs.max(1) as f64).sqrt().recip()
    }

    /// What attention multiplies its products with: 1/d of a head in strict μParam, else 1/√d.
    pub fn attention_scale(&self, head_dim: usize, strict: bool) -> f64 {
        let width = head_dim.max(1) as f64;
        if strict {
            width.recip()
        } else {
            width.sqrt().recip()
        }
    }
}
