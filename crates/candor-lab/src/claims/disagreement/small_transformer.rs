use burn::module::{Initializer, Module};
use burn::nn::attention::{MhaInput, MultiHeadAttention, MultiHeadAttentionConfig};
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor};
use candor_core::InputError;
use candor_metrics::agreement::AttentionAggregator;

use super::text::{CLS, LENGTH, VOCABULARY};
use super::text_model::{CLASSES, TextModel, WIDTH, seeded};

const LAYERS: usize = 2;
const HEADS: usize = 2;
/// Hidden units of each layer's perceptron.
const FEED_FORWARD: usize = 64;

/// The paper's transformer, small: CLS and learned positions, two layers that normalise after each residual sum, and the
/// answer read from CLS.
///
/// The layers are written out because burn-nn's encoder keeps its attention to itself.
#[derive(Module, Debug)]
pub(super) struct SmallTransformer {
    embedding: Embedding,
    positions: Embedding,
    layers: Vec<Layer>,
    output: Linear,
}

/// Self-attention and a perceptron, each added to its input and normalised.
#[derive(Module, Debug)]
struct Layer {
    attention: MultiHeadAttention,
    after_attention: LayerNorm,
    inner: Linear,
    outer: Linear,
    after_perceptron: LayerNorm,
}

impl SmallTransformer {
    pub(super) fn init(device: &Device, seed: u64) -> Self {
        let empty = Self {
            embedding: EmbeddingConfig::new(VOCABULARY, WIDTH).init(device),
            positions: EmbeddingConfig::new(LENGTH + 1, WIDTH).init(device),
            layers: (0..LAYERS).map(|_| Layer::zeros(device)).collect(),
            output: zeros(WIDTH, CLASSES, device),
        };
        seeded(empty, seed)
    }

    /// Last states `[texts, 1 + tokens, 32]` and each layer's attention `[texts, heads, 1 + tokens, 1 + tokens]`.
    fn encode(&self, embedded: Tensor<3>) -> (Tensor<3>, Vec<Tensor<4>>) {
        let [texts, tokens, _] = embedded.dims();
        let cls = self
            .embedding
            .weight
            .val()
            .slice_dim(0, CLS..CLS + 1)
            .unsqueeze_dim::<3>(0);
        let positions =
            Tensor::<1, Int>::arange(0..tokens as i64 + 1, &embedded.device().without_autodiff());
        let positions = self.positions.forward(positions.unsqueeze_dim(0));
        let start = Tensor::cat(vec![cls.expand([texts, 1, WIDTH]), embedded], 1) + positions;
        self.layers
            .iter()
            .fold((start, Vec::new()), |(states, mut attention), layer| {
                let (states, weights) = layer.forward(states);
                attention.push(weights);
                (states, attention)
            })
    }
}

impl Layer {
    fn zeros(device: &Device) -> Self {
        let attention = MultiHeadAttentionConfig::new(WIDTH, HEADS)
            .with_dropout(0.0)
            .with_initializer(Initializer::Zeros);
        Self {
            attention: attention.init(device),
            after_attention: LayerNormConfig::new(WIDTH).init(device),
            inner: zeros(WIDTH, FEED_FORWARD, device),
            outer: zeros(FEED_FORWARD, WIDTH, device),
            after_perceptron: LayerNormConfig::new(WIDTH).init(device),
        }
    }

    fn forward(&self, states: Tensor<3>) -> (Tensor<3>, Tensor<4>) {
        let attended = self.attention.forward(MhaInput::self_attn(states.clone()));
        let states = self.after_attention.forward(states + attended.context);
        let perceptron = self.outer.forward(relu(self.inner.forward(states.clone())));
        (
            self.after_perceptron.forward(states + perceptron),
            attended.weights,
        )
    }
}

fn zeros(inputs: usize, outputs: usize, device: &Device) -> Linear {
    LinearConfig::new(inputs, outputs)
        .with_initializer(Initializer::Zeros)
        .init(device)
}

impl TextModel for SmallTransformer {
    fn embedding(&self) -> &Embedding {
        &self.embedding
    }

    fn logits(&self, embedded: Tensor<3>) -> Tensor<2> {
        let (states, _) = self.encode(embedded);
        self.output
            .forward(states.slice_dim(1, 0..1).squeeze_dim(1))
    }

    fn readings() -> &'static [&'static str] {
        &["last layer", "rollout"]
    }

    fn attention(&self, embedded: Tensor<3>) -> Result<Vec<Tensor<2>>, InputError> {
        let [texts, tokens, _] = embedded.dims();
        let (_, layers) = self.encode(embedded);
        let read = |aggregator: AttentionAggregator| {
            let scores = (0..texts).map(|text| {
                let of_text = layers
                    .iter()
                    .map(|layer| layer.clone().slice_dim(0, text..text + 1));
                // CLS asks; what it gives itself is no token's.
                let scores = aggregator.scores(&Tensor::cat(of_text.collect(), 0), 0)?;
                Ok(scores.slice_dim(0, 1..1 + tokens))
            });
            Ok(Tensor::stack(scores.collect::<Result<_, _>>()?, 0))
        };
        [AttentionAggregator::LastLayer, AttentionAggregator::Rollout]
            .into_iter()
            .map(read)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use candor_core::host;

    use super::*;

    #[test]
    fn every_reading_scores_every_token_and_leaves_some_to_cls() {
        let device = Device::flex();
        let model = SmallTransformer::init(&device, 0);
        let embedded = model.embed(Tensor::from_data([[2, 3, 4], [5, 6, 7]], &device));
        assert_eq!(model.logits(embedded.clone()).dims(), [2, CLASSES]);
        let readings = model.attention(embedded).unwrap();
        assert_eq!(readings.len(), SmallTransformer::readings().len());
        for reading in readings {
            assert_eq!(reading.dims(), [2, 3]);
            assert!(
                host::floats(&reading.sum_dim(1))
                    .iter()
                    .all(|total| (0.0..1.0).contains(total))
            );
        }
    }
}
