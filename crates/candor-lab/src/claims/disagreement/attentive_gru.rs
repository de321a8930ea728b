use burn::module::{Initializer, Module};
use burn::nn::gru::{BiGru, BiGruConfig};
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};
use candor_core::InputError;

use super::text::VOCABULARY;
use super::text_model::{CLASSES, TextModel, WIDTH, seeded};

/// Hidden units of the GRU in each direction.
const HIDDEN: usize = 16;

/// The paper's recurrent classifier: a bidirectional GRU whose states are pooled by additive attention.
///
/// ```text
/// α = softmax over tokens of v·tanh(W h + b),   logits = U Σ α h + c
/// ```
#[derive(Module, Debug)]
pub(super) struct AttentiveGru {
    embedding: Embedding,
    encoder: BiGru,
    attention: Linear,
    query: Linear,
    output: Linear,
}

impl AttentiveGru {
    pub(super) fn init(device: &Device, seed: u64) -> Self {
        let states = 2 * HIDDEN;
        let linear = |inputs, outputs| {
            LinearConfig::new(inputs, outputs).with_initializer(Initializer::Zeros)
        };
        let empty = Self {
            embedding: EmbeddingConfig::new(VOCABULARY, WIDTH).init(device),
            encoder: BiGruConfig::new(WIDTH, HIDDEN, true)
                .with_initializer(Initializer::Zeros)
                .init(device),
            attention: linear(states, states).init(device),
            query: linear(states, 1).with_bias(false).init(device),
            output: linear(states, CLASSES).init(device),
        };
        seeded(empty, seed)
    }

    /// States `[texts, tokens, 32]` and the attention to each `[texts, tokens, 1]`.
    fn encode(&self, embedded: Tensor<3>) -> (Tensor<3>, Tensor<3>) {
        let (states, _) = self.encoder.forward(embedded, None);
        let scores = self
            .query
            .forward(self.attention.forward(states.clone()).tanh());
        (states, softmax(scores, 1))
    }
}

impl TextModel for AttentiveGru {
    fn embedding(&self) -> &Embedding {
        &self.embedding
    }

    fn logits(&self, embedded: Tensor<3>) -> Tensor<2> {
        let (states, attention) = self.encode(embedded);
        self.output
            .forward((states * attention).sum_dim(1).squeeze_dim(1))
    }

    fn readings() -> &'static [&'static str] {
        &["attention"]
    }

    fn attention(&self, embedded: Tensor<3>) -> Result<Vec<Tensor<2>>, InputError> {
        Ok(vec![self.encode(embedded).1.squeeze_dim(2)])
    }
}

#[cfg(test)]
mod tests {
    use candor_core::host;

    use super::*;

    #[test]
    fn attention_to_the_tokens_of_a_text_sums_to_one() {
        let device = Device::flex();
        let model = AttentiveGru::init(&device, 0);
        let embedded = model.embed(Tensor::from_data([[2, 3, 4], [5, 6, 7]], &device));
        assert_eq!(model.logits(embedded.clone()).dims(), [2, CLASSES]);
        let attention = model.attention(embedded).unwrap().remove(0);
        for total in host::floats(&attention.sum_dim(1)) {
            assert!((total - 1.0).abs() < 1e-6);
        }
    }
}
