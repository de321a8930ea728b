//! Fine-tuning from the command line: a killed run ends as an uninterrupted one, and what is wrong is said in a line.
#![allow(clippy::unwrap_used)] // a test that cannot be set up should stop

mod killing;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use killing::{kill_at, results};

fn finetune(out: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command
        .args(["run", "finetune", "--out"])
        .arg(out)
        .args(arguments);
    command
}

/// A few seconds of training, in full or of adapters.
fn small(out: &Path, method: &str) -> Command {
    let method = format!("method={method}");
    let arguments = [
        "--quiet",
        "--resume",
        "--limit",
        "60",
        "--set",
        "train.epochs=5",
        "--set",
        "train.ema_decay=0.5",
        "--set",
        "samples=2",
        "--set",
        &method,
    ];
    let mut command = finetune(out, &arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn refused(arguments: &[&str], folder: &Path) -> String {
    let out = folder.join("out");
    let Output { status, stderr, .. } = finetune(&out, arguments).output().unwrap();
    let message = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{message}");
    assert_eq!(message.trim().lines().count(), 1, "{message}");
    assert!(!out.exists(), "something was written before: {message}");
    message
}

#[test]
fn a_run_killed_again_and_again_ends_with_the_same_numbers() {
    for method in ["full", "lora"] {
        let place = tempfile::tempdir().unwrap();
        let (straight, broken) = (place.path().join("straight"), place.path().join("broken"));
        assert!(small(&straight, method).status().unwrap().success());
        for begun in [
            "training/checkpoint/model-2.bpk",
            "training/train/epoch-4/Loss.log",
        ] {
            kill_at(small(&broken, method), &broken, begun);
        }
        assert!(small(&broken, method).status().unwrap().success());
        assert_eq!(results(&straight), results(&broken), "{method}");
        let curves = &results(&straight)["training"]["curves"][0]["points"];
        assert_eq!(curves.as_array().unwrap().len(), 5);
    }
}

#[test]
fn a_row_that_cannot_be_used_is_named_by_file_line_and_field() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("rows.jsonl");
    std::fs::write(
        &file,
        "{\"prompt\": \"p\", \"answer\": \"a\"}\n{\"prompt\": \"p\"}\n",
    )
    .unwrap();
    let message = refused(&["--data", file.to_str().unwrap()], place.path());
    assert!(
        message.contains("rows.jsonl:2: field `answer` is missing"),
        "{message}"
    );
    std::fs::write(&file, b"{\"prompt\": \"\xff\", \"answer\": \"a\"}\n").unwrap();
    let message = refused(&["--data", file.to_str().unwrap()], place.path());
    assert!(message.contains("rows.jsonl:1: "), "{message}");
}

#[test]
fn what_cannot_be_trained_is_said_before_anything_is_written() {
    let place = tempfile::tempdir().unwrap();
    for (arguments, wanted) in [
        (&["--set", "train.speed=3"][..], "unknown field `speed`"),
        (&["--set", "train.lr=2"], "train.lr = 2"),
        (&["--set", "method=magic"], "method=magic"),
        (
            &["--set", "lora.projections=[\"z\"]"],
            "lora.projections = z",
        ),
        (&["--data", "nowhere.jsonl"], "nowhere.jsonl"),
        (&["--model", "nowhere.gguf"], "nowhere.gguf"),
        (&["--set", "max_tokens=8"], "the limit is 8"),
    ] {
        let message = refused(arguments, place.path());
        assert!(message.contains(wanted), "{message}");
    }
}

#[test]
fn an_estimate_prints_time_and_memory_and_writes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let output = finetune(&out, &["--estimate", "--quiet"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(
        text.contains("training") && text.contains("steps") && text.contains("peak memory"),
        "{text}"
    );
    assert!(!out.exists());
}
