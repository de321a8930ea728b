//! The sheets' cases: values and gradients on every device compiled in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod classification;
mod gambler;
mod metric_learning;

use candor_testkit::golden::Suite;

#[test]
fn golden_cases() {
    suite().run();
}

/// Every family maps the operators of its sheets.
pub(crate) fn suite() -> Suite {
    let suite = Suite::new("candor-losses");
    let suite = classification::map(suite);
    let suite = metric_learning::map(suite);
    gambler::map(suite)
}
