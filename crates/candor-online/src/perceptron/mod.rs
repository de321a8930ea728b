//! Separating two classes by a hyperplane: gradient descent with large steps, and the perceptrons it turns into.
//!
//! | method | a step adds | worst case, in iterations |
//! |---|---|---|
//! | [`LrGd`] | γ/n Σ σ(-m) y a | n R²/μ² for large γ |
//! | [`NormalizedLrGd`] | γ times the mean of y a weighted by σ(-m) | R²/μ² + 2 log(2n-1)/(γ μ²) |
//! | [`BatchPerceptron`] | 1/n Σ y a over the wrong rows | n R²/μ² |
//! | [`NormalizedBatchPerceptron`] | their mean | R²/μ² |
//! | [`Perceptron`] | y a of one wrong row | R²/μ² |
//! | [`PassiveAggressive`] | y a of one row, as far as its margin needs | |
//!
//! All are [`LinearSeparator`]s over [`SignedRows`] and count their iterations in a [`SeparationReport`], which also has the
//! mean of their weights (of [`Perceptron`]: the averaged perceptron);
//! [`iteration_bounds`] has the bounds, [`worst_case_rows`] the data on which the batch perceptron and logistic regression
//! need as many iterations as there are rows and the normalised methods need two.
//!
//! For γ → ∞ logistic regression with steps of γ **is** the batch perceptron, scaled by γ: its loss may be enormous while its
//! classifier is one step from perfect. Count iterations to separation and do not watch the loss. Take
//! [`NormalizedLrGd`] when classes are imbalanced or rows are many; on balanced data plain [`LrGd`] is as fast.
//!
//! Source: Tyurin: From Logistic Regression to the Perceptron Algorithm: Exploring Gradient Descent with Large Step
//! Sizes, AAAI 2025, arXiv 2412.08424.

mod batch_perceptron;
mod iteration_bounds;
mod linear_separator;
mod lr_gd;
mod normalized_batch_perceptron;
mod normalized_lr_gd;
mod passive_aggressive;
#[allow(clippy::module_inception)] // one method, one file
mod perceptron;
mod signed_rows;
mod worst_case;

pub use batch_perceptron::BatchPerceptron;
pub use iteration_bounds::{IterationBounds, iteration_bounds};
pub use linear_separator::{LinearSeparator, SeparationConfig, SeparationReport, TraceRow};
pub use lr_gd::{LrGd, LrGdConfig};
pub use normalized_batch_perceptron::NormalizedBatchPerceptron;
pub use normalized_lr_gd::{NormalizedLrGd, NormalizedLrGdConfig, normalized_logistic_scale};
pub use passive_aggressive::{PassiveAggressive, PassiveAggressiveConfig};
pub use perceptron::{Perceptron, RowSelection};
pub use signed_rows::{LogisticLoss, SignedRows};
pub use worst_case::worst_case_rows;
