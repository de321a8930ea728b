// Burn advises flex over ndarray; Candor still promises both
#![allow(deprecated)]
// Without a backend the dispatcher has nobody to hand its arguments to.
#![cfg_attr(
    not(any(feature = "flex", feature = "ndarray", feature = "cube")),
    allow(unused_variables)
)]

#[cfg(feature = "fusion")]
use burn::backend::Shape;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, backend_extension};

use super::composed;

/// How sure a row is of its label.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LabelMeasure {
    /// `log p`: the label against all classes.
    LogProb,
    /// `log(p / (1 - p))`: the label against the others.
    LogOdds,
}

/// The operators as Burn's dispatcher calls them; the bodies here use the backend's own operators.
///
/// Gradients are made of the operands alone: a row's sums cost less to compute again than a pass over memory. Under fusion an
/// operator stays one: taken apart and fused, Burn 0.22.1 gave wrong log-probabilities.
#[backend_extension(
    Autodiff,
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Cube: cfg(feature = "cube"),
    Fusion: cfg(feature = "fusion")
)]
pub(crate) trait CategoricalOperators: Backend {
    /// What each row says of its label, `[rows]`.
    #[fusion(dtype = logits, shape = { Shape::new([logits[0]]) })]
    fn categorical_label(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        measure: LabelMeasure,
    ) -> FloatTensor<Self> {
        composed::label::<Self>(logits, labels, measure)
    }

    /// What `upstream` `[rows]` gives the logits.
    #[fusion(dtype = logits, shape = logits)]
    fn categorical_label_gradient(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        upstream: FloatTensor<Self>,
        measure: LabelMeasure,
    ) -> FloatTensor<Self> {
        composed::label_gradient::<Self>(logits, labels, upstream, measure)
    }

    /// The divergence of each row from the target's distribution, `[rows]`; logits are multiplied with `sharpness`.
    #[fusion(dtype = logits, shape = { Shape::new([logits[0]]) })]
    fn categorical_kl(
        target: FloatTensor<Self>,
        logits: FloatTensor<Self>,
        sharpness: f64,
    ) -> FloatTensor<Self> {
        composed::kl::<Self>(target, logits, sharpness)
    }

    /// What `upstream` `[rows]` gives the logits; the target is a constant.
    #[fusion(dtype = logits, shape = logits)]
    fn categorical_kl_gradient(
        target: FloatTensor<Self>,
        logits: FloatTensor<Self>,
        upstream: FloatTensor<Self>,
        sharpness: f64,
    ) -> FloatTensor<Self> {
        composed::kl_gradient::<Self>(target, logits, upstream, sharpness)
    }
}

#[cfg(feature = "ndarray")]
impl CategoricalOperators for burn::backend::NdArray {}
#[cfg(feature = "cube")]
impl CategoricalOperators for burn_cubecl::CubeBackend {}
