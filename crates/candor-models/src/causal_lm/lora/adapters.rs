//! Adapters on a model, and off it.

use burn::module::{Lora, LoraAdapter, Module, Param, ParamGroup, Reparameterizer};
use burn::tensor::{Tensor, TensorData};

use super::Projection;
use crate::causal_lm::CausalLm;

impl CausalLm {
    /// The model whose weights are `W + (alpha / rank) A B`, without adapters.
    ///
    /// It computes what the model with adapters does, at the price of one without. Keep the other model if you want
    /// to train on: what is merged does not come apart again.
    pub fn merge_adapters(self) -> Self {
        self.materialize()
    }

    /// The model as it was before adapters were attached, parameters frozen; [`Module::unfreeze`] thaws them.
    pub fn without_adapters(mut self) -> Self {
        for layer in &mut self.layers {
            for projection in Projection::ALL {
                let weight = &mut projection.of_mut(layer).weight;
                if weight.adapter().is_some() {
                    *weight = Param::initialized(weight.id, weight.base()).set_require_grad(false);
                }
            }
        }
        self
    }

    /// How many parameters the adapters have.
    pub fn num_adapter_params(&self) -> usize {
        self.adapters()
            .map(|(_, _, adapter)| adapter.num_params())
            .sum()
    }

    /// The adapters with their layer and weight, in the order of the forward pass.
    pub(super) fn adapters(&self) -> impl Iterator<Item = (usize, Projection, &LoraAdapter)> {
        self.layers.iter().enumerate().flat_map(|(index, layer)| {
            Projection::ALL.into_iter().filter_map(move |projection| {
                let adapter = projection.of(layer).weight.adapter()?;
                Some((index, projection, adapter))
            })
        })
    }
}

/// The values of an adapter, row-major as the module holds them.
#[derive(Debug, Clone, Default)]
pub(super) struct Factors {
    /// `[in, rank]`
    pub(super) a: Vec<f32>,
    /// `[rank, out]`
    pub(super) b: Vec<f32>,
}

/// burn-core's adapters with values of ours.
///
/// Burn draws A from a generator that the whole process shares; what a seed gives must not depend on other threads.
pub(super) struct WithFactors<F> {
    lora: Lora,
    factors: F,
}

impl<F: FnMut(&str, [usize; 2]) -> Factors> WithFactors<F> {
    /// Adapters for the weights at `paths`; `factors` gives the values for a path and the shape of its weight.
    pub(super) fn new(rank: usize, alpha: f64, paths: Vec<String>, factors: F) -> Self {
        let weights: Vec<String> = paths.into_iter().map(|path| path + ".weight").collect();
        Self {
            lora: Lora::new(rank, alpha).set_param_group(ParamGroup::from_paths(weights)),
            factors,
        }
    }
}

impl<F: FnMut(&str, [usize; 2]) -> Factors> Reparameterizer for WithFactors<F> {
    type Reparam = LoraAdapter;

    fn reparameterize<const D: usize>(
        &mut self,
        path: &str,
        param: Param<Tensor<D>>,
    ) -> (Param<Tensor<D>>, Option<LoraAdapter>) {
        let shape = param.lazy_shape();
        let (base, adapter) = self.lora.reparameterize(path, param);
        let adapter = adapter.map(|adapter| {
            let Factors { a, b } = (self.factors)(path.trim_end_matches(".weight"), shape.dims());
            LoraAdapter {
                a: with_values(&adapter.a, a),
                b: with_values(&adapter.b, b),
                scale: adapter.scale,
            }
        });
        (base, adapter)
    }
}

/// A parameter like another one, with other values.
fn with_values(like: &Param<Tensor<2>>, values: Vec<f32>) -> Param<Tensor<2>> {
    let data = TensorData::new(values, like.dims());
    Param::from_tensor(Tensor::from_data(data, (&like.device(), like.dtype())))
}
