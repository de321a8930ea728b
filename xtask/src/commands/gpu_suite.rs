use std::path::{Path, PathBuf};
use std::process::Command;

use candor_lab::run::{DeviceChoice, RunError};
use clap::Args;

use crate::cargo::{cargo, executables};

/// What the GPU suite is asked, beside what every suite is.
#[derive(Args)]
pub(crate) struct GpuArguments {
    /// Where the suite gpu computes: `cuda`, `cuda:N`, `wgpu`, `wgpu:N` or `flex`.
    #[arg(long, requires = "suite", required_if_eq("suite", "gpu"))]
    device: Option<DeviceChoice>,
    /// How much the suite gpu asks; small shows on any machine that it works.
    #[arg(long, requires = "suite", value_parser = ["small", "full"], default_value = "full")]
    size: String,
    /// What else the suite gpu is built with: cuda-cpp, autotune or fusion, with commas between.
    #[arg(long, requires = "suite", value_name = "LIST", default_value = "")]
    features: String,
}

/// Builds the suite for its device and runs it.
pub(crate) fn run(
    arguments: &GpuArguments,
    only: &str,
    out: Option<&Path>,
) -> Result<(), RunError> {
    let device = arguments.device.unwrap_or_default().to_string();
    let binary = build(&device, &arguments.features)?;
    let mut suite = Command::new(&binary);
    suite
        .args(["--device", &device])
        .args(["--size", &arguments.size])
        .args(["--only", only]);
    if let Some(out) = out {
        suite.arg("--out").arg(out);
    }
    let status = suite
        .status()
        .map_err(|error| RunError::file("run", &binary, error))?;
    match status.code() {
        Some(0) => Ok(()),
        // It has said in one line what is wrong.
        Some(2) => std::process::exit(2),
        _ => Err(RunError::Command {
            command: "candor-gpu-suite".to_owned(),
            reason: status.to_string(),
        }),
    }
}

fn build(device: &str, features: &str) -> Result<PathBuf, RunError> {
    let backend = device.split(':').next().unwrap_or_default();
    let features = [backend, features].join(" ");
    let command = cargo(&[
        "build",
        "--release",
        "--package",
        "candor-benches",
        "--bin",
        "candor-gpu-suite",
        "--features",
        &features,
    ]);
    executables(command, "bin")?
        .pop()
        .ok_or_else(|| RunError::Command {
            command: "cargo build --bin candor-gpu-suite".to_owned(),
            reason: "it built nothing".to_owned(),
        })
}
