use std::path::Path;

use candor_lab::run::RunError;
use candor_testkit::golden::Record;
use serde::{Deserialize, Serialize};

use super::{Answer, LanguageModelLine, OpenDevice, OperatorLine, Size, built_with};

/// What the suite writes down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// What computed.
    pub device: DeviceDescription,
    /// The backends, and the options of theirs, that the suite was built with.
    pub features: Vec<String>,
    /// How much was asked.
    pub size: Size,
    /// What came of it.
    pub parts: Parts,
}

/// A device, as it calls itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeviceDescription {
    /// As it was asked for, such as `cuda:0`.
    pub asked: String,
    /// The part's name.
    pub name: String,
    /// Its memory in MiB; absent where the driver does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u64>,
}

/// One list a part.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Parts {
    /// One record a golden case.
    pub golden: Vec<Record>,
    /// One line an operator, type, size, pass and budget.
    pub operators: Vec<OperatorLine>,
    /// One line a task.
    pub language_model: Vec<LanguageModelLine>,
}

impl Report {
    /// A report in which nothing is measured yet.
    pub(super) fn new(device: &OpenDevice, size: Size) -> Self {
        Self {
            device: device.description(),
            features: built_with(),
            size,
            parts: Parts::default(),
        }
    }

    pub(super) fn add(&mut self, answer: Answer) {
        match answer {
            Answer::Golden(records) => self.parts.golden.extend(records),
            Answer::Operator(line) => self.parts.operators.push(line),
            Answer::LanguageModel(line) => self.parts.language_model.push(line),
        }
    }

    /// Writes the report beside its place and moves it there: whoever stops the suite finds a whole file.
    pub(super) fn write(&self, path: &Path) -> Result<(), RunError> {
        let failed = |error: &dyn ToString| RunError::file("write", path, error.to_string());
        let text = serde_json::to_vec_pretty(self).map_err(|error| failed(&error))?;
        let partial = path.with_added_extension("partial");
        std::fs::write(&partial, text).map_err(|error| failed(&error))?;
        std::fs::rename(&partial, path).map_err(|error| failed(&error))
    }
}
