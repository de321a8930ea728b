use burn::module::{Module, ModuleMapper, Param};
use burn::nn::Embedding;
use burn::tensor::{Int, Tensor, TensorData};
use candor_core::{DrawKey, InputError};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::text::PAD;

/// Width of a token's embedding in both models.
pub(super) const WIDTH: usize = 32;
/// Kinds of texts.
pub(super) const CLASSES: usize = 2;

/// A classifier of texts that can be entered at its embeddings, and asked where it attends.
pub(super) trait TextModel: Module {
    /// The tokens' embeddings.
    fn embedding(&self) -> &Embedding;

    /// Scores `[texts, 2]` from embeddings `[texts, tokens, 32]`.
    fn logits(&self, embedded: Tensor<3>) -> Tensor<2>;

    /// The names of the ways to read its attention.
    fn readings() -> &'static [&'static str];

    /// Attention to each token `[texts, tokens]`, one for each reading.
    fn attention(&self, embedded: Tensor<3>) -> Result<Vec<Tensor<2>>, InputError>;

    /// Embeddings `[texts, tokens, 32]`.
    fn embed(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        self.embedding().forward(tokens)
    }

    /// Embeddings of as many PADs `[1, tokens, 32]`: what explanations start from.
    fn nothing(&self, tokens: usize) -> Tensor<3> {
        let pad = self.embedding().weight.val().slice_dim(0, PAD..PAD + 1);
        pad.unsqueeze_dim::<3>(0).expand([1, tokens, WIDTH])
    }
}

/// The model with parameters that depend on the seed alone.
///
/// Burn draws parameters at their first use from one generator of the whole process. Here embeddings are `N(0, 1)`, other
/// matrices uniform in ±1/√fan_in, each from a stream of its own. Vectors stay as they are: the models are built with
/// biases of zero and gains of one.
pub(in crate::claims) fn seeded<M: Module>(model: M, seed: u64) -> M {
    model.map(&mut Seeded {
        seed,
        parameters: 0,
        containers: Vec::new(),
    })
}

struct Seeded {
    seed: u64,
    /// Matrices drawn so far.
    parameters: u64,
    /// Types of the modules that the mapper is in.
    containers: Vec<String>,
}

impl ModuleMapper for Seeded {
    fn enter_module(&mut self, _name: &str, container_type: &str) {
        self.containers.push(container_type.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.containers.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if D < 2 {
            return param;
        }
        let mut rng = DrawKey::new(self.seed).row(self.parameters).rng();
        self.parameters += 1;
        let embedding = self
            .containers
            .last()
            .is_some_and(|container| container.ends_with("Embedding"));
        param.map(|value| {
            let shape = value.dims();
            let values: Vec<f32> = (0..value.shape().num_elements())
                .map(|_| {
                    if embedding {
                        rng.sample(StandardNormal)
                    } else {
                        uniform(&mut rng, shape[0])
                    }
                })
                .collect();
            Tensor::from_data(TensorData::new(values, shape), &value.device())
        })
    }
}

fn uniform(rng: &mut impl Rng, fan_in: usize) -> f32 {
    let bound = 1.0 / (fan_in as f32).sqrt();
    rng.random_range(-bound..=bound)
}

#[cfg(test)]
mod tests {
    use burn::module::Initializer;
    use burn::nn::{EmbeddingConfig, LinearConfig};
    use burn::tensor::Device;
    use candor_core::host;

    use super::*;

    #[test]
    fn parameters_depend_on_the_seed_and_their_kind() {
        let device = Device::flex();
        let pair = || {
            let linear = LinearConfig::new(100, 50)
                .with_initializer(Initializer::Zeros)
                .init(&device);
            (EmbeddingConfig::new(100, 50).init(&device), linear)
        };
        let drawn = |seed| {
            let (embedding, linear) = seeded(pair(), seed);
            (
                host::floats(&embedding.weight.val()),
                host::floats(&linear.weight.val()),
            )
        };
        let square = |values: &[f64]| {
            values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64
        };
        let (embedding, linear) = drawn(0);
        assert!((square(&embedding) - 1.0).abs() < 0.1);
        assert!((square(&linear) - 0.01 / 3.0).abs() < 4e-4);
        assert_eq!(drawn(0), (embedding.clone(), linear));
        assert_ne!(drawn(1).0, embedding);
    }
}
