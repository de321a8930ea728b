use std::io;
use std::path::{Path, PathBuf};

use candor_core::ConfigError;
use thiserror::Error;

/// Why a checkpoint could not be written or read: which file, which tensor, and what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file could not be opened or read.
    #[error("{}: {source}; check the path and its permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file could not be written; what stood at the path before is untouched.
    #[error("{}: cannot be written: {reason}; check that the folder exists and has room", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause, as text.
        reason: String,
    },
    /// The bytes are not of the format.
    #[error("{}: not a {format} file: {reason}; check the path, or save the model again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The format that was expected.
        format: &'static str,
        /// What is wrong, as text.
        reason: String,
    },
    /// The file is shorter or longer than its own header says.
    #[error("{}: holds {seen} bytes, its header announces {wanted}; it was cut off or altered, copy or save it again", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        seen: u64,
        /// The length that follows from its header.
        wanted: u64,
    },
    /// The header claims more room than any checkpoint of Candor needs.
    #[error("{}: a header of {seen} bytes is refused, the limit is {limit}; Candor did not write this file", path.display())]
    HeaderTooLarge {
        /// The file.
        path: PathBuf,
        /// The length that the header claims.
        seen: u64,
        /// The largest length that is accepted.
        limit: u64,
    },
    /// A line of metadata that every checkpoint of Candor carries is absent.
    #[error("{}: has no metadata `{key}`; Candor did not write this file, load its weights with burn-store and save them again", path.display())]
    MissingMetadata {
        /// The file.
        path: PathBuf,
        /// The key that was looked for.
        key: &'static str,
    },
    /// The file follows another version of the schema.
    #[error("{}: has schema {seen}, this version of Candor reads {wanted}; use the version that wrote it", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        seen: String,
        /// The version that is read.
        wanted: &'static str,
    },
    /// The file holds another kind of network.
    #[error("{}: holds the architecture `{seen}`, not `{wanted}`; load it as what it is", path.display())]
    WrongArchitecture {
        /// The file.
        path: PathBuf,
        /// The name in the file.
        seen: String,
        /// The name of the type that was asked for.
        wanted: &'static str,
    },
    /// The stored configuration is not one of this architecture.
    #[error("{}: its configuration cannot be read: {source}; save the model again", path.display())]
    UnreadableConfig {
        /// The file.
        path: PathBuf,
        /// Where the JSON breaks.
        source: serde_json::Error,
    },
    /// The stored configuration has illegal values.
    #[error("{}: {source}; save the model again", path.display())]
    IllegalConfig {
        /// The file.
        path: PathBuf,
        /// Which field, and why.
        source: ConfigError,
    },
    /// A parameter of the network is absent.
    #[error("{}: tensor `{tensor}` is missing; the file is not of this network, save it again", path.display())]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The parameter's path in the module.
        tensor: String,
    },
    /// A tensor belongs to no parameter of the network.
    #[error("{}: tensor `{tensor}` belongs to no parameter; the file is not of this network, save it again", path.display())]
    ExtraTensor {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
    },
    /// A tensor has another shape than its parameter.
    #[error("{}: tensor `{tensor}` has shape {seen:?}, its configuration asks for {wanted:?}; save the model again", path.display())]
    WrongShape {
        /// The file.
        path: PathBuf,
        /// The parameter's path in the module.
        tensor: String,
        /// The shape in the file.
        seen: Vec<usize>,
        /// The shape of the parameter.
        wanted: Vec<usize>,
    },
    /// A tensor is not of the one type that checkpoints hold.
    #[error("{}: tensor `{tensor}` is {seen}, checkpoints hold F32; cast the model with `cast(FloatDType::F32)` and save it again", path.display())]
    WrongDtype {
        /// The file.
        path: PathBuf,
        /// The parameter's path in the module.
        tensor: String,
        /// The type seen.
        seen: String,
    },
}

impl CheckpointError {
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Read { path, source }
    }

    pub(super) fn write(path: &Path, reason: impl ToString) -> Self {
        Self::Write {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }

    pub(super) fn malformed(path: &Path, format: &'static str, reason: impl ToString) -> Self {
        Self::Malformed {
            path: path.to_owned(),
            format,
            reason: reason.to_string(),
        }
    }

    /// Refuses a header that is longer than the file it stands in, or than any that Candor writes.
    pub(super) fn check_header(
        path: &Path,
        before: u64,
        header: u64,
        file: u64,
    ) -> Result<(), Self> {
        // Every hidden layer takes about 150 bytes of it.
        const LIMIT: u64 = 1 << 20;
        let path = path.to_owned();
        if header > LIMIT {
            return Err(Self::HeaderTooLarge {
                path,
                seen: header,
                limit: LIMIT,
            });
        }
        if before + header > file {
            return Err(Self::Length {
                path,
                seen: file,
                wanted: before + header,
            });
        }
        Ok(())
    }
}
