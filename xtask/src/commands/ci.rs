use candor_lab::run::RunError;
use clap::Args;

use crate::cargo::{cargo, finish};

/// How much is checked.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Also what takes longer: the whole lifecycle and every claim.
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
    alone()?;
    finish(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    finish(&mut cargo(&["xtask", "test"]))?;
    if arguments.full {
        finish(&mut cargo(&[
            "xtask",
            "run",
            "lifecycle",
            "--quiet",
            "--out",
            "target/ci/lifecycle",
        ]))?;
        finish(&mut cargo(&["xtask", "claims", "--quiet"]))?;
    }
    Ok(())
}

/// Each library crate compiles alone, without default features and with each backend.
fn alone() -> Result<(), RunError> {
    for backend in ["", "flex", "ndarray", "wgpu", "cuda"] {
        for library in LIBRARIES {
            let mut check = cargo(&[
                "check",
                "--quiet",
                "--package",
                library,
                "--no-default-features",
            ]);
            check.args(["--features", backend]);
            // CUDA's build script would download a bundle; type checking needs none.
            check.env("DOCS_RS", "1");
            finish(&mut check)?;
        }
    }
    Ok(())
}
