use burn::module::{Initializer, Module, ModuleMapper, Param};
use burn::nn::gru::{Gru, GruConfig};
use burn::nn::{Embedding, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};
use candor_core::DrawKey;
use candor_core::numerics::label_log_probs;
use rand::RngExt;
use rand_distr::StandardNormal;

use super::star::{ELEMENTS, VOCABULARY};

/// Width of embeddings and states.
const WIDTH: usize = 32;

/// A language model of pairs: embedding 32, one GRU layer of 32, a linear layer to the vocabulary.
#[derive(Module, Debug)]
pub(super) struct PairModel {
    embedding: Embedding,
    recurrent: Gru,
    output: Linear,
}

impl PairModel {
    /// The model with PyTorch's defaults: embeddings `N(0, 1)`, all else uniform in ±1/√32.
    pub(super) fn init(device: &Device, seed: u64) -> Self {
        // Another run than that of the data.
        let key = DrawKey::new(!seed);
        let mut rng = key.row(u64::MAX).rng();
        let tokens = VOCABULARY + 1; // one to start with
        let values = (0..tokens * WIDTH).map(|_| rng.sample(StandardNormal));
        let values: Vec<f32> = values.collect();
        let empty = Initializer::Zeros;
        let recurrent = GruConfig::new(WIDTH, WIDTH, true).with_initializer(empty.clone());
        let output = LinearConfig::new(WIDTH, VOCABULARY).with_initializer(empty);
        let mut drawn = Uniform { key };
        Self {
            embedding: Embedding {
                weight: Param::from_data(TensorData::new(values, [tokens, WIDTH]), device),
            },
            recurrent: recurrent.init(device).map(&mut drawn),
            output: output.init(device).map(&mut drawn),
        }
    }

    /// Log-probability of each row's pairs in the order given, `[rows]`.
    pub(super) fn log_probs(&self, pairs: Tensor<2, Int>) -> Tensor<1> {
        let [rows, _] = pairs.dims();
        let start = pairs.zeros_like().slice_dim(1, 0..1) + VOCABULARY as i64;
        let before = pairs.clone().slice_dim(1, 0..ELEMENTS - 1);
        let embedded = self.embedding.forward(Tensor::cat(vec![start, before], 1));
        let states = self.recurrent.forward(embedded, None);
        let logits = self.output.forward(states);
        let steps = label_log_probs(
            logits.reshape([rows * ELEMENTS, VOCABULARY]),
            pairs.reshape([rows * ELEMENTS]),
        );
        steps.reshape([rows, ELEMENTS]).sum_dim(1).squeeze_dim(1)
    }
}

/// Draws parameters uniform in ±1/√32, each from a stream of its own.
struct Uniform {
    key: DrawKey,
}

impl ModuleMapper for Uniform {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let mut rng = self.key.rng();
        self.key = self.key.row(self.key.row + 1);
        let bound = 1.0 / (WIDTH as f32).sqrt();
        param.map(|value| {
            let draws = (0..value.shape().num_elements()).map(|_| rng.random_range(-bound..=bound));
            let data = TensorData::new(draws.collect::<Vec<f32>>(), value.dims());
            Tensor::from_data(data, &value.device())
        })
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // the same seed gives the same number
mod tests {
    use candor_core::host;

    use super::*;

    #[test]
    fn a_seeds_model_gives_a_row_a_probability_near_that_of_chance() {
        let device = Device::flex();
        let pairs = Tensor::from_data([[0, 7, 13, 20, 26, 35]], &device);
        let probe =
            |seed| host::floats(&PairModel::init(&device, seed).log_probs(pairs.clone()))[0];
        let chance = -(ELEMENTS as f64) * (VOCABULARY as f64).ln();
        assert!((probe(0) - chance).abs() < 3.0);
        assert_eq!(probe(1), probe(1));
        assert_ne!(probe(0), probe(1));
    }
}
