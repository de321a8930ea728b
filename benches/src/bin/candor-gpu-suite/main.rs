//! The GPU suite as one program that carries all it needs: golden cases, operators, a language model.

mod golden_suites;

use std::path::PathBuf;
use std::process::ExitCode;

use candor_benches::gpu_suite::{Case, GoldenTotals, OpenDevice, Size, markdown, one_line, run};
use candor_lab::run::{DeviceChoice, RunError};
use clap::Parser;
use peak_alloc::PeakAlloc;

use golden_suites::{FILES, suites};

/// Counts what a backend without a pool of its own allocates.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Runs golden cases, fused operators and a language model on one device.
///
/// Progress goes to standard error, tables for a page to standard output.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// Where to compute: `cuda`, `cuda:N`, `wgpu`, `wgpu:N`, `flex` or `ndarray`.
    #[arg(long)]
    device: DeviceChoice,
    /// How much is asked.
    #[arg(long, value_enum, default_value_t = Size::Full)]
    size: Size,
    /// Only cases whose name contains this, such as `golden`, `operators/linear_kl` or `bf16/N8192`.
    #[arg(long, default_value = "")]
    only: String,
    /// Write the report to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Do this one case in this process: what the suite starts itself with.
    #[arg(long, hide = true)]
    case: Option<String>,
}

fn main() -> ExitCode {
    match suite(&Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// 0, or 1 when a golden case failed.
fn suite(cli: &Cli) -> Result<ExitCode, RunError> {
    let device = OpenDevice::open(cli.device)?;
    let suites = suites(cli.size);
    let mut cases = Case::all(cli.size, &suites);
    if let Some(name) = &cli.case {
        return Ok(one(&device, cli.size, &cases, name));
    }
    cases.retain(|case| case.to_string().contains(&cli.only));
    if cases.is_empty() {
        return Err(RunError::Check {
            problems: format!("no case's name contains `{}`", cli.only),
        });
    }
    let report = run(&device, cli.size, &cases, cli.out.as_deref())?;
    println!("{}", markdown(&report));
    let golden = GoldenTotals::of(&report.parts.golden);
    for record in &report.parts.golden {
        if record.problem.is_some() {
            eprintln!("failed: {record}");
        }
    }
    Ok(ExitCode::from(u8::from(golden.failed > 0)))
}

/// Does one case and prints its answer, for the process that asked.
fn one(device: &OpenDevice, size: Size, cases: &[Case], name: &str) -> ExitCode {
    // One line is what the other process can pass on.
    std::panic::set_hook(Box::new(|panic| {
        let words = panic.payload_as_str().unwrap_or("no words");
        eprintln!("panic: {}", one_line(words));
    }));
    let Some(case) = cases.iter().find(|case| case.to_string() == name) else {
        eprintln!("error: there is no case `{name}`");
        return ExitCode::from(2);
    };
    let answer = case.run(size, device, &suites(size), &FILES);
    match serde_json::to_string(&answer) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
