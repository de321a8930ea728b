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
use crate::model_file::{ModelFile, say, verify};

/// What a mapped operator returns: its outputs, or the error that `init()`, `validate` or the call gave.
pub type OpResult = Result<Outputs, Box<dyn Error>>;

type Op = fn(&Case, &Device) -> OpResult;

/// What a mapped operator calls, and the backends it runs on; `None` for all.
#[derive(Clone, Copy)]
struct Mapped {
    call: Op,
    backends: Option<&'static [&'static str]>,
}

/// The golden cases of one crate: its sheets, and what each `op` calls.
#[derive(Default)]
pub struct Suite {
    name: &'static str,
    sheets: Vec<&'static str>,
    ops: BTreeMap<&'static str, Mapped>,
    everywhere: BTreeSet<&'static str>,
    elsewhere: BTreeSet<&'static str>,
    without_files: bool,
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
    pub fn op(self, name: &'static str, call: Op) -> Self {
        self.map(name, call, None)
    }

    /// Maps an `op` to a call that runs on some backends only.
    ///
    /// For a call that takes minutes on a backend whose every part is checked by other operators anyway: a real
    /// language model on an emulated graphics card. Not for one whose values are wrong there.
    ///
    /// # Panics
    ///
    /// On a name that is no backend: the cases would run nowhere.
    pub fn op_on(self, name: &'static str, call: Op, backends: &'static [&'static str]) -> Self {
        for backend in backends {
            assert!(
                BACKENDS.contains(backend),
                "{name}: `{backend}` is no backend; there are {}",
                BACKENDS.join(", ")
            );
        }
        self.map(name, call, Some(backends))
    }

    /// A case that runs on all backends, whichever its `op` is mapped to by [`op_on`](Self::op_on).
    pub fn case_everywhere(mut self, case: &'static str) -> Self {
        self.everywhere.insert(case);
        self
    }

    fn map(
        mut self,
        name: &'static str,
        call: Op,
        backends: Option<&'static [&'static str]>,
    ) -> Self {
        self.ops.insert(name, Mapped { call, backends });
        self
    }

