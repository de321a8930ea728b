//! The sheets' cases, on every device compiled in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp
)]

mod explanation_graphs;
mod explanations;
mod representation;
mod retrieval;
mod training;

use candor_testkit::golden::Suite;

#[test]
fn golden_cases_pass() {
    suite().run();
}

/// Every family maps the operators of its sheets.
pub(crate) fn suite() -> Suite {
    let suite = explanations::map(Suite::new("candor-metrics"));
    let suite = explanation_graphs::map(suite);
    let suite = representation::map(suite);
    let suite = retrieval::map(suite);
    training::map(suite)
}
