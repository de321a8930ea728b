//! Runs that are killed, and what they leave.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

/// Starts a run and kills it as soon as `begun` is in its folder.
pub(crate) fn kill_at(mut run: Command, out: &Path, begun: &str) {
    let mut child = run.spawn().unwrap();
    while !out.join(begun).exists() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "the run ended before {begun}"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!out.join("results.json").exists(), "{begun} came too late");
}

/// The results of a run, without wall times: those are measured anew by every run, and nothing else may differ.
pub(crate) fn results(out: &Path) -> Value {
    let text = std::fs::read_to_string(out.join("results.json")).unwrap();
    without_times(serde_json::from_str(&text).unwrap())
}

fn without_times(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .filter(|(name, _)| name != "seconds")
                .map(|(name, value)| (name, without_times(value)))
                .collect(),
        ),
        Value::Array(values) => Value::Array(values.into_iter().map(without_times).collect()),
        other => other,
    }
}
