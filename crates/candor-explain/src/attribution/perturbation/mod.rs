//! Evaluating a model on many perturbed copies of each row, at a peak that does not grow with their number.

mod batching;
mod draws;
mod gradient_moments;
mod perturbed_model;

pub use batching::Batching;
pub(super) use draws::{
    Bernoulli, Draws, EveryCoalition, Given, Normal, Path, WithoutEach, stream,
};
pub(super) use gradient_moments::GradientMoments;
pub(super) use perturbed_model::{PerturbedModel, checked_values};
