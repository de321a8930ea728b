//! The GPU suite, as a program, at its small size.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use candor_benches::gpu_suite::{Operator, OperatorLine, Pass, Report, Size, Task};
use candor_lab::run::Precision;
use serde_json::Value;

fn suite(arguments: &[&str]) -> Output {
    Command::cargo_bin("candor-gpu-suite")
        .unwrap()
        .args(arguments)
        .output()
        .unwrap()
}

/// Runs the suite and reads what it wrote, as text and as a report.
fn report(arguments: &[&str]) -> (Value, Report) {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("gpu.json");
    let out = ["--size", "small", "--out", out.to_str().unwrap()];
    let output = suite(&[arguments, &out].concat());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    let text = std::fs::read_to_string(Path::new(out[3])).unwrap();
    let report = serde_json::from_str(&text).unwrap();
    let tables = String::from_utf8(output.stdout).unwrap();
    assert!(tables.contains("Device: "), "{tables}");
    (serde_json::from_str(&text).unwrap(), report)
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[cfg(feature = "flex")]
#[test]
fn everything_is_measured_on_flex() {
    let (json, report) = report(&["--device", "flex"]);
    assert_eq!(
        keys(&json),
        BTreeSet::from(["device", "features", "parts", "size"])
    );
    assert_eq!(
        keys(&json["parts"]),
        BTreeSet::from(["golden", "language_model", "operators"])
    );
    assert_eq!(report.device.asked, "flex");
    assert!(report.features.contains(&"flex".to_owned()));

    let papers: BTreeSet<&str> = report
        .parts
        .golden
        .iter()
        .map(|record| record.paper.as_str())
        .collect();
    assert_eq!(
        papers,
        papers_of_the_repository()
            .iter()
            .map(String::as_str)
            .collect()
    );
    let failed = report
        .parts
        .golden
        .iter()
        .filter(|record| record.problem.is_some());
    assert_eq!(failed.count(), 0);

    let head = Size::Small.head();
    // Five operators, two types, two passes; three of them with another budget.
    let operators = &report.parts.operators;
    assert_eq!(operators.len(), 5 * 2 * 2 * head.rows.len() + 3 * 2 * 2);
    for line in operators {
        let taken = line.outcome.measurement().unwrap();
        assert!(taken.seconds >= taken.fastest_s && taken.fastest_s > 0.0);
        assert!(taken.peak_mib.unwrap() > 0.0, "{line:?}");
        let products = (line.case.rows * head.width * head.classes) as f64;
        let rate = line.case.pass.operations() * products / taken.seconds / 1e12;
        assert!((line.tflops.unwrap() / rate - 1.0).abs() < 1e-9);
    }
    let tasks: Vec<Task> = report
        .parts
        .language_model
        .iter()
        .map(|line| line.task)
        .collect();
    assert_eq!(tasks, Task::ALL);
    for line in &report.parts.language_model {
        let taken = line.outcome.measurement().unwrap();
        let rate = line.tokens as f64 / taken.seconds;
        assert!((line.tokens_per_s.unwrap() / rate - 1.0).abs() < 1e-9);
    }
}

/// The sheets that the golden files of the repository are about.
fn papers_of_the_repository() -> BTreeSet<String> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
    let mut papers = BTreeSet::new();
    for entry in std::fs::read_dir(golden).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let file: Value = serde_json::from_str(&text).unwrap();
        papers.insert(file["paper"].as_str().unwrap().to_owned());
    }
    papers
}

/// What came out of an operator, at the most rows.
fn value(lines: &[OperatorLine], operator: Operator, dtype: Precision) -> f64 {
    lines
        .iter()
        .find(|line| {
            let case = &line.case;
            (
                case.operator,
                case.dtype,
                case.pass,
                case.rows,
                case.budget_mib,
            ) == (operator, dtype, Pass::ForwardBackward, 200, None)
        })
        .and_then(|line| line.outcome.measurement())
        .unwrap_or_else(|| panic!("{operator} of {dtype} was not measured"))
        .value
}

/// Operators of one size have the same operands, so that their values can be compared.
#[test]
fn operators_agree_with_the_composition_on_every_device() {
    for named in candor_testkit::devices() {
        if !["flex", "wgpu"].contains(&named.name) {
            continue;
        }
        let only = ["--only", "f32/N200/forward_backward"];
        let (_, report) = report(&[&["--device", named.name], &only[..]].concat());
        let lines = &report.parts.operators;
        for (ours, naive) in [
            (Operator::LinearCrossEntropy, Operator::NaiveCrossEntropy),
            (Operator::LinearLogProbs, Operator::NaiveCrossEntropy),
            (Operator::LinearKl, Operator::NaiveKl),
        ] {
            let (ours, naive) = (
                value(lines, ours, Precision::F32),
                value(lines, naive, Precision::F32),
            );
            assert!(
                (ours / naive - 1.0).abs() < 1e-3,
                "{}: {ours} and {naive}",
                named.name
            );
        }
    }
}

#[test]
fn a_device_that_does_not_exist_is_refused() {
    let output = suite(&["--device", "tpu"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(told.contains("`tpu` is not a device"), "{told}");
}

#[test]
fn a_device_that_is_not_there_costs_one_line() {
    for device in ["cuda:99", "wgpu:99"] {
        let output = suite(&["--device", device]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        // A Vulkan loader may have a word of its own to say.
        let lines: Vec<_> = told
            .lines()
            .filter(|line| !line.contains("XDG_RUNTIME_DIR"))
            .collect();
        assert_eq!(lines.len(), 1, "{told}");
        assert!(lines[0].contains(device), "{told}");
    }
}

#[cfg(feature = "flex")]
#[test]
fn a_case_that_does_not_exist_is_refused() {
    let output = suite(&["--device", "flex", "--only", "alchemy"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(told.contains("no case's name contains `alchemy`"), "{told}");
}

#[cfg(feature = "flex")]
#[test]
fn a_report_that_cannot_be_written_is_known_at_once() {
    let output = suite(&["--device", "flex", "--out", "nowhere/gpu.json"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(told.contains("cannot write nowhere/gpu.json"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}
