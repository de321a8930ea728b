//! Objectives whose target is a set: an order is searched for, or slots are matched.
//!
//! | item | what it is | source |
//! |---|---|---|
//! | [`OrderSearchLoss`], [`OrderObjective`] | trains an autoregressive decoder over candidate orders of the set | arXiv 1511.06391 |
//! | [`OrderSearch`] | the best order: exact for small sets, sampled otherwise | arXiv 1511.06391 |
//! | [`OrderScorer`], [`MarkovScorer`] | what the search asks of a model; a first-order one | arXiv 1511.06391 |
//! | [`exact_orders`], [`all_orders`], [`best_markov_order`] | every order; Held and Karp's recursion for first-order scorers | arXiv 1511.06391, Held and Karp 1962 |
//! | [`ancestral_order`] | one order, drawn element by element | arXiv 1511.06391 |
//! | [`AssignmentLoss`], [`hungarian`] | cross-entropy of parallel slots under the cheapest matching | Kuhn 1955; Carion et al. 2020 |
//! | [`ChamferSetLoss`] | each slot and each target to its nearest, unmatched | Fan et al. 2017 |
//! | [`sort_metrics`] | how often a predicted order is the sorted one | arXiv 1511.06391 |
//!
//! The set encoder and the pointer decoder of the same paper are networks and live in `candor-models`.

mod ancestral_order;
mod assignment_loss;
mod chamfer_set_loss;
mod exact_orders;
mod held_karp;
mod hungarian;
mod markov_scorer;
mod order_scorer;
mod order_search;
mod order_search_loss;
mod slot_targets;
mod sort_metrics;

pub use ancestral_order::{AncestralOrder, ancestral_order, ancestral_order_keyed};
pub use assignment_loss::AssignmentLoss;
pub use chamfer_set_loss::ChamferSetLoss;
pub use exact_orders::{ExactOrders, all_orders, exact_orders};
pub use held_karp::best_markov_order;
pub use hungarian::{Assignment, hungarian};
pub use markov_scorer::MarkovScorer;
pub use order_scorer::OrderScorer;
pub use order_search::{FoundOrder, OrderSearch, OrderSearchConfig};
pub use order_search_loss::{OrderObjective, OrderSearchLoss, OrderSearchLossConfig};
pub use sort_metrics::{SortMetrics, sort_metrics};
