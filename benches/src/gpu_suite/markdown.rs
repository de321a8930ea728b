use std::collections::BTreeMap;

use candor_testkit::golden::Record;

use super::{GoldenTotals, LanguageModelLine, OperatorCase, OperatorLine, Outcome, Pass, Report};

/// The report as tables for a page; a part of which nothing is known is left out.
pub fn markdown(report: &Report) -> String {
    let Report {
        device,
        features,
        parts,
        ..
    } = report;
    let (name, asked, features) = (&device.name, &device.asked, features.join(", "));
    let tables = [
        table(GOLDEN, golden(&parts.golden)),
        table(OPERATORS, operators(&parts.operators)),
        table(LANGUAGE_MODEL, language_model(&parts.language_model)),
    ];
    std::iter::once(format!("Device: {name} ({asked}). Built with {features}."))
        .chain(tables.into_iter().flatten())
        .collect::<Vec<_>>()
        .join("\n\n")
}

const GOLDEN: &[&str] = &[
    "crate",
    "cases",
    "failed",
    "largest error, of what is allowed",
];
const OPERATORS: &[&str] = &[
    "operator",
    "type",
    "N",
    "forward, TFLOP/s",
    "MiB",
    "forward and backward, TFLOP/s",
    "MiB",
];
const LANGUAGE_MODEL: &[&str] = &["task", "tokens", "ms", "tokens/s", "MiB"];

fn table(header: &[&str], rows: Vec<Vec<String>>) -> Option<String> {
    if rows.is_empty() {
        return None;
    }
    let header = format!(
        "| {} |\n|{}",
        header.join(" | "),
        "---|".repeat(header.len())
    );
    let rows = rows
        .iter()
        .map(|cells| format!("| {} |", cells.join(" | ")));
    Some(
        std::iter::once(header)
            .chain(rows)
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

fn golden(records: &[Record]) -> Vec<Vec<String>> {
    let mut suites: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for record in records {
        suites.entry(&record.suite).or_default().push(record);
    }
    let row = |(suite, records): (&str, Vec<&Record>)| {
        let GoldenTotals {
            cases,
            failed,
            largest_error,
        } = GoldenTotals::of(records);
        vec![
            suite.to_owned(),
            cases.to_string(),
            failed.to_string(),
            format!("{largest_error:.3}"),
        ]
    };
    suites.into_iter().map(row).collect()
}

/// One row a size: its passes stand side by side.
fn operators(lines: &[OperatorLine]) -> Vec<Vec<String>> {
    let size = |case: &OperatorCase| OperatorCase {
        pass: Pass::Forward,
        ..*case
    };
    lines
        .chunk_by(|one, next| size(&one.case) == size(&next.case))
        .map(|passes| {
            let case = &passes[0].case;
            let budget = case.budget_mib.map(|mib| format!(", {mib} MiB"));
            let mut row = vec![
                format!("{}{}", case.operator, budget.unwrap_or_default()),
                case.dtype.to_string(),
                case.rows.to_string(),
            ];
            for pass in Pass::ALL {
                let line = passes.iter().find(|line| line.case.pass == pass);
                row.push(figure(line.and_then(|line| line.tflops), 3));
                row.push(peak(line.map(|line| &line.outcome)));
            }
            row
        })
        .collect()
}

fn language_model(lines: &[LanguageModelLine]) -> Vec<Vec<String>> {
    let row = |line: &LanguageModelLine| {
        let taken = line.outcome.measurement();
        vec![
            line.task.to_string(),
            line.tokens.to_string(),
            figure(taken.map(|taken| taken.seconds * 1e3), 2),
            figure(line.tokens_per_s, 1),
            peak(Some(&line.outcome)),
        ]
    };
    lines.iter().map(row).collect()
}

fn figure(figure: Option<f64>, digits: usize) -> String {
    figure.map_or_else(
        || "not measured".to_owned(),
        |figure| format!("{figure:.digits$}"),
    )
}

fn peak(outcome: Option<&Outcome>) -> String {
    let peak = outcome.and_then(|outcome| outcome.measurement()?.peak_mib);
    peak.map_or_else(|| "–".to_owned(), |peak| format!("{peak:.1}"))
}
