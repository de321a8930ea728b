use burn::config::Config;
use burn::module::{Initializer, Module, Param};
use burn::tensor::{Device, Tensor};
use candor_core::{ConfigError, check_shape, in_f32};
use serde::{Deserialize, Serialize};

/// Which normalisation [`QkNorm`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum QkNormKind {
    /// Layer normalisation without a bias: the mean is taken away. The paper's.
    Layer,
    /// Root mean square: the mean stays. A common variant.
    Rms,
}

/// Configuration of [`QkNorm`].
#[derive(Config, Debug)]
pub struct QkNormConfig {
    /// Width d of a head, 1 or more.
    pub head_dim: usize,
    /// Added to the mean square inside the root, finite and > 0. Default: 1e-6.
    #[config(default = 1e-6)]
    pub epsilon: f64,
    /// Which normalisation. Default: [`QkNormKind::Layer`].
    #[config(default = "QkNormKind::Layer")]
    pub kind: QkNormKind,
}

impl QkNormConfig {
    /// Checks the settings and makes the module, its gains at one.
    ///
    /// # Errors
    ///
    /// A width of 0, an ε that is not finite and above zero.
    pub fn init(&self, device: &Device) -> Result<QkNorm, ConfigError> {
        const CONFIG: &str = "QkNormConfig";
        let width = ConfigError::at_least_one(CONFIG, "head_dim", self.head_dim)?;
        let gain = || Initializer::Ones.init([width], device);
        Ok(QkNorm {
            gamma_q: gain(),
            gamma_k: gain(),
            epsilon: ConfigError::positive(CONFIG, "epsilon", self.epsilon)?,
            kind: self.kind,
        })
    }
}

/// Normalises the queries and the keys of each head before their product.
///
/// ```text
/// q ← γ_q (q - mean q) / √(mean (q - mean q)² + ε),   k likewise with γ_k;   means over the head's width d
/// ```
///
/// With gains of one every attention logit is then at most √d, whatever the weights grow to: it removes the divergence
/// that large attention logits cause, and with it most of the sensitivity to the learning rate. The gains are shared by
/// the heads. There is no bias: through one the logits would grow again. Put it after the projections' own biases and
/// before a rotary embedding.
///
/// # Edge cases
///
/// A constant row becomes 0 ([`Layer`](QkNormKind::Layer)), with a finite gradient. Half precision is computed in `f32`
/// and returned in its own precision.
///
/// # Source
///
/// Dehghani et al., arXiv 2302.05442; Wortsman et al., 2023, arXiv 2309.14322.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::stability::QkNormConfig;
///
/// let device = Device::flex();
/// let norm = QkNormConfig::new(2).init(&device).unwrap();
/// let queries = Tensor::<4>::from_floats([[[[300.0, 100.0]]]], &device);
/// let (queries, _) = norm.forward(queries.clone(), queries);
/// assert_eq!(queries.into_data().to_vec::<f32>().unwrap(), [1.0, -1.0]);
/// ```
#[derive(Module, Debug)]
pub struct QkNorm {
    /// The queries' gains, `[d]`.
    pub gamma_q: Param<Tensor<1>>,
    /// The keys' gains, `[d]`.
    pub gamma_k: Param<Tensor<1>>,
    #[module(skip)]
    epsilon: f64,
    #[module(skip)]
    kind: QkNormKind,
}

impl QkNorm {
    /// Normalised queries and keys, each in its own shape.
    ///
    /// # Shapes
    ///
    /// - queries: `[batch, heads, queries, d]`
    /// - keys: `[batch, heads, keys, d]`; their heads may be fewer, where several queries share one
    ///
    /// # Panics
    ///
    /// When a last axis is not d wide.
    pub fn forward(&self, queries: Tensor<4>, keys: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let [width] = self.gamma_q.dims();
        check_shape!("QkNorm", queries, [_, _, _, width]);
        check_shape!("QkNorm", keys, [_, _, _, width]);
        (
            self.normalised(queries, self.gamma_q.val()),
            self.normalised(keys, self.gamma_k.val()),
        )
    }

    fn normalised(&self, vectors: Tensor<4>, gain: Tensor<1>) -> Tensor<4> {
        in_f32(vectors, |vectors| {
            let vectors = match self.kind {
                QkNormKind::Layer => vectors.clone() - mean(vectors),
                QkNormKind::Rms => vectors,
            };
            let root = (mean(vectors.clone().square()) + self.epsilon).sqrt();
            let gain = gain.cast(vectors.dtype()).unsqueeze::<4>();
            vectors / root * gain
        })
    }
}

/// Over the last axis. Times 1/d, as the backward pass of a division by d rounds 1/d to `f32`.
fn mean(vectors: Tensor<4>) -> Tensor<4> {
    let width = vectors.dims()[3];
    vectors.sum_dim(3) * (width as f64).recip()
}
