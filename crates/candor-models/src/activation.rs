use burn::config::Config;
use burn::tensor::{Tensor, activation};

/// The nonlinearity between two layers, applied entry by entry.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_models::Activation;
///
/// let inputs = Tensor::<1>::from_floats([-2.0, 3.0], &Device::flex());
/// let outputs = Activation::Relu.forward(inputs);
/// assert_eq!(outputs.into_data().to_vec::<f32>().unwrap(), [0.0, 3.0]);
/// ```
#[derive(Config, Debug, Copy, PartialEq, Eq)]
#[allow(clippy::expl_impl_clone_on_copy)] // burn's derive writes the Clone
#[non_exhaustive]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `x Φ(x)` with the exact error function.
    Gelu,
    /// `x sigmoid(x)`: smooth everywhere, so that finite differences and attributions agree.
    Silu,
    /// `tanh(x)`.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
}

impl Activation {
    /// Applies the nonlinearity to every entry.
    pub fn forward<const D: usize>(self, inputs: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Relu => activation::relu(inputs),
            Self::Gelu => activation::gelu(inputs),
            Self::Silu => activation::silu(inputs),
            Self::Tanh => activation::tanh(inputs),
            Self::Sigmoid => activation::sigmoid(inputs),
        }
    }
}
