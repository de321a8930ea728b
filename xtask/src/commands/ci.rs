use std::process::Command;

use candor_lab::run::RunError;
use clap::Args;

use crate::cargo::{cargo, finish};

/// How much is checked.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Also what takes longer: each crate alone with every backend, the whole lifecycle and every claim.
    #[arg(long)]
    full: bool,
}

const LIBRARIES: [&str; 12] = [
    "candor-core",
    "candor-losses",
    "candor-distill",
    "candor-unlearn",
    "candor-guidance",
    "candor-explain",
    "candor-metrics",
    "candor-online",
    "candor-models",
    "candor-data",
    "candor-testkit",
    "candor",
];

/// The checks of continuous integration, the cheapest first.
pub(crate) fn run(arguments: &Arguments) -> Result<(), RunError> {
    finish(&mut cargo(&["fmt", "--all", "--check"]))?;
    finish(cargo(&["clippy", "--workspace", "--all-targets"]).args(["--", "-D", "warnings"]))?;
    alone("")?;
    alone("flex")?;
    // The tests compile the other backends but this one.
    finish(&mut check(&["--workspace", "--features", "cuda"]))?;
    finish(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    finish(&mut cargo(&["xtask", "test"]))?;
    if arguments.full {
        for backend in ["ndarray", "wgpu", "cuda"] {
            alone(backend)?;
        }
        finish(&mut check(&["--package", "xtask", "--features", "hub"]))?;
        finish(&mut cargo(&[
            "xtask",
            "run",
            "lifecycle",
            "--quiet",
            "--out",
            "target/ci/full",
        ]))?;
        finish(&mut cargo(&["xtask", "claims", "--quiet"]))?;
    }
    Ok(())
}

/// Each library crate compiles alone, without its default features and with one backend or none.
fn alone(backend: &str) -> Result<(), RunError> {
    for library in LIBRARIES {
        finish(&mut check(&[
            "--package",
            library,
            "--no-default-features",
            "--features",
            backend,
        ]))?;
    }
    Ok(())
}

/// A type check. CUDA's build script would download a bundle that a type check does not need.
fn check(arguments: &[&str]) -> Command {
    let mut command = cargo(&["check", "--quiet"]);
    command.args(arguments).env("DOCS_RS", "1");
    command
}
