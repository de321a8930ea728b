//! The crates' golden suites and cases, carried along: a machine with a graphics processor may have no checkout.

use candor_benches::gpu_suite::Size;
use candor_testkit::golden::Suite;

#[path = "../../../../crates/candor-distill/tests/golden.rs"]
mod distill;
#[path = "../../../../crates/candor-explain/tests/golden.rs"]
mod explain;
#[path = "../../../../crates/candor-losses/tests/golden/main.rs"]
mod losses;
#[path = "../../../../crates/candor-metrics/tests/golden/main.rs"]
mod metrics;
#[path = "../../../../crates/candor-models/tests/golden/main.rs"]
mod models;
#[path = "../../../../crates/candor-online/tests/golden/main.rs"]
mod online;
#[path = "../../../../crates/candor-unlearn/tests/golden.rs"]
mod unlearn;

/// The suites of all crates; the small ones need no file that a repository does not hold.
pub(crate) fn suites(size: Size) -> Vec<Suite> {
    let suites = [
        losses::suite(),
        distill::suite(),
        unlearn::suite(),
        explain::suite(),
        metrics::suite(),
        models::suite(),
        online::suite(),
    ];
    let sized = |suite: Suite| match size {
        Size::Small => suite.without_required_files(),
        Size::Full => suite,
    };
    suites.into_iter().map(sized).collect()
}

macro_rules! golden_files {
    ($($name:literal),* $(,)?) => {
        [$(include_str!(concat!("../../../../tests/golden/", $name, ".json"))),*]
    };
}

/// The text of every golden file.
pub(crate) const FILES: [&str; 19] = golden_files!(
    "adversarial-mdp",
    "anyloss",
    "comp-sum",
    "contrastive-behaviour",
    "disagreement",
    "explagraph",
    "kd-baselines",
    "lfa",
    "lm-substrate",
    "logistic-perceptron",
    "mars",
    "nd-loss",
    "npo",
    "order-matters",
    "small-scale-proxies",
    "susana-distancia",
    "welldunn",
    "xai-metrics",
    "z-loss",
);
