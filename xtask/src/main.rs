//! Candor's command line: `cargo xtask …`, a thin layer over candor-lab.

mod cargo;
mod commands;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs Candor's pipelines, claims, tests and benches.
#[derive(Parser)]
#[command(name = "cargo xtask", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a pipeline.
    #[command(subcommand)]
    Run(commands::run::Pipeline),
    /// Re-run what the papers promised and write the ledger.
    Claims(commands::claims::Arguments),
    /// Show which papers are implemented, and where.
    Papers(commands::papers::Arguments),
    /// Run the golden cases on every backend compiled in and show errors and times.
    Backends(commands::backends::Arguments),
    /// Run the benches and compare them with a peer's figures.
    Bench(commands::bench::Arguments),
    /// Run all tests and doctests.
    Test(commands::test::Arguments),
    /// Say which backends, devices, threads and memory there are.
    Doctor,
    /// Fetch what Candor can use and does not carry, or list it.
    Fetch(commands::fetch::Arguments),
    /// Run what continuous integration runs.
    Ci(commands::ci::Arguments),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let logs = matches!(&cli.command, Command::Run(pipeline) if pipeline.logs());
    log_to_standard_error(if logs { "info" } else { "warn" });
    let result = match cli.command {
        Command::Run(pipeline) => commands::run::run(&pipeline),
        Command::Claims(arguments) => commands::claims::run(&arguments),
        Command::Papers(arguments) => commands::papers::run(&arguments),
        Command::Backends(arguments) => commands::backends::run(&arguments),
        Command::Bench(arguments) => commands::bench::run(&arguments),
        Command::Test(arguments) => commands::test::run(&arguments),
        Command::Doctor => commands::doctor::run(),
        Command::Fetch(arguments) => commands::fetch::run(&arguments),
        Command::Ci(arguments) => commands::ci::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line for the person who typed the command; nothing to trace back.
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn log_to_standard_error(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        // Burn's training loop logs every step, and its errors come back to us as values.
        EnvFilter::new(format!(
            "{default},burn_train=off,burn_core=warn,wgpu_core=warn,wgpu_hal=error"
        ))
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .init();
}
