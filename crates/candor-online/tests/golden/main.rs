//! The sheets' cases on every device compiled in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod mdp;
mod perceptron;

use candor_testkit::golden::Suite;

#[test]
fn golden_cases() {
    suite().run();
}

/// Every family maps the operators of its sheets.
pub(crate) fn suite() -> Suite {
    let suite = mdp::map(Suite::new("candor-online"));
    perceptron::map(suite)
}
