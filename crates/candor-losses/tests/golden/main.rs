//! The sheets' cases: values and gradients on every device compiled in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod classification;
mod graphs;
mod sets;
mod spherical;
mod contrastive;
mod multimodal;
mod stability;
mod metric_learning;

use candor_testkit::golden::Suite;

#[test]
fn golden_cases() {
    suite().run();
}

/// Every family maps the operators of its sheets.
pub(crate) fn suite() -> Suite {
    let suite = Suite::new("candor-losses");
    let suite = graphs::map(suite);
    let suite = contrastive::map(suite);
    let suite = stability::map(suite);
    classification::map(suite)
    let suite = classification::map(suite);
    sets::map(suite)
    let suite = classification::map(suite);
    spherical::map(suite)
    let suite = classification::map(suite);
    multimodal::map(suite)
    let suite = classification::map(suite);
    metric_learning::map(suite)
}
