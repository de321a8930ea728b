//! Losses that see a row of outputs only through three numbers, and the output layer that lives on that.
//!
//! | type | what it minimises | source |
//! |---|---|---|
//! | [`ZLoss`] | softplus of the margin on the label's z-score | arXiv 1604.08859 |
//! | [`SphericalSoftmaxLoss`] | -log of `(o² + ε) / Σ(o² + ε)` | arXiv 1511.05042 |
//! | [`TaylorSoftmaxLoss`] | -log of `(1 + o + o²/2) / Σ(1 + o + o²/2)` | arXiv 1511.05042 |
//! | [`SphericalMse`] | squared error against the one-hot label | arXiv 1412.7091 |
//!
//! A loss is *spherical* when it depends on the outputs `o` of a row only through the output of the label, `Σ o²` and
//! `Σ o` ([`OutputSummary`]). [`SphericalOutputLayer`] trains a layer under such a loss by exact gradient descent whose
//! cost does not depend on the number of classes. A loss of your own needs two functions: see [`SphericalLoss`].

mod checkpoint;
mod factored_update;
mod factored_weight;
mod output_layer;
mod sparse_targets;
mod spherical_loss;
mod spherical_mse;
mod spherical_softmax;
mod taylor_softmax;
mod z_loss;

pub use checkpoint::CheckpointError;
pub use factored_weight::FactoredDrift;
pub use output_layer::{SphericalOutputLayer, SphericalOutputLayerConfig, SphericalStep};
pub use sparse_targets::SparseTargets;
pub use spherical_loss::{OutputSummary, SphericalLoss, SphericalSlopes};
pub use spherical_mse::SphericalMse;
pub use spherical_softmax::{SphericalSoftmaxLoss, SphericalSoftmaxLossConfig};
pub use taylor_softmax::TaylorSoftmaxLoss;
pub use z_loss::{ZLoss, ZLossConfig, z_scores};
