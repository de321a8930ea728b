//! Generation from the command line: the text and nothing else on standard output, the rest on standard error.
#![allow(clippy::unwrap_used)] // a test that cannot be set up should stop

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;

fn xtask(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("xtask").unwrap();
    command.args(arguments);
    command
}

/// A model that was trained on a few rows, and says something.
fn model(place: &Path) -> PathBuf {
    let out = place.join("run");
    let arguments = [
        "run",
        "finetune",
        "--quiet",
        "--limit",
        "60",
        "--set",
        "samples=0",
    ];
    let trained = xtask(&arguments)
        .args(["--set", "train.epochs=3", "--out"])
        .arg(&out)
        .output()
        .unwrap();
    assert!(trained.status.success());
    out.join("model")
}

fn generate(model: &Path, arguments: &[&str], input: &str) -> Output {
    xtask(&["run", "generate", "--quiet", "--model"])
        .arg(model)
        .args(["--max-new-tokens", "12"])
        .args(arguments)
        .write_stdin(input)
        .output()
        .unwrap()
}

fn text(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_text_is_all_that_standard_output_gets() {
    let place = tempfile::tempdir().unwrap();
    let model = model(place.path());
    let question = "What is the plural of cat?";

    let output = generate(&model, &["--chat", "--prompt", question], "");
    assert!(output.stderr.is_empty(), "{output:?}");
    let answer = text(output);
    assert!(!answer.is_empty() && !answer.contains("<|"), "{answer:?}");

    // The prompt may be piped in, with the line break that echo adds.
    let piped = generate(&model, &["--chat"], &format!("{question}\n"));
    assert_eq!(text(piped), answer);

    // The same draws with the same seed, whichever way it is given.
    let drawn = |arguments: &[&str]| {
        let arguments = [&["--prompt", "What", "--temperature", "1.5"], arguments].concat();
        text(generate(&model, &arguments, ""))
    };
    assert_eq!(drawn(&["--seed", "3"]), drawn(&["--set", "seed=3"]));
    assert_ne!(drawn(&["--seed", "3"]), drawn(&["--seed", "4"]));

    let first: String = answer.chars().take(1).collect();
    let cut = generate(
        &model,
        &["--chat", "--prompt", question, "--stop", &first],
        "",
    );
    assert_eq!(text(cut), "");

    let stats = generate(&model, &["--prompt", "What", "--show-stats"], "");
    let said = String::from_utf8(stats.stderr).unwrap();
    assert!(
        said.contains("prompt: 4 tokens") && said.contains("tokens/s"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_generated_is_said_in_one_line() {
    let place = tempfile::tempdir().unwrap();
    for (arguments, wanted) in [
        (
            &["--prompt", "x", "--set", "speed=3"][..],
            "unknown field `speed`",
        ),
        (&["--prompt", "x", "--top-p", "0"], "top_p = 0"),
        (&["--prompt", "x"], "nowhere.gguf"),
    ] {
        let output = generate(&place.path().join("nowhere.gguf"), arguments, "");
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert_eq!(message.trim().lines().count(), 1, "{message}");
        assert!(message.contains(wanted), "{message}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_real_model_goes_on_as_it_should() {
    let Some(model) = candor_testkit::smollm2() else {
        return;
    };
    let output = generate(&model, &["--prompt", "The opposite of hot is"], "");
    // The golden cases hold this text, computed in f64.
    let golden = " cold.\n\nThe answer is: 1.\n\nThe answer is";
    let said = text(output);
    assert!(golden.starts_with(&said) && said.len() > 20, "{said:?}");
}
