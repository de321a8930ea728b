use burn::module::{Module, Param};
use burn::nn::attention::{MhaInput, MultiHeadAttention, MultiHeadAttentionConfig};
use burn::nn::{LayerNorm, LayerNormConfig, Linear};
use burn::tensor::activation::gelu;
use burn::tensor::{Device, Int, Tensor, TensorData};
use candor_core::DrawKey;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::people::{ATTRIBUTES, LENGTH, PATCH, VOCABULARY};

const WIDTH: usize = 32;
const HEADS: usize = 2;
const FEED_FORWARD: usize = 64;
/// Draw of the starting parameters.
const START: u64 = 1;

/// A matcher of captions with images: one layer reads the caption, one looks at the image's patches from each token.
///
/// Every residual branch normalises its input. Matrices and their biases start uniform in ±1/√fan_in, embeddings at
/// `N(0, 1)`, all from the seed: Burn's own start depends on whatever else the process has drawn.
#[derive(Module, Debug)]
pub(super) struct Matcher {
    words: Param<Tensor<2>>,
    word_positions: Param<Tensor<2>>,
    patches: Linear,
    patch_positions: Param<Tensor<2>>,
    reading: Branch,
    reading_perceptron: Perceptron,
    looking: Branch,
    looking_perceptron: Perceptron,
    head: Linear,
}

#[derive(Module, Debug)]
struct Branch {
    norm: LayerNorm,
    attention: MultiHeadAttention,
}

#[derive(Module, Debug)]
struct Perceptron {
    norm: LayerNorm,
    inner: Linear,
    outer: Linear,
}

impl Matcher {
    pub(super) fn init(seed: u64, device: &Device) -> Self {
        let rng = &mut DrawKey::new(seed).draw(START).rng();
        Self {
            words: embedding(VOCABULARY, rng, device),
            word_positions: embedding(LENGTH, rng, device),
            patches: linear(PATCH, WIDTH, rng, device),
            patch_positions: embedding(ATTRIBUTES, rng, device),
            reading: Branch::init(rng, device),
            reading_perceptron: Perceptron::init(rng, device),
            looking: Branch::init(rng, device),
            looking_perceptron: Perceptron::init(rng, device),
            head: linear(WIDTH, 2, rng, device),
        }
    }

    /// The caption's states before it has seen an image, `[captions, tokens, width]`.
    pub(super) fn read(&self, captions: Tensor<2, Int>) -> Tensor<3> {
        let [count, length] = captions.dims();
        let words = self
            .words
            .val()
            .select(0, captions.reshape([count * length]));
        let words = words.reshape([count, length, WIDTH]) + self.word_positions.val().unsqueeze();
        let states = self.reading.self_attend(words);
        self.reading_perceptron.forward(states)
    }

    /// The states of captions each with its image, `[pairs, tokens, width]`.
    pub(super) fn look(&self, captions: Tensor<3>, images: Tensor<3>) -> Tensor<3> {
        let patches = self.patches.forward(images) + self.patch_positions.val().unsqueeze();
        let states = self.looking.attend(captions, patches);
        self.looking_perceptron.forward(states)
    }

    /// Two logits a state `[rows, width]`, class 1 = match: of class tokens and of attributes alike.
    pub(super) fn head(&self, states: Tensor<2>) -> Tensor<2> {
        self.head.forward(states)
    }

    /// The head's logits of each pair's class token, `[pairs, 2]`.
    pub(super) fn logits(&self, fused: Tensor<3>) -> Tensor<2> {
        self.head(fused.slice_dim(1, 0..1).squeeze_dim(1))
    }
}

impl Branch {
    fn init(rng: &mut impl Rng, device: &Device) -> Self {
        let mut attention = MultiHeadAttentionConfig::new(WIDTH, HEADS)
            .with_dropout(0.0)
            .init(device);
        for projection in [
            &mut attention.query,
            &mut attention.key,
            &mut attention.value,
            &mut attention.output,
        ] {
            *projection = linear(WIDTH, WIDTH, rng, device);
        }
        Self {
            norm: LayerNormConfig::new(WIDTH).init(device),
            attention,
        }
    }

    fn self_attend(&self, states: Tensor<3>) -> Tensor<3> {
        let normal = self.norm.forward(states.clone());
        states + self.attention.forward(MhaInput::self_attn(normal)).context
    }

    fn attend(&self, states: Tensor<3>, patches: Tensor<3>) -> Tensor<3> {
        let normal = self.norm.forward(states.clone());
        let input = MhaInput::new(normal, patches.clone(), patches);
        states + self.attention.forward(input).context
    }
}

impl Perceptron {
    fn init(rng: &mut impl Rng, device: &Device) -> Self {
        Self {
            norm: LayerNormConfig::new(WIDTH).init(device),
            inner: linear(WIDTH, FEED_FORWARD, rng, device),
            outer: linear(FEED_FORWARD, WIDTH, rng, device),
        }
    }

    fn forward(&self, states: Tensor<3>) -> Tensor<3> {
        let normal = self.norm.forward(states.clone());
        states + self.outer.forward(gelu(self.inner.forward(normal)))
    }
}

fn embedding(count: usize, rng: &mut impl Rng, device: &Device) -> Param<Tensor<2>> {
    let values: Vec<f64> = (0..count * WIDTH)
        .map(|_| rng.sample(StandardNormal))
        .collect();
    Param::from_tensor(Tensor::from_data(
        TensorData::new(values, [count, WIDTH]),
        device,
    ))
}

fn linear(inputs: usize, outputs: usize, rng: &mut impl Rng, device: &Device) -> Linear {
    let bound = 1.0 / (inputs as f64).sqrt();
    let mut uniform = |count: usize| -> Vec<f64> {
        (0..count)
            .map(|_| rng.random_range(-bound..=bound))
            .collect()
    };
    let weight = TensorData::new(uniform(inputs * outputs), [inputs, outputs]);
    let bias = TensorData::new(uniform(outputs), [outputs]);
    Linear {
        weight: Param::from_tensor(Tensor::from_data(weight, device)),
        bias: Some(Param::from_tensor(Tensor::from_data(bias, device))),
    }
}
