// Burn advises flex over ndarray; Candor still promises both
#![allow(deprecated)]
// Without a backend the dispatcher has nobody to hand its arguments to.
#![cfg_attr(
    not(any(feature = "flex", feature = "ndarray", feature = "cube")),
    allow(unused_variables)
)]

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, backend_extension};

use super::composed;

/// The operators as Burn's dispatcher calls them; the bodies here use the backend's own operators.
#[backend_extension(
    Autodiff,
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Cube: cfg(feature = "cube"),
    Fusion: cfg(feature = "fusion")
)]
pub(crate) trait LayerOperators: Backend {
    /// `rows · weight`, either of them stored in any order.
    #[fusion(default)]
    fn layer_project(rows: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_matmul(rows, weight)
    }

    /// `silu(gate) · up`.
    #[fusion(default)]
    fn layer_swiglu(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self> {
        composed::swiglu::<Self>(gate, up)
    }

    /// What `upstream` gives the gate and what is gated.
    #[fusion(default)]
    fn layer_swiglu_gradients(
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
        upstream: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        composed::swiglu_gradients::<Self>(gate, up, upstream)
    }

    /// `hidden / sqrt(mean(hidden²) + ε) · scale` over the last of two axes.
    #[fusion(default)]
    fn layer_rms_norm(
        hidden: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        composed::rms_norm::<Self>(hidden, scale, epsilon)
    }

    /// What `upstream` gives the hidden states and the scale.
    #[fusion(default)]
    fn layer_rms_norm_gradients(
        hidden: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        upstream: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        composed::rms_norm_gradients::<Self>(hidden, scale, upstream, epsilon)
    }
}

#[cfg(feature = "ndarray")]
impl LayerOperators for burn::backend::NdArray {}
#[cfg(feature = "cube")]
impl LayerOperators for burn_cubecl::CubeBackend {}
