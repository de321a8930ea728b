//! Training of classifiers through burn-train, with what every pipeline adds to it: an average of the weights, a
//! stop at the first loss that is not a number, bit-exact resumption, a progress bar and TensorBoard events.

mod average;
mod curves;
mod fit;
mod guard;
mod objective;
mod renderer;
mod tensorboard;
mod trainee;

pub use curves::{Curve, Curves};
pub(crate) use fit::StepLoader;
pub use fit::{Fit, Fitted};
pub(crate) use objective::cross_entropy;
pub use objective::{CrossEntropyObjective, Objective, StepBatch, StepTerms};
pub use trainee::Trainee;
