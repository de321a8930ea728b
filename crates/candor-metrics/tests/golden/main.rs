//! Golden cases of the sheets `xai-metrics`, `disagreement` and, of `npo`, the measures.

mod explanation_graphs;
mod explanations;
mod representation;

use candor_testkit::golden::Suite;

#[test]
fn golden_cases_pass() {
    suite().run();
}

/// Every family maps the operators of its sheets.
pub(crate) fn suite() -> Suite {
    let suite = explanations::map(Suite::new("candor-metrics"));
    let suite = explanation_graphs::map(suite);
    representation::map(suite)
}
