use candor_lab::lifecycle::{self, LifecycleSettings};
use candor_lab::run::{RunError, load_settings};
use clap::Args;

use super::arguments::CommonArguments;
use super::print_checks;

/// What the main job can be asked.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: CommonArguments,
}

impl Arguments {
    pub(super) fn logs(&self) -> bool {
        self.common.quiet
    }
}

pub(super) fn run(Arguments { common }: &Arguments) -> Result<(), RunError> {
    let settings: LifecycleSettings = load_settings(common.config(), &common.overrides())?;
    let options = common.options();
    if common.estimate {
        println!("{}", lifecycle::estimate(&settings, &options)?);
        return Ok(());
    }
    let outcome = lifecycle::run(settings, &options, &common.out("lifecycle"))?;
    print_checks(&outcome.results.checks);
    println!(
        "finished in {:.0} s, report: {}",
        outcome.seconds,
        outcome.report.display()
    );
    Ok(())
}
