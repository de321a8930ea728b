use std::fmt;

use candor_testkit::golden::{Record, Suite};
use serde::{Deserialize, Serialize};

use super::{
    GoldenTotals, LanguageModelLine, OpenDevice, OperatorCase, OperatorLine, Outcome, Size, Task,
};

/// What one process of the suite does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// The golden cases of a crate, by the name of its suite.
    Golden(&'static str),
    /// One operator at one size.
    Operator(OperatorCase),
    /// One task of the language model.
    LanguageModel(Task),
}

/// What it prints.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A record a golden case.
    Golden(Vec<Record>),
    /// One line.
    Operator(OperatorLine),
    /// One line.
    LanguageModel(LanguageModelLine),
}

impl Case {
    /// All cases, in the order of the parts.
    pub fn all(size: Size, suites: &[Suite]) -> Vec<Self> {
        let golden = suites.iter().map(|suite| Self::Golden(suite.name()));
        let operators = OperatorCase::all(size).into_iter().map(Self::Operator);
        let tasks = Task::ALL.into_iter().map(Self::LanguageModel);
        golden.chain(operators).chain(tasks).collect()
    }

    /// Does it, in this process; golden cases are those of `suites` in the texts `files`.
    pub fn run(self, size: Size, device: &OpenDevice, suites: &[Suite], files: &[&str]) -> Answer {
        match self {
            Self::Golden(name) => {
                let suites = suites.iter().filter(|suite| suite.name() == name);
                let named = device.named();
                Answer::Golden(
                    suites
                        .flat_map(|suite| suite.records(&named, files))
                        .collect(),
                )
            }
            Self::Operator(case) => Answer::Operator(case.run(device)),
            Self::LanguageModel(task) => Answer::LanguageModel(task.run(size, device)),
        }
    }

    /// What is written down of a process that ended without an answer.
    pub(super) fn died(self, device: &OpenDevice, why: String) -> Answer {
        let outcome = Outcome::NotMeasured {
            not_measured: why.clone(),
        };
        match self {
            Self::Golden(suite) => Answer::Golden(vec![Record {
                suite: suite.to_owned(),
                paper: String::new(),
                op: String::new(),
                case: "all".to_owned(),
                backend: device.named().name.to_owned(),
                error: None,
                seconds: 0.0,
                problem: Some(why),
            }]),
            Self::Operator(case) => Answer::Operator(case.line(outcome)),
            Self::LanguageModel(task) => Answer::LanguageModel(task.line(outcome)),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Golden(suite) => write!(f, "golden/{suite}"),
            Self::Operator(case) => write!(f, "operators/{case}"),
            Self::LanguageModel(task) => write!(f, "language_model/{task}"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Golden(records) => write!(f, "{}", GoldenTotals::of(records)),
            Self::Operator(line) => write!(f, "{line}"),
            Self::LanguageModel(line) => write!(f, "{line}"),
        }
    }
}
