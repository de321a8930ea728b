pub(crate) mod backends;
pub(crate) mod bench;
pub(crate) mod ci;
pub(crate) mod claims;
pub(crate) mod doctor;
pub(crate) mod fetch;
mod gpu_suite;
pub(crate) mod papers;
pub(crate) mod run;
pub(crate) mod test;

use clap::ValueEnum;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};

/// How a command prints its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// A table as wide as the terminal.
fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(headings);
    table
}

fn print_json(value: &impl serde::Serialize) -> Result<(), candor_lab::run::RunError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| {
        candor_lab::run::RunError::Drawing {
            what: "JSON",
            reason: error.to_string(),
        }
    })?;
    println!("{text}");
    Ok(())
}
