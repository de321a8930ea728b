use std::fmt;
use std::io::Write;

use serde::{Deserialize, Serialize};

/// One case on one device; `CANDOR_GOLDEN_REPORT` collects those that passed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// The crate whose mapping ran.
    pub suite: String,
    /// The sheet the case belongs to.
    pub paper: String,
    /// The operator.
    pub op: String,
    /// The case.
    pub case: String,
    /// The backend.
    pub backend: String,
    /// Largest difference as a share of what the case allows; `None` where an error was expected or something failed.
    pub error: Option<f64>,
    /// Wall time of the call, gradients and comparison included, in seconds.
    pub seconds: f64,
    /// What is wrong, `None` of a case that passed.
    #[serde(default)]
    pub problem: Option<String>,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            paper,
            op,
            case,
            backend,
            problem,
            ..
        } = self;
        let outcome = problem.as_deref().unwrap_or("passed");
        write!(f, "{backend}: {paper} {case} ({op}): {outcome}")
    }
}

impl Record {
    /// Appends the record to the file that `CANDOR_GOLDEN_REPORT` names, if it names one.
    pub(super) fn write(&self) {
        let Some(path) = std::env::var_os("CANDOR_GOLDEN_REPORT") else {
            return;
        };
        let line = serde_json::to_string(self).expect("a record is plain data") + "\n";
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .unwrap_or_else(|error| panic!("cannot append to {}: {error}", path.display()));
    }
}
