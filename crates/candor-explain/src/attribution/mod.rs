//! Attribution: how much each input entry contributed to a model's score.
//!
//! Eight popular methods are one operation: fit an affine `g` to the model `f` on random points around `x`. They
//! differ in the noise, its distribution, the weights and the loss, and each is best where it was fitted
//! (arXiv 2206.01254).
//!
//! | method | noise | `ξ` | weight | loss |
//! |---|---|---|---|---|
//! | [`VanillaGradient`] | additive | `N(0, σ²I)`, σ → 0 | 1 | gradient matching |
//! | [`SmoothGrad`] | additive | `N(0, σ²I)` | 1 | gradient matching |
//! | [`CLime`] | additive | `N(0, σ²I)` | 1 | squared |
//! | [`GradientXInput`] | multiplicative | `a·1`, `a ~ U(a0, 1)`, a0 → 1 | 1 | gradient matching |
//! | [`IntegratedGradients`] | multiplicative | `a·1`, `a ~ U(0, 1)` | 1 | gradient matching |
//! | [`Lime`] | multiplicative | Bernoulli(½) masks | exponential kernel | squared + ridge |
//! | [`KernelShap`], [`ShapleyExact`] | multiplicative | Bernoulli(½) masks | Shapley kernel | squared |
//! | [`Occlusion`], [`WindowOcclusion`] | multiplicative | `e_j` | 1 | squared, on `f(x) − f(x ⊙ (1 − ξ))` |
//! | [`RandomAttribution`] | | | | none: the baseline of every comparison |
//!
//! The framework itself: [`LocalFunctionApproximation`] fits any other choice, [`fit_on_displacement`] puts
//! surrogates in one space, [`MethodChooser`] compares them by [`Neighbourhood`], [`NflCheck`] bounds what any of
//! them can reach, [`PerturbationTest`] takes the features they name away.
//!
//! A model is any [`Predictor`](candor_core::Predictor). Inputs have any rank, batch first; a [`Baseline`] and
//! [`FeatureGroups`], together a [`Masker`], say what taking a feature away means. Sampling methods draw from a
//! [`DrawKey`](candor_core::DrawKey), so that a row is explained the same alone and in a batch, and have an exact
//! form `explain_with` that takes the draws. [`Batching`] keeps their memory flat in the number of draws.

mod baseline;
mod c_lime;
mod coalition_draws;
mod coalitions;
mod displacement;
mod feature_groups;
mod gradient_x_input;
mod integrated_gradients;
mod kernel_shap;
mod lime;
mod linear_explanation;
mod local_function_approximation;
mod masker;
mod method_chooser;
mod nfl_check;
mod occlusion;
mod perturbation;
mod perturbation_test;
mod quadrature;
mod random_attribution;
mod shapley_exact;
mod smooth_grad;
mod vanilla_gradient;
mod weighted_ridge;
mod window_occlusion;

pub use baseline::Baseline;
pub use c_lime::{CLime, CLimeConfig};
pub use coalitions::Coalitions;
pub use displacement::{Neighbourhood, fit_on_displacement};
pub use feature_groups::FeatureGroups;
pub use gradient_x_input::{GradientXInput, GradientXInputConfig};
pub use integrated_gradients::{IntegratedGradients, IntegratedGradientsConfig};
pub use kernel_shap::{KernelShap, KernelShapConfig, KernelShapMode};
pub use lime::{Lime, LimeConfig, LimeDistance, LimeKernel, LimeSurrogate};
pub use linear_explanation::LinearExplanation;
pub use local_function_approximation::{
    AffineSurrogate, FitLoss, LocalFunctionApproximation, LocalFunctionApproximationConfig, Noise,
    PerturbationSet,
};
pub use masker::Masker;
pub use method_chooser::{LossMatrix, MethodChooser, MethodChooserConfig};
pub use nfl_check::{NflBound, NflCheck, NflCheckConfig};
pub use occlusion::{Occlusion, OcclusionConfig};
pub use perturbation::Batching;
pub use perturbation_test::{PerturbationTest, PerturbationTestConfig, PerturbedFeatures};
pub use quadrature::Quadrature;
pub use random_attribution::{RandomAttribution, RandomAttributionConfig};
pub use shapley_exact::{ShapleyExact, ShapleyExactConfig};
pub use smooth_grad::{SmoothGrad, SmoothGradConfig};
pub use vanilla_gradient::{VanillaGradient, VanillaGradientConfig};
pub use window_occlusion::{WindowOcclusion, WindowOcclusionConfig};
