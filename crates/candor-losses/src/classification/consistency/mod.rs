//! What the comp-sum family guarantees: consistency bounds and what they are made of.
//!
//! For symmetric and complete hypotheses over `k` classes, in terms of a hypothesis' own risk,
//!
//! ```text
//! zero-one error - its best in class + its gap  <=  Γ_τ(comp-sum risk - its best in class + its gap)
//! ```
//!
//! [`CompSumBounds`] has `T_τ`, its inverse `Γ_τ` and the simple bound `Γ̃_τ >= Γ_τ`; [`conditional_infimum`] and
//! [`minimizability_gap`] have the gaps. All of it is host arithmetic in `f64`.
//!
//! Source: Mao, Mohri, Zhong: Cross-Entropy Loss Functions, 2023, arXiv 2304.07288. The formulas were re-derived and
//! checked numerically; larger τ has smaller gaps, at the price of `k^(τ-1)` in Γ.

mod bounds;
mod conditional_infimum;
mod minimizability_gap;
mod phi;

pub use bounds::CompSumBounds;
pub use conditional_infimum::conditional_infimum;
pub use minimizability_gap::{minimizability_gap, minimizability_gap_upper, zero_one_gap};
pub use phi::phi;
