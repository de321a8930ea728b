use thiserror::Error;

use super::InputError;

/// Why an explanation or a measure of one could not be computed.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// An argument holds a value that the method is not defined for.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The chosen output does not exist.
    #[error("target output {target} does not exist, the model has {outputs} outputs")]
    TargetOutOfRange {
        /// The output asked for.
        target: usize,
        /// How many the model returns.
        outputs: usize,
    },
    /// The model returned another number of rows than it was given.
    #[error("the model returned {seen} rows for {wanted} inputs")]
    PredictionRows {
        /// Rows returned.
        seen: usize,
        /// Rows asked for.
        wanted: usize,
    },
    /// The model's output is cut off from its input, so that no gradient can reach it.
    #[error(
        "the model's output does not depend differentiably on its input: \
         it left the autodiff graph (`inner`, `detach`, `into_data`, a comparison) on the way"
    )]
    NotDifferentiable,
    /// Every sample has weight zero, so that the local fit has nothing to fit.
    #[error(
        "{method}: all {samples} samples have a weight of zero, the neighbourhood is degenerate"
    )]
    DegenerateNeighbourhood {
        /// The method.
        method: &'static str,
        /// How many samples were weighted.
        samples: usize,
    },
    /// The method would need more evaluations than it is allowed.
    #[error("{method}: {features} features are too many, at most {limit} are supported")]
    TooManyFeatures {
        /// The method.
        method: &'static str,
        /// Features asked for.
        features: usize,
        /// The most that is supported.
        limit: usize,
    },
}
