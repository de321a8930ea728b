use burn::config::Config;
use candor_core::ConfigError;
use candor_core::layers::RopeLayout;

/// Configuration of a [`CausalLm`](crate::causal_lm::CausalLm).
///
/// `CausalLmConfig::new(vocab_size, hidden_size, intermediate_size, num_layers, num_heads, num_kv_heads, head_dim)`;
/// [`tiny`](Self::tiny) and [`smollm2_135m`](Self::smollm2_135m) fill everything in.
///
/// ```
/// use candor_models::causal_lm::CausalLmConfig;
///
/// assert!(CausalLmConfig::smollm2_135m().validate().is_ok());
/// let uneven = CausalLmConfig { num_kv_heads: 2, ..CausalLmConfig::smollm2_135m() };
/// assert_eq!(
///     uneven.validate().unwrap_err().to_string(),
///     "CausalLmConfig: num_heads = 9 is no multiple of num_kv_heads = 2"
/// );
/// ```
#[derive(Config, Debug, PartialEq)]
pub struct CausalLmConfig {
    /// How many tokens there are.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the gated feed-forward layer.
    pub intermediate_size: usize,
    /// How many decoder layers there are, at most [`MAX_LAYERS`](Self::MAX_LAYERS).
    pub num_layers: usize,
    /// How many query heads a layer has.
    pub num_heads: usize,
    /// How many key and value heads a layer has; divides `num_heads`.
    pub num_kv_heads: usize,
    /// Width of a head; even, at most [`MAX_HEAD_DIM`](Self::MAX_HEAD_DIM).
    pub head_dim: usize,
    /// Base of the rotary frequencies. Default: 10000.
    #[config(default = 10000.0)]
    pub rope_theta: f64,
    /// What is added to the mean square before its root is taken. Default: 1e-5.
    #[config(default = 1e-5)]
    pub rms_norm_eps: f64,
    /// The most tokens of a sequence, prompt and continuation together. Default: 2048.
    #[config(default = 2048)]
    pub context_length: usize,
    /// Which entries of a head are rotated together. Default: `Half`, as in safetensors files.
    #[config(default = "RopeLayout::Half")]
    pub rope_layout: RopeLayout,
    /// Whether the output head is the embedding matrix. Default: true.
    #[config(default = true)]
    pub tie_embeddings: bool,
    /// Whether queries and keys are normalised over each head before they are rotated. Default: false.
    #[config(default = false)]
    pub qk_norm: bool,
}

impl CausalLmConfig {
    /// The most layers that are accepted; a configuration may come from a hostile file.
    pub const MAX_LAYERS: usize = 1024;

    /// The widest head that is accepted: the rotary frequencies are as many as half of it.
    pub const MAX_HEAD_DIM: usize = 65_536;

    /// About a million parameters over bytes, for tests and for training on a laptop.
    ///
    /// 260 tokens: the 256 bytes, and four that are left for special tokens (ids 256 to 259). 1,017,728 parameters.
    pub fn tiny() -> Self {
        Self::new(260, 128, 384, 5, 4, 2, 32).with_context_length(512)
    }

    /// SmolLM2-135M as its safetensors file has it: 134,515,008 parameters.
    ///
    /// The GGUF file holds the same network with the `Interleaved` layout.
    pub fn smollm2_135m() -> Self {
        Self::new(49152, 576, 1536, 30, 9, 3, 64)
            .with_rope_theta(100_000.0)
            .with_context_length(8192)
    }

