//! Parts of a transformer's layer, each one operator with a closed-form gradient.
//!
//! | operator | value |
//! |---|---|
//! | [`project`] | `rows · weight` |
//! | [`swiglu`] | `silu(gate) · up` |
//! | [`attention`] | `softmax(q kᵀ / sqrt(head_dim) + mask) v`, heads in groups |
//! | [`rms_norm`] | `x / sqrt(mean(x²) + ε) · scale` |
//! | [`rotate`] | pairs of a head's entries turned by their position's angles |
//!
//! On flex they are kernels: each result is allocated once, passes over it are vectorised and run in parallel. Composed
//! of flex's own operators, a product is allocated twice and copied, and an exponential is a scalar loop on one
//! thread. On every other backend they are that composition; under autodiff all of them keep their inputs and nothing
//! between. `f32` and `f64` take the kernels; half precision is composed.
//! A sequence of them is faster inside [`on_workers`].

mod attention;
mod autodiff;
mod composed;
#[cfg(feature = "flex")]
mod flex;
mod operators;
mod projection;
mod rms_norm;
mod rotary;
mod swiglu;
mod workers;

pub use attention::{AttentionOutput, attention, grouped_query_attention, observed_attention};
pub use projection::project;
pub use rms_norm::rms_norm;
pub use rotary::{RopeLayout, rotate};
pub use swiglu::swiglu;
pub use workers::on_workers;
