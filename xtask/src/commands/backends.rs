use std::collections::BTreeMap;
use std::path::Path;

use candor_lab::run::RunError;
use candor_testkit::golden::Record;
use clap::Args;
use serde::Serialize;

use super::{Format, print_json, table};
use crate::cargo::{cargo, features, finish};

/// How the comparison is shown.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Table or JSON.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Backends to run on; those of this build if left out.
    #[arg(long)]
    backends: Option<String>,
}

/// One operator on one backend.
#[derive(Debug, Default, Serialize)]
struct Line {
    paper: String,
    op: String,
    backend: String,
    cases: usize,
    /// Largest difference, as a share of what the case allows.
    largest_error: f64,
    seconds: f64,
}

/// Runs every crate's golden cases and sums up what they recorded.
pub(crate) fn run(arguments: &Arguments) -> Result<(), RunError> {
    let place = tempfile::tempdir()
        .map_err(|error| RunError::file("create", Path::new("(temporary folder)"), error))?;
    let path = place.path().join("golden.jsonl");
    let backends = arguments.backends.clone().unwrap_or_else(features);
    let mut tests = cargo(&[
        "test",
        "--quiet",
        "--workspace",
        "--test",
        "golden",
        "--features",
        &backends,
    ]);
    if arguments.format == Format::Json {
        tests.stdout(std::process::Stdio::null());
    }
    finish(tests.env("CANDOR_GOLDEN_REPORT", &path))?;
    let lines = summarise(&path)?;
    if arguments.format == Format::Json {
        return print_json(&lines);
    }
    let mut table = table(&[
        "sheet",
        "operator",
        "backend",
        "cases",
        "largest error / allowed",
        "time, ms",
    ]);
    for line in &lines {
        table.add_row([
            line.paper.clone(),
            line.op.clone(),
            line.backend.clone(),
            line.cases.to_string(),
            format!("{:.3}", line.largest_error),
            format!("{:.1}", line.seconds * 1e3),
        ]);
    }
    println!("{table}");
    Ok(())
}

fn summarise(path: &Path) -> Result<Vec<Line>, RunError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| RunError::file("read", path, error))?;
    let mut lines: BTreeMap<(String, String, String), Line> = BTreeMap::new();
    for record in text.lines() {
        let record: Record =
            serde_json::from_str(record).map_err(|error| RunError::file("read", path, error))?;
        let key = (
            record.paper.clone(),
            record.op.clone(),
            record.backend.clone(),
        );
        let line = lines.entry(key).or_insert_with(|| Line {
            paper: record.paper,
            op: record.op,
            backend: record.backend,
            ..Line::default()
        });
        line.cases += 1;
        line.largest_error = line.largest_error.max(record.error.unwrap_or(0.0));
        line.seconds += record.seconds;
    }
    Ok(lines.into_values().collect())
}