    /// Checks every field.
    ///
    /// # Errors
    ///
    /// A size of zero, more than [`MAX_LAYERS`](Self::MAX_LAYERS) layers, a `head_dim` that is odd or above
    /// [`MAX_HEAD_DIM`](Self::MAX_HEAD_DIM), a `num_heads` that is no
    /// multiple of `num_kv_heads`, a `rope_theta` or `rms_norm_eps` that is not finite and above zero, or matrices
    /// with more entries than can be counted.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_layers", self.num_layers),
            ("num_heads", self.num_heads),
            ("num_kv_heads", self.num_kv_heads),
            ("head_dim", self.head_dim),
            ("context_length", self.context_length),
        ];
        for (field, size) in sizes {
            ConfigError::at_least_one(NAME, field, size)?;
        }
        ConfigError::positive(NAME, "rope_theta", self.rope_theta)?;
        ConfigError::positive(NAME, "rms_norm_eps", self.rms_norm_eps)?;
        if self.num_layers > Self::MAX_LAYERS {
            let (seen, legal) = (self.num_layers, "at most 1024");
            return Err(ConfigError::out_of_range(NAME, "num_layers", seen, legal));
        }
        if !self.head_dim.is_multiple_of(2) || self.head_dim > Self::MAX_HEAD_DIM {
            let (seen, legal) = (self.head_dim, "even and at most 65536");
            return Err(ConfigError::out_of_range(NAME, "head_dim", seen, legal));
        }
        self.check_heads()?;
        self.check_entries()
    }

    /// How many query heads share one key and value head.
    pub fn heads_per_kv_head(&self) -> usize {
        self.num_heads / self.num_kv_heads
    }

    fn check_heads(&self) -> Result<(), ConfigError> {
        let (heads, kv_heads) = (self.num_heads, self.num_kv_heads);
        if heads.is_multiple_of(kv_heads) {
            return Ok(());
        }
        let problem = format!("num_heads = {heads} is no multiple of num_kv_heads = {kv_heads}");
        Err(ConfigError::contradiction(NAME, problem))
    }

    /// Shapes are multiplied out when parameters are made: none of the products may overflow.
    fn check_entries(&self) -> Result<(), ConfigError> {
        let widths = [
            Some(self.vocab_size),
            Some(self.intermediate_size),
            self.num_heads.checked_mul(self.head_dim),
        ];
        let countable = |width: Option<usize>| {
            let bytes = width?.checked_mul(self.hidden_size)?.checked_mul(8)?;
            isize::try_from(bytes).ok()
        };
        if widths.into_iter().all(|width| countable(width).is_some()) {
            Ok(())
        } else {
            let problem = "a matrix of these sizes has more entries than can be counted";
            Err(ConfigError::contradiction(NAME, problem))
        }
    }
}

const NAME: &str = "CausalLmConfig";

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut CausalLmConfig)) -> CausalLmConfig {
        let mut config = CausalLmConfig::tiny();
        change(&mut config);
        config
    }

    #[test]
    fn illegal_fields_are_refused_by_name() {
        let illegal = [
            ("vocab_size", with(|config| config.vocab_size = 0)),
            ("hidden_size", with(|config| config.hidden_size = 0)),
            (
                "intermediate_size",
                with(|config| config.intermediate_size = 0),
            ),
            ("num_layers", with(|config| config.num_layers = 0)),
            ("num_layers", with(|config| config.num_layers = usize::MAX)),
            ("num_heads", with(|config| config.num_heads = 0)),
            ("num_heads", with(|config| config.num_heads = 3)),
            ("num_kv_heads", with(|config| config.num_kv_heads = 0)),
            ("head_dim", with(|config| config.head_dim = 0)),
            ("head_dim", with(|config| config.head_dim = 31)),
            ("head_dim", with(|config| config.head_dim = usize::MAX - 1)),
            ("context_length", with(|config| config.context_length = 0)),
            ("rope_theta", with(|config| config.rope_theta = f64::NAN)),
            ("rope_theta", with(|config| config.rope_theta = 0.0)),
            (
                "rms_norm_eps",
                with(|config| config.rms_norm_eps = f64::INFINITY),
            ),
            ("rms_norm_eps", with(|config| config.rms_norm_eps = -1e-5)),
            ("entries", with(|config| config.vocab_size = usize::MAX / 4)),
            ("entries", with(|config| config.num_heads = usize::MAX - 1)),
        ];
        for (field, config) in illegal {
            let error = config.validate().unwrap_err().to_string();
            assert!(error.contains(field), "{field}: {error}");
        }
    }

    #[test]
    fn the_presets_are_legal_and_survive_json() {
        for config in [CausalLmConfig::tiny(), CausalLmConfig::smollm2_135m()] {
            config.validate().unwrap();
            let text = serde_json::to_string(&config).unwrap();
            let back: CausalLmConfig = serde_json::from_str(&text).unwrap();
            assert_eq!(config, back);
        }
    }
}
