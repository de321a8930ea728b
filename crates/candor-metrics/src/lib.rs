//! Measures: of explanations, of how far explanations agree, and of what a model has forgotten.
//!
//! | module | question | measures |
//! |---|---|---|
//! | [`faithfulness`] | does the explanation point at what the model uses? | insertion and deletion curves, pixel flipping, AOPC, ERASER, infidelity, faithfulness correlation, monotonicity, completeness |
//! | [`robustness`] | does it stay when nothing that matters changes? | maximum and mean sensitivity |
//! | [`complexity`] | is it simple? | Gini index, entropy, effective complexity |
//! | [`localisation`] | does it sit on the object? | pointing game, rank and mass accuracy, top-k intersection, AUC |
//! | [`randomisation`] | does it depend on the weights? | model parameter randomisation test |
//! | [`agreement`] | do two explanations agree? | Kendall's τ and its weighted and top-k forms, Spearman, Pearson, top-k and pairwise agreement, rank-biased overlap, a matrix over methods |
//! | [`explanation_graphs`] | is a generated graph well built, close to the gold one, of use? | structural check, graph edit distance, edge matching over any text encoder, edge importance, the benchmark's pipeline |
//! | [`training`] | will it blow up at a larger size or rate? | largest attention logit, log Z, learning-rate sensitivity, extrapolation over sizes |
//! | [`forgetting`] | is it forgotten, and only it? | truth ratio, forget quality, model utility, ROUGE-L, membership inference, distance to a retrained model |
//! | [`representation`] | do embeddings lie well? | uniformity, tolerance, alignment |
//! | [`retrieval`] | do the right items come first? | rank-k, mean average precision, mean inverse negative penalty |
//!
//! Measures that ask a model take any [`Predictor`](candor_core::Predictor), inputs and attributions as tensors with
//! the batch first, and give one result a row. Others take slices. All arithmetic after the model is on the host in
//! `f64`. What a measure is not defined for is an error, never a NaN. Attributions are used as given: nothing is
//! normalised or made absolute unless the formula says so.
//!
//! Whatever samples has two forms: one draws from a [`DrawKey`](candor_core::DrawKey), the other takes the draws,
//! stacked along the first axis with those of the first row first (`[batch · draws, ..]`).
//!
//! ```
//! use candor_metrics::agreement::kendall_tau;
//! use candor_metrics::complexity::gini;
//!
//! let (gradient, occlusion) = ([0.1, 0.7, 0.2], [0.0, 0.9, 0.3]);
//! assert_eq!(kendall_tau(&gradient, &occlusion).unwrap(), 1.0);
//! assert!(gini(&occlusion).unwrap() > gini(&gradient).unwrap());
//! ```

mod correlation;
mod explained;
mod model_scores;
mod ranking;
mod stacked;

pub mod agreement;
pub mod complexity;
pub mod explanation_graphs;
pub mod faithfulness;
pub mod forgetting;
pub mod localisation;
pub mod randomisation;
pub mod representation;
pub mod retrieval;
pub mod robustness;
pub mod training;
