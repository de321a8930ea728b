use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Instant;

use burn::tensor::Device;
use serde::Deserialize;

use super::case::Case;
use super::outputs::Outputs;
use super::record::Record;
use crate::devices::{NamedDevice, devices};

/// What a mapped operator returns: its outputs, or the error that `init()`, `validate` or the call gave.
pub type OpResult = Result<Outputs, Box<dyn Error>>;

type Op = fn(&Case, &Device) -> OpResult;

/// The golden cases of one crate: its sheets, and what each `op` calls.
#[derive(Default)]
pub struct Suite {
    name: &'static str,
    sheets: Vec<&'static str>,
    ops: BTreeMap<&'static str, Op>,
    elsewhere: BTreeSet<&'static str>,
}

#[derive(Deserialize)]
struct File {
    paper: String,
    cases: Vec<Case>,
}

impl Suite {
    /// The suite of a crate.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    /// A sheet whose cases must be there and whose every `op` must be mapped, elsewhere or pending.
    pub fn sheet(mut self, slug: &'static str) -> Self {
        self.sheets.push(slug);
        self
    }

    /// Maps an `op` to a call.
    pub fn op(mut self, name: &'static str, call: Op) -> Self {
        self.ops.insert(name, call);
        self
    }

    /// Operators of these sheets that another crate maps.
    pub fn elsewhere(mut self, ops: &[&'static str]) -> Self {
        self.elsewhere.extend(ops);
        self
    }

    /// Runs every case on every device.
    ///
    /// # Panics
    ///
    /// With one line a failure, when a case fails, an `op` is not accounted for or a sheet has no case.
    pub fn run(&self) {
        let cases = self.cases();
        let mut failures = self.gaps(&cases);
        // The documented shape contract panics; its message is judged, not printed.
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| ()));
        for device in devices() {
            let mut passed = 0;
            for (paper, case) in &cases {
                match self
                    .ops
                    .get(case.op.as_str())
                    .map(|&op| self.attempt(paper, case, op, &device))
                {
                    Some(Ok(())) => passed += 1,
                    Some(Err(problem)) => failures.push(format!("{}: {}", device.name, problem)),
                    None => {}
                }
            }
            println!(
                "{}: {passed} golden cases passed on {}",
                self.name, device.name
            );
        }
        std::panic::set_hook(hook);
        assert!(
            failures.is_empty(),
            "{} golden failures:\n{}",
            failures.len(),
            failures.join("\n")
        );
    }

    fn attempt(
        &self,
        paper: &str,
        case: &Case,
        op: Op,
        device: &NamedDevice,
    ) -> Result<(), String> {
        let start = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| op(case, &device.device)));
        let error = judge(case, result)
            .map_err(|problem| format!("{paper} {} ({}): {problem}", case.name, case.op))?;
        Record {
            suite: self.name.to_owned(),
            paper: paper.to_owned(),
            op: case.op.clone(),
            case: case.name.clone(),
            backend: device.name.to_owned(),
            error,
            seconds: start.elapsed().as_secs_f64(),
        }
        .write();
        Ok(())
    }

    /// All cases of the suite's sheets, wherever they are filed, with the sheet each belongs to.
    fn cases(&self) -> Vec<(String, Case)> {
        let directory = directory();
        let mut paths: Vec<PathBuf> = std::fs::read_dir(&directory)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", directory.display()))
            .map(|entry| entry.expect("a readable directory entry").path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "json")
            })
            .collect();
        paths.sort();
        let mut cases = Vec::new();
        for path in paths {
            let text = std::fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
            let file: File = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            for case in file.cases {
                let paper = case.paper.clone().unwrap_or_else(|| file.paper.clone());
                if self.sheets.contains(&paper.as_str()) {
                    cases.push((paper, case));
                }
            }
        }
        cases
    }

    /// Operators nobody answers for, and sheets without a case.
    fn gaps(&self, cases: &[(String, Case)]) -> Vec<String> {
        let pending = pending();
        let known = |paper: &str, op: &str| {
            self.ops.contains_key(op)
                || self.elsewhere.contains(op)
                || pending.get(paper).is_some_and(|ops| ops.contains(op))
        };
        let unknown: BTreeSet<String> = cases
            .iter()
            .filter(|(paper, case)| !known(paper, &case.op))
            .map(|(paper, case)| format!("{paper}: op {} is neither mapped nor pending", case.op))
            .collect();
        let overridden = std::env::var_os("CANDOR_GOLDEN_DIR").is_some();
        let empty = self
            .sheets
            .iter()
            .filter(|sheet| !overridden && !cases.iter().any(|(paper, _)| paper == *sheet))
            .map(|sheet| format!("{sheet}: no golden case"));
        unknown.into_iter().chain(empty).collect()
    }
}

/// The case's share of its tolerance, `None` for an error that was expected.
fn judge(
    case: &Case,
    result: Result<OpResult, Box<dyn std::any::Any + Send>>,
) -> Result<Option<f64>, String> {
    match result {
        Ok(Ok(_)) if case.expect_error => Err("an error was expected, a value came".to_owned()),
        Ok(Ok(outputs)) => outputs.compare(case).map(Some),
        Ok(Err(_)) if case.expect_error => Ok(None),
        Ok(Err(error)) => Err(format!("error: {error}")),
        Err(panic) => {
            let message = panic_message(&*panic);
            // Only the documented panic counts as an answer to bad input.
            if case.expect_error && message.contains("has shape") {
                Ok(None)
            } else {
                Err(format!("panic: {message}"))
            }
        }
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

fn directory() -> PathBuf {
    std::env::var_os("CANDOR_GOLDEN_DIR")
        .map_or_else(|| workspace_root().join("tests/golden"), PathBuf::from)
}

fn workspace_root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The operators that `docs/papers.toml` lists as pending, by sheet.
fn pending() -> BTreeMap<String, BTreeSet<String>> {
    #[derive(Deserialize)]
    struct Papers {
        paper: Vec<Paper>,
    }
    #[derive(Deserialize)]
    struct Paper {
        slug: String,
        #[serde(default)]
        pending: BTreeSet<String>,
    }
    let path = workspace_root().join("docs/papers.toml");
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let papers: Papers =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    papers
        .paper
        .into_iter()
        .map(|paper| (paper.slug, paper.pending))
        .collect()
}
