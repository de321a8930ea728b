use std::path::{Path, PathBuf};

use candor_core::{ConfigError, ExplainError, InputError};
use candor_data::DataError;
use candor_distill::features::ClassMeansError;
use candor_models::CheckpointError;
use candor_models::causal_lm::LmError;
use thiserror::Error;

/// Why a pipeline stopped; one line, made to be read by the person who started it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// A setting is illegal.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A settings file, an override or an unknown key.
    #[error("settings {origin}: {problem}")]
    Settings {
        /// The file, or `--set KEY=VALUE`.
        origin: String,
        /// What is wrong, with the key.
        problem: String,
    },
    /// Data that cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Values that a component is not defined for.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Class means that a teacher's features do not give.
    #[error(transparent)]
    ClassMeans(#[from] ClassMeansError),
    /// An explanation that could not be made.
    #[error(transparent)]
    Explain(#[from] ExplainError),
    /// Weights that could not be written or read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A language model that could not be fetched, read or asked.
    #[error(transparent)]
    LanguageModel(#[from] LmError),
    /// The device asked for is not there.
    #[error("device {device} is not available: {reason}")]
    Device {
        /// As it was asked for.
        device: String,
        /// Why not, and what would help.
        reason: String,
    },
    /// A file or folder that cannot be read or written.
    #[error("cannot {action} {}: {reason}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A file that is not the one that is meant.
    #[error("{}: holds {seen}, meant is {wanted}; {advice}", path.display())]
    OtherFile {
        /// The file.
        path: PathBuf,
        /// Its length and checksum.
        seen: String,
        /// Those that are meant.
        wanted: String,
        /// What to do.
        advice: &'static str,
    },
    /// The run folder already holds another run.
    #[error("{} already holds a run: choose another --out, or continue it with --resume", path.display())]
    FolderInUse {
        /// The folder.
        path: PathBuf,
    },
    /// The run folder was started with other settings.
    #[error("{} was started with other settings ({differs}): resume with the same ones, or choose another --out", path.display())]
    OtherSettings {
        /// The folder.
        path: PathBuf,
        /// What differs.
        differs: String,
    },
    /// A loss that is not a number.
    #[error("{stage}: the loss became {value} at step {step}; the batch is saved in {}", saved.display())]
    NonFiniteLoss {
        /// The training that stopped.
        stage: String,
        /// The step, counted from the start of the training.
        step: usize,
        /// The loss.
        value: f64,
        /// Where the batch is.
        saved: PathBuf,
    },
    /// Training stopped early.
    #[error("{stage}: training stopped: {reason}")]
    Training {
        /// The training that stopped.
        stage: String,
        /// What it said.
        reason: String,
    },
    /// A command that was started for the user and failed.
    #[error("`{command}` failed: {reason}")]
    Command {
        /// The command, as it was typed.
        command: String,
        /// How it ended.
        reason: String,
    },
    /// Something that a check of the project found.
    #[error("{problems}")]
    Check {
        /// What is wrong, in one line.
        problems: String,
    },
    /// A page or picture that could not be drawn.
    #[error("cannot draw {what}: {reason}")]
    Drawing {
        /// The picture.
        what: &'static str,
        /// What the drawing library said.
        reason: String,
    },
}

impl RunError {
    /// An input-output error of a file.
    pub fn file(action: &'static str, path: &Path, reason: impl ToString) -> Self {
        Self::File {
            action,
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}
