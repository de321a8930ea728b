use burn::tensor::Tensor;

/// Looks at what the layers of a [`CausalLm`](crate::causal_lm::CausalLm) compute while they compute it.
///
/// Both methods do nothing unless you write them; clone what you want to keep.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_models::causal_lm::{CausalLmConfig, LayerObserver};
///
/// #[derive(Default)]
/// struct Norms(Vec<f32>);
///
/// impl LayerObserver for Norms {
///     fn hidden_state(&mut self, _layer: usize, hidden: &Tensor<3>) {
///         self.0.push(hidden.clone().square().mean().into_scalar());
///     }
/// }
///
/// let config = CausalLmConfig::new(11, 8, 12, 2, 2, 1, 4);
/// let model = config.init_seeded(&Device::flex(), 0)?;
/// let mut norms = Norms::default();
/// model.hidden_states_observed(Tensor::zeros([1, 3], &Device::flex()), None, &mut norms);
/// assert_eq!(norms.0.len(), 3); // what enters layers 0 and 1, and what leaves the last normalisation
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
pub trait LayerObserver {
    /// What enters layer `layer`, `[batch, positions, hidden]`; for `layer` = the number of layers, what leaves the
    /// last normalisation.
    fn hidden_state(&mut self, layer: usize, hidden: &Tensor<3>) {
        let _ = (layer, hidden);
    }

    /// The attention map of layer `layer`, `[batch, heads, queries, keys]`; each row sums to one.
    fn attention(&mut self, layer: usize, map: &Tensor<4>) {
        let _ = (layer, map);
    }
}
