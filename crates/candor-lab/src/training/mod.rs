//! Training through burn-train, with what every pipeline adds to it: an average of the weights, a stop at the first
//! loss that is not a number, bit-exact resumption, a progress bar and TensorBoard events.

mod average;
mod chart;
mod clipping;
mod curves;
mod fit;
mod guard;
mod objective;
mod renderer;
mod retention;
mod session;
mod tensorboard;
mod trainee;

pub(crate) use average::update_average;
pub(crate) use chart::{learning_chart, valid_chart};
pub(crate) use clipping::clip_global_norm;
pub(crate) use curves::step_curve;
pub use curves::{Curve, Curves};
pub(crate) use fit::StepLoader;
pub use fit::{Fit, Fitted};
pub(crate) use guard::{Evidence, Guard};
pub(crate) use objective::cross_entropy;
pub use objective::{CrossEntropyObjective, Objective, StepBatch, StepTerms};
pub(crate) use retention::BestAndLast;
pub(crate) use session::Session;
pub use trainee::Trainee;
