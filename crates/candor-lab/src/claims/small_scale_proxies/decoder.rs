use burn::module::{Module, Param};
use burn::nn::{Embedding, LayerNorm, LayerNormConfig, Linear};
use burn::tensor::activation::gelu;
use burn::tensor::{Device, Int, Tensor, TensorData};
use candor_core::{ConfigError, DrawKey};
use candor_losses::stability::{QkNorm, QkNormConfig, attention_logits, attention_weights};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

const WIDTH: usize = 32;
const LAYERS: usize = 2;
const HEADS: usize = 2;
const HEAD_WIDTH: usize = WIDTH / HEADS;
/// Draw of a seed for the weights.
const WEIGHTS_DRAW: u64 = 0;

/// A language model small enough to train many times: pre-norm without biases, GELU, learned positions.
#[derive(Module, Debug)]
pub(super) struct Decoder {
    tokens: Embedding,
    positions: Embedding,
    layers: Vec<Layer>,
    last: LayerNorm,
    output: Linear,
}

/// Causal self-attention and a perceptron, each added to its input.
#[derive(Module, Debug)]
struct Layer {
    before_attention: LayerNorm,
    queries: Linear,
    keys: Linear,
    values: Linear,
    qk_norm: Option<QkNorm>,
    mixed: Linear,
    before_perceptron: LayerNorm,
    inner: Linear,
    outer: Linear,
}

/// What a forward pass gives.
pub(super) struct Answers {
    /// `[texts · length, vocabulary]`.
    pub(super) logits: Tensor<2>,
    /// Attention's logits before the mask, a tensor a layer.
    pub(super) attention: Vec<Tensor<4>>,
}

impl Decoder {
    /// Parameters that depend on the seed alone: embeddings `N(0, 1)`, matrices uniform in ±1/√inputs.
    pub(super) fn init(
        vocabulary: usize,
        length: usize,
        normalised: bool,
        seed: u64,
        device: &Device,
    ) -> Result<Self, ConfigError> {
        let mut rng = DrawKey::new(seed).draw(WEIGHTS_DRAW).rng();
        let layers = (0..LAYERS)
            .map(|_| Layer::init(normalised, &mut rng, device))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            tokens: embedding(vocabulary, &mut rng, device),
            positions: embedding(length, &mut rng, device),
            layers,
            last: norm(device),
            output: linear(WIDTH, vocabulary, &mut rng, device),
        })
    }

    /// Of texts `[texts, length]`.
    pub(super) fn forward(&self, texts: Tensor<2, Int>) -> Answers {
        let [count, length] = texts.dims();
        let device = texts.device().without_autodiff();
        let places = Tensor::<1, Int>::arange(0..length as i64, &device).unsqueeze_dim(0);
        let start = self.tokens.forward(texts) + self.positions.forward(places);
        let mut attention = Vec::with_capacity(LAYERS);
        let states = self.layers.iter().fold(start, |states, layer| {
            let (states, logits) = layer.forward(states);
            attention.push(logits);
            states
        });
        let logits = self.output.forward(self.last.forward(states));
        let vocabulary = logits.dims()[2];
        Answers {
            logits: logits.reshape([count * length, vocabulary]),
            attention,
        }
    }
}

impl Layer {
    fn init(normalised: bool, rng: &mut impl Rng, device: &Device) -> Result<Self, ConfigError> {
        let config = QkNormConfig::new(HEAD_WIDTH);
        let mut square = || linear(WIDTH, WIDTH, rng, device);
        let (queries, keys, values, mixed) = (square(), square(), square(), square());
        Ok(Self {
            before_attention: norm(device),
            queries,
            keys,
            values,
            qk_norm: normalised.then(|| config.init(device)).transpose()?,
            mixed,
            before_perceptron: norm(device),
            inner: linear(WIDTH, 4 * WIDTH, rng, device),
            outer: linear(4 * WIDTH, WIDTH, rng, device),
        })
    }

    /// The states after the layer, and its attention's logits.
    fn forward(&self, states: Tensor<3>) -> (Tensor<3>, Tensor<4>) {
        let seen = self.before_attention.forward(states.clone());
        let [queries, keys, values] = [&self.queries, &self.keys, &self.values]
            .map(|linear| heads(linear.forward(seen.clone())));
        let (queries, keys) = match &self.qk_norm {
            Some(norm) => norm.forward(queries, keys),
            None => (queries, keys),
        };
        let logits = attention_logits(queries, keys);
        let attended = attention_weights(logits.clone(), true).matmul(values);
        let [count, _, length, _] = attended.dims();
        let joined = attended.swap_dims(1, 2).reshape([count, length, WIDTH]);
        let states = states + self.mixed.forward(joined);
        let hidden = gelu(
            self.inner
                .forward(self.before_perceptron.forward(states.clone())),
        );
        (states + self.outer.forward(hidden), logits)
    }
}

/// `[texts, length, width]` to `[texts, heads, length, width of a head]`.
fn heads(states: Tensor<3>) -> Tensor<4> {
    let [count, length, _] = states.dims();
    states
        .reshape([count, length, HEADS, HEAD_WIDTH])
        .swap_dims(1, 2)
}

fn norm(device: &Device) -> LayerNorm {
    LayerNormConfig::new(WIDTH).with_bias(false).init(device)
}

fn embedding(rows: usize, rng: &mut impl Rng, device: &Device) -> Embedding {
    let values = (0..rows * WIDTH).map(|_| rng.sample(StandardNormal));
    Embedding {
        weight: matrix(values.collect(), [rows, WIDTH], device),
    }
}

fn linear(inputs: usize, outputs: usize, rng: &mut impl Rng, device: &Device) -> Linear {
    let bound = (inputs as f64).sqrt().recip();
    let values = (0..inputs * outputs).map(|_| rng.random_range(-bound..bound));
    Linear {
        weight: matrix(values.collect(), [inputs, outputs], device),
        bias: None,
    }
}

fn matrix(values: Vec<f64>, shape: [usize; 2], device: &Device) -> Param<Tensor<2>> {
    Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), device))
}
