use burn::module::{Initializer, Module};
use burn::nn::gru::{Gru, GruConfig};
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor};
use candor_core::numerics::label_log_probs;

use super::super::disagreement::seeded;
use super::toy_graphs::{BEGIN, LENGTH, VOCABULARY};

const WIDTH: usize = 64;

/// A recurrent decoder that is started from four concepts and writes a graph's tokens.
#[derive(Module, Debug)]
pub(super) struct GraphDecoder {
    embedding: Embedding,
    start: Linear,
    decoder: Gru,
    output: Linear,
}

impl GraphDecoder {
    pub(super) fn init(device: &Device, seed: u64) -> Self {
        let linear = |inputs, outputs| {
            LinearConfig::new(inputs, outputs).with_initializer(Initializer::Zeros)
        };
        let empty = Self {
            embedding: EmbeddingConfig::new(VOCABULARY, WIDTH).init(device),
            start: linear(4 * WIDTH, WIDTH).init(device),
            decoder: GruConfig::new(WIDTH, WIDTH, true)
                .with_initializer(Initializer::Zeros)
                .init(device),
            output: linear(WIDTH, VOCABULARY).init(device),
        };
        seeded(empty, seed)
    }

    /// The state that the concepts `[rows, 4]` leave the decoder in.
    fn state(&self, given: Tensor<2, Int>) -> Tensor<2> {
        let [rows, concepts] = given.dims();
        let embedded = self.embedding.forward(given);
        self.start
            .forward(embedded.reshape([rows, concepts * WIDTH]))
            .tanh()
    }

    /// Logits of every token of a graph that is fed to the decoder, `[rows, tokens, vocabulary]`.
    pub(super) fn logits(&self, given: Tensor<2, Int>, graph: Tensor<2, Int>) -> Tensor<3> {
        let [rows, tokens] = graph.dims();
        let begin = Tensor::full([rows, 1], BEGIN, &graph.device());
        let fed = Tensor::cat(vec![begin, graph.slice_dim(1, 0..tokens - 1)], 1);
        let states = self
            .decoder
            .forward(self.embedding.forward(fed), Some(self.state(given)));
        self.output.forward(states)
    }

    /// Log-probability of each graph, `[rows]`.
    pub(super) fn log_probs(&self, given: Tensor<2, Int>, graph: Tensor<2, Int>) -> Tensor<1> {
        graph_log_probs(self.logits(given, graph.clone()), graph)
    }

    /// The most probable token at each place, one after the other: `[rows, 12]`.
    pub(super) fn greedy(&self, given: Tensor<2, Int>) -> Tensor<2, Int> {
        let [rows, _] = given.dims();
        let mut token = Tensor::<2, Int>::full([rows, 1], BEGIN, &given.device());
        let mut state = self.state(given);
        let mut written = Vec::with_capacity(LENGTH);
        for _ in 0..LENGTH {
            let output = self
                .decoder
                .forward(self.embedding.forward(token), Some(state));
            state = output.clone().squeeze_dim(1);
            token = self.output.forward(state.clone()).argmax(1);
            written.push(token.clone());
        }
        Tensor::cat(written, 1)
    }
}

/// The sum of the tokens' log-probabilities, `[rows]`.
pub(super) fn graph_log_probs(logits: Tensor<3>, graph: Tensor<2, Int>) -> Tensor<1> {
    let [rows, tokens, vocabulary] = logits.dims();
    let flat = logits.reshape([rows * tokens, vocabulary]);
    label_log_probs(flat, graph.reshape([rows * tokens]))
        .reshape([rows, tokens])
        .sum_dim(1)
        .squeeze_dim(1)
}

#[cfg(test)]
mod tests {
    use candor_core::host;

    use super::*;

    #[test]
    fn the_greedy_graph_is_the_one_that_teacher_forcing_on_it_predicts() {
        let device = Device::flex();
        let model = GraphDecoder::init(&device, 0);
        let given = Tensor::from_data([[3, 4, 5, 6], [7, 8, 9, 10]], &device);
        let graph = model.greedy(given.clone());
        let forced = model.logits(given, graph.clone()).argmax(2);
        assert_eq!(host::ints(&forced), host::ints(&graph));
    }
}
