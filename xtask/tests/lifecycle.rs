//! The main job, as small as it gets: every output is there, and a killed run ends as an uninterrupted one.
#![allow(clippy::unwrap_used)] // a test that cannot be set up should stop

mod killing;

use std::path::Path;
use std::process::{Command, Stdio};

use killing::{kill_at, results};
use serde_json::Value;

/// A few seconds of the pipeline, with everything in it.
const SMALL: [&str; 20] = [
    "--quiet",
    "--limit",
    "400",
    "--set",
    "train.epochs=4",
    "--set",
    "distill.seeds=1",
    "--set",
    "distill.epochs=4",
    "--set",
    "unlearn.epochs=1",
    "--set",
    "explain.images=2",
    "--set",
    "explain.samples=32",
    "--set",
    "explain.steps=8",
    "--set",
    "train.channels=[4, 8]",
    "--resume",
];

fn lifecycle(out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command
        .args(["run", "lifecycle", "--out"])
        .arg(out)
        .args(SMALL);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn a_run_killed_again_and_again_ends_with_the_same_numbers() {
    let place = tempfile::tempdir().unwrap();
    let (straight, broken) = (place.path().join("straight"), place.path().join("broken"));

    assert!(lifecycle(&straight).status().unwrap().success());

    // Killed in the middle of three trainings, as soon as something of them is on the disk, then left to finish.
    for begun in [
        "teacher/checkpoint/model-2.bpk",
        "student-dkd-0",
        "forget-class-npo",
    ] {
        kill_at(lifecycle(&broken), &broken, begun);
    }
    assert!(lifecycle(&broken).status().unwrap().success());

    assert_eq!(results(&straight), results(&broken));
}

#[test]
fn a_dry_run_writes_every_output() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    let status = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["run", "lifecycle", "--dry-run", "--quiet", "--out"])
        .arg(&out)
        .status()
        .unwrap();
    assert!(status.success());
    for file in [
        "report.html",
        "results.json",
        "settings.toml",
        "teacher/weights.safetensors",
        "teacher/MODEL_CARD.md",
        "forget-class-npo-rt/weights.safetensors",
    ] {
        assert!(out.join(file).metadata().unwrap().len() > 100, "{file}");
    }
    let report = std::fs::read_to_string(out.join("report.html")).unwrap();
    for heading in [
        "The teacher",
        "Students",
        "Forgetting class 7",
        "Explanations before and after",
        "data:image/png",
    ] {
        assert!(report.contains(heading), "{heading}");
    }
    let checks = results(&out)["checks"].as_array().unwrap().len();
    assert_eq!(checks, 7);
}

#[test]
fn a_loss_that_is_not_a_number_stops_the_run_and_saves_the_batch() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args([
            "run",
            "lifecycle",
            "--quiet",
            "--limit",
            "300",
            "--set",
            "train.lr=1e30",
            "--out",
        ])
        .arg(&out)
        .output()
        .unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("teacher: the loss became"), "{message}");
    let saved = std::fs::read_to_string(out.join("teacher/non-finite-batch.json")).unwrap();
    let saved: Value = serde_json::from_str(&saved).unwrap();
    assert!(!saved["rows"].as_array().unwrap().is_empty());
}
