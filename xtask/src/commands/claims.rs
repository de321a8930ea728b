use candor_lab::claims::{self, ClaimContext, Ledger, LedgerEntry};
use candor_lab::run::{DeviceChoice, Progress, RunError};
use clap::Args;

use super::{Format, print_json, table};
use crate::cargo::workspace;

/// What claims are run, and how often.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Only the claims of this sheet.
    #[arg(long, value_name = "SLUG")]
    paper: Option<String>,
    /// Seeds of each claim; at least five give an interval worth reading.
    #[arg(long, default_value_t = 5)]
    seeds: usize,
    /// Where to compute.
    #[arg(long, default_value_t)]
    device: DeviceChoice,
    /// Table or JSON.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write docs/claims.json and docs/src/claims.md.
    #[arg(long)]
    write: bool,
    /// No progress bars.
    #[arg(long)]
    quiet: bool,
}

/// Runs the claims; one that does not hold is printed as such and is no error.
pub(crate) fn run(arguments: &Arguments) -> Result<(), RunError> {
    let chosen: Vec<_> = claims::all()
        .into_iter()
        .filter(|claim| {
            arguments
                .paper
                .as_ref()
                .is_none_or(|paper| paper == claim.paper())
        })
        .collect();
    if chosen.is_empty() {
        let known: Vec<_> = claims::all().iter().map(|claim| claim.paper()).collect();
        return Err(RunError::Check {
            problems: format!(
                "no claim is called {}; there are {}",
                arguments.paper.as_deref().unwrap_or_default(),
                known.join(", ")
            ),
        });
    }
    let context = ClaimContext {
        device: arguments.device.open()?,
        seeds: arguments.seeds.max(1),
        progress: Progress::new(chosen.len(), arguments.quiet),
    };
    let (json, page) = (
        workspace().join("docs/claims.json"),
        workspace().join("docs/src/claims.md"),
    );
    let mut ledger = Ledger::read(&json)?;
    let mut seen = Ledger::default();
    for claim in &chosen {
        let bar = context.progress.stage(claim.paper(), context.seeds);
        let findings = claim.run(&context)?;
        bar.finish_and_clear();
        context.progress.advance();
        let entries: Vec<_> = findings
            .iter()
            .map(|finding| LedgerEntry::of(claim.as_ref(), finding))
            .collect();
        ledger.update(claim.paper(), entries.clone());
        seen.update(claim.paper(), entries);
        if arguments.write {
            ledger.write(&json, &page)?;
        }
    }
    context.progress.finish();
    print(&seen, arguments.format)
}

fn print(ledger: &Ledger, format: Format) -> Result<(), RunError> {
    if format == Format::Json {
        return print_json(ledger);
    }
    let mut table = table(&[
        "paper",
        "claim",
        "holds",
        "value",
        "bound",
        "mean ± half of 95 %",
        "seeds",
    ]);
    for entry in &ledger.0 {
        table.add_row([
            entry.paper.clone(),
            entry.claim.clone(),
            if entry.holds { "yes" } else { "NO" }.to_owned(),
            format!("{:.4}", entry.value),
            format!("{:?}", entry.bound),
            format!("{:.4} ± {:.4}", entry.mean, entry.ci95),
            entry.seeds.to_string(),
        ]);
    }
    println!("{table}");
    Ok(())
}