    /// Operators of these sheets that another crate maps.
    pub fn elsewhere(mut self, ops: &[&'static str]) -> Self {
        self.elsewhere.extend(ops);
        self
    }

    /// Leaves out the cases that require a file: on a real language model they take minutes.
    pub fn without_required_files(mut self) -> Self {
        self.without_files = true;
        self
    }

    /// The suite's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs every case on every device.
    ///
    /// Cases that require a file which is not there are skipped; a line on standard error says how many, and how to
    /// get the file.
    ///
    /// # Panics
    ///
    /// With one line a failure, when a case fails, an `op` is not accounted for, a sheet has no case or a required
    /// file has another checksum.
    pub fn run(&self) {
        let cases = self.cases();
        let mut failures = self.gaps(&cases);
        let cases = self.with_their_files(cases, &mut failures);
        for device in devices() {
            let (passed, failed): (Vec<_>, Vec<_>) = self
                .attempts(&cases, &device)
                .into_iter()
                .partition(|record| record.problem.is_none());
            passed.iter().for_each(Record::write);
            failures.extend(failed.iter().map(ToString::to_string));
            println!(
                "{}: {} golden cases passed on {}",
                self.name,
                passed.len(),
                device.name
            );
        }
        assert!(
            failures.is_empty(),
            "{} golden failures:\n{}",
            failures.len(),
            failures.join("\n")
        );
    }

    /// Runs the cases of these files, given by their text, on one device, and tells what each came to.
    ///
    /// For a program that carries its cases with it. Whether every `op` is mapped is for [`run`](Self::run) to ask;
    /// cases whose required file is not there are skipped as in it.
    ///
    /// # Panics
    ///
    /// When a text is no golden file, or a required file has another checksum.
    pub fn records(&self, device: &NamedDevice, files: &[&str]) -> Vec<Record> {
        let cases = files.iter().enumerate().flat_map(|(index, text)| {
            let file = serde_json::from_str(text);
            self.of_its_sheets(file.unwrap_or_else(|error| panic!("golden file {index}: {error}")))
        });
        let mut failures = Vec::new();
        let cases = self.with_their_files(cases.collect(), &mut failures);
        assert!(failures.is_empty(), "{}", failures.join("\n"));
        self.attempts(&cases, device)
    }

    /// Runs the cases that are mapped to a call on this device.
    fn attempts(&self, cases: &[(String, Case)], device: &NamedDevice) -> Vec<Record> {
        // The documented shape contract panics; its message is judged, not printed.
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| ()));
        let records = cases
            .iter()
            .filter_map(|(paper, case)| {
                let op = self.call(case, device.name)?;
                Some(self.attempt(paper, case, op, device))
            })
            .collect();
        std::panic::set_hook(hook);
        records
    }

    /// What a case calls on a backend, if it is mapped and runs there.
    fn call(&self, case: &Case, backend: &str) -> Option<Op> {
        let mapped = self.ops.get(case.op.as_str())?;
        let runs_here = self.everywhere.contains(case.name.as_str())
            || mapped
                .backends
                .is_none_or(|backends| backends.contains(&backend));
        runs_here.then_some(mapped.call)
    }

    /// Leaves out the cases whose file is absent, loudly, or is another, which is a failure.
    fn with_their_files(
        &self,
        mut cases: Vec<(String, Case)>,
        failures: &mut Vec<String>,
    ) -> Vec<(String, Case)> {
        let mut absent: BTreeMap<String, usize> = BTreeMap::new();
        let mut others = BTreeSet::new();
        cases.retain(|(_, case)| {
            let Some(name) = case.requires.as_deref() else {
                return true;
            };
            if self.without_files {
                return false;
            }
            let Some(path) = ModelFile::named(name).find() else {
                let mapped = self.ops.contains_key(case.op.as_str());
                *absent.entry(name.to_owned()).or_default() += usize::from(mapped);
                return false;
            };
            match &case.requires_sha256 {
                None => true,
                Some(wanted) => verify(&path, wanted)
                    .map_err(|problem| others.insert(problem))
                    .is_ok(),
            }
        });
        for (name, count) in absent.into_iter().filter(|&(_, count)| count > 0) {
            say(&format!(
                "{}: skipped: {count} golden cases need {}",
                self.name,
                ModelFile::named(&name).how_to_get_it()
            ));
        }
        failures.extend(others);
        cases
    }

    fn attempt(&self, paper: &str, case: &Case, op: Op, device: &NamedDevice) -> Record {
        let start = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| op(case, &device.device)));
        let judgement = judge(case, result);
        Record {
            suite: self.name.to_owned(),
            paper: paper.to_owned(),
            op: case.op.clone(),
            case: case.name.clone(),
            backend: device.name.to_owned(),
            error: judgement.as_ref().ok().copied().flatten(),
            seconds: start.elapsed().as_secs_f64(),
            problem: judgement.err(),
        }
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
            let file = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            cases.extend(self.of_its_sheets(file));
        }
        cases
    }

    /// The cases of a file that belong to this suite, each with its sheet.
    fn of_its_sheets(&self, file: File) -> Vec<(String, Case)> {
        let File { paper, cases } = file;
        cases
            .into_iter()
            .map(|case| (case.paper.clone().unwrap_or_else(|| paper.clone()), case))
            .filter(|(paper, _)| self.sheets.contains(&paper.as_str()))
            .collect()
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

/// The names that `op_on` takes.
const BACKENDS: [&str; 4] = ["flex", "ndarray", "wgpu", "cuda"];

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

#[cfg(test)]
mod tests {
    use super::*;

    fn case(json: &str) -> Case {
        serde_json::from_str(json).unwrap()
    }

    #[allow(clippy::unnecessary_wraps)] // all operators have one shape
    fn nothing(_: &Case, _: &Device) -> OpResult {
        Ok(Outputs::new())
    }

    #[test]
    fn a_case_runs_on_the_backends_that_its_operator_names() {
        let suite = Suite::new("t")
            .op("light", nothing)
            .op_on("heavy", nothing, &["flex"]);
        let (light, heavy, other) = (
            case(r#"{"name": "a", "op": "light"}"#),
            case(r#"{"name": "b", "op": "heavy"}"#),
            case(r#"{"name": "c", "op": "other"}"#),
        );
        assert!(suite.call(&light, "wgpu").is_some());
        assert!(suite.call(&heavy, "flex").is_some());
        assert!(suite.call(&heavy, "wgpu").is_none());
        assert!(suite.call(&other, "flex").is_none());
    }

    #[test]
    #[should_panic(expected = "`flx` is no backend")]
    fn a_backend_that_does_not_exist_is_refused() {
        let _ = Suite::new("t").op_on("heavy", nothing, &["flx"]);
    }

    #[test]
    fn a_case_whose_file_is_absent_is_left_out() {
        let suite = Suite::new("t").op("light", nothing);
        let cases = [
            r#"{"name": "a", "op": "light"}"#,
            r#"{"name": "b", "op": "light", "requires": "no-such-file.bin", "requires_sha256": "00"}"#,
        ]
        .map(|json| ("sheet".to_owned(), case(json)));
        let mut failures = Vec::new();
        let left = suite.with_their_files(cases.to_vec(), &mut failures);
        let names: Vec<_> = left.iter().map(|(_, case)| case.name.as_str()).collect();
        assert_eq!(names, ["a"]);
        assert!(failures.is_empty());
    }

    #[test]
    fn a_program_gets_what_each_case_of_its_files_came_to() {
        const FILE: &str = r#"{"paper": "sheet", "cases": [
            {"name": "right", "op": "one", "outputs": {"y": {"shape": [1], "data": [1.0]}}},
            {"name": "wrong", "op": "one", "outputs": {"y": {"shape": [1], "data": [2.0]}}},
            {"name": "refused", "op": "one", "expect_error": true},
            {"name": "filed here", "op": "one", "paper": "another sheet"},
            {"name": "unmapped", "op": "two"},
            {"name": "needs a file", "op": "one", "requires": "no-such-file.bin"}
        ]}"#;
        #[allow(clippy::unnecessary_wraps)]
        fn one(_: &Case, _: &Device) -> OpResult {
            Ok(Outputs::new().value("y", 1.0))
        }
        let suite = Suite::new("t").sheet("sheet").op("one", one);
        let device = devices().remove(0);
        let records = suite.records(&device, &[FILE]);
        let told: Vec<_> = records
            .iter()
            .map(|record| (record.case.as_str(), record.error, record.problem.is_some()))
            .collect();
        let wanted = [
            ("right", Some(0.0), false),
            ("wrong", None, true),
            ("refused", None, true),
        ];
        assert_eq!(told, wanted);
        assert!(records[1].to_string().contains("y[0] = 1, wanted 2"));
    }

    #[test]
    fn cases_that_require_a_file_can_be_left_out() {
        let json = r#"{"name": "b", "op": "light", "requires": "no-such-file.bin"}"#;
        let cases = vec![("sheet".to_owned(), case(json))];
        let suite = Suite::new("t").without_required_files();
        assert!(suite.with_their_files(cases, &mut Vec::new()).is_empty());
    }

    #[test]
    #[should_panic(expected = "case a requires no file")]
    fn a_case_without_a_required_file_has_no_path() {
        let _ = case(r#"{"name": "a", "op": "light"}"#).required_file();
    }
}
