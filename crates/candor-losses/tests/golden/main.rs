//! The sheets' cases: values and gradients on every device compiled in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::unnecessary_wraps)] // an operator that cannot fail is called as those that can

mod classification;
mod contrastive;
mod gambler;
mod graphs;
mod metric_learning;
mod multimodal;
mod sets;
mod spherical;
mod stability;

use candor_testkit::golden::Suite;

#[test]
fn golden_cases() {
    suite().run();
}

/// Every family maps the operators of its sheets.
pub(crate) fn suite() -> Suite {
    let suite = Suite::new("candor-losses");
    let suite = classification::map(suite);
    let suite = contrastive::map(suite);
    let suite = gambler::map(suite);
    let suite = graphs::map(suite);
    let suite = metric_learning::map(suite);
    let suite = multimodal::map(suite);
    let suite = sets::map(suite);
    let suite = spherical::map(suite);
    stability::map(suite)
}
