//! What every Candor crate shares, and nothing else.
//!
//! | room | what is in it |
//! |---|---|
//! | [`ConfigError`], [`InputError`] | illegal settings and illegal values, as values that name what was seen |
//! | [`check_shape!`] | shape contracts of the operators |
//! | [`reduce`] | one place for burn-nn's [`Reduction`](burn::nn::loss::Reduction) |
//! | [`numerics`] | log-space and masked arithmetic that stays finite, with the gradients it should have |
//! | [`MemoryBudget`] | how many rows may be in flight at once |
//! | [`DrawKey`] | random draws that depend on (run, row, draw) and on nothing else |
//! | [`Predictor`], [`Target`], [`Attribution`] | the language that explainers and metrics both speak |
//! | [`output_gradient`] | the gradient of a chosen output with respect to the input |
//! | [`linear`] | objectives of hidden states and a large vocabulary, without the logits |
//! | [`layers`] | a transformer layer's product, gate and normalisation, each one operator |
//! | [`WeightedSum`] | several named loss terms in one objective, each of them logged |
//! | [`explanation_graph`] | graphs of concepts written as text, which losses perturb and metrics judge |
//! | [`host`] | tensors read to the host in one precision |
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use candor_core::{Target, output_gradient};
//!
//! // f(x) = [x0 * x1, x0 + x1]; the gradient of output 0 at (2, 3) is (3, 2).
//! let model = |x: Tensor<2>| {
//!     let (a, b) = (x.clone().slice_dim(1, 0..1), x.slice_dim(1, 1..2));
//!     Tensor::cat(vec![a.clone() * b.clone(), a + b], 1)
//! };
//! let inputs = Tensor::<2>::from_floats([[2.0, 3.0]], &Device::flex());
//! let gradient = output_gradient(&model, inputs, &Target::Output(0)).unwrap().gradient;
//! assert_eq!(gradient.into_data().to_vec::<f32>().unwrap(), [3.0, 2.0]);
//! ```

mod attribution;
mod autodiff;
mod draw;
mod error;
pub mod explanation_graph;
mod extensions;
#[cfg(feature = "flex")]
mod flex;
mod gradient;
pub mod host;
pub mod layers;
pub mod linear;
mod memory;
pub mod numerics;
mod predictor;
mod reduction;
pub mod shape;
mod target;
mod weighted_sum;

pub use attribution::Attribution;
pub use draw::DrawKey;
pub use error::{ConfigError, ExplainError, InputError};
pub use gradient::{OutputGradient, output_gradient};
pub use memory::MemoryBudget;
pub use predictor::Predictor;
pub use reduction::{in_f32, reduce};
pub use target::Target;
pub use weighted_sum::{NamedTerm, WeightedSum};
