use candor_lab::run::RunError;
use clap::Args;

use crate::cargo::{cargo, finish, runs};

/// What is tested.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Backends that every test with a device runs on; one without a driver is skipped with a line that says so.
    #[arg(long, default_value = "flex,ndarray,wgpu")]
    backends: String,
}

/// Runs all tests, with nextest where it is installed, then all doctests.
pub(crate) fn run(arguments: &Arguments) -> Result<(), RunError> {
    let features = ["--workspace", "--features", &arguments.backends];
    if runs(&mut cargo(&["nextest", "--version"])) {
        finish(cargo(&["nextest", "run", "--no-fail-fast"]).args(features))?;
        finish(cargo(&["test", "--doc"]).args(features))
    } else {
        finish(cargo(&["test", "--no-fail-fast"]).args(features))
    }
}
