use std::io;
use std::path::{Path, PathBuf};

use candor_core::ConfigError;
use thiserror::Error;

/// Why a language model could not be read, written, built or asked: which file, tensor or token, and what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LmError {
    /// A file could not be opened or read.
    #[error("{}: {source}; check the path and its permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A file could not be written; what stood at the path before is untouched.
    #[error("{}: cannot be written: {reason}; check that the folder exists and has room", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause, as text.
        reason: String,
    },
    /// The bytes are not of the format.
    #[error("{}: not a {format} file: {reason}; check the path, or fetch or convert the file again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The format that was expected.
        format: &'static str,
        /// What is wrong, as text.
        reason: String,
    },
    /// A metadata key that the model needs is absent, or holds a value of another kind.
    #[error("{}: metadata `{key}` is {seen}, it must be {wanted}; convert the model again", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What stands there, as text.
        seen: String,
        /// What must stand there, as text.
        wanted: &'static str,
    },
    /// The file holds a network of another kind.
    #[error("{}: holds the architecture `{seen}`, only {wanted} is read; take a model of one of these", path.display())]
    UnsupportedArchitecture {
        /// The file.
        path: PathBuf,
        /// The name in the file.
        seen: String,
        /// The names that are read, as text.
        wanted: &'static str,
    },
    /// The file asks for a variant of the architecture that is not implemented.
    #[error("{}: `{setting}` = {seen} is not supported, it must be {wanted}; take a model without it", path.display())]
    UnsupportedSetting {
        /// The file.
        path: PathBuf,
        /// The setting's name in the file.
        setting: String,
        /// The value seen, as text.
        seen: String,
        /// The values that are read, as text.
        wanted: &'static str,
    },
    /// A tensor's number format is not implemented.
    #[error("{}: tensor `{tensor}` is {seen}, which is not supported; convert the model to one of {wanted}", path.display())]
    UnsupportedTensorType {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The type's name, or its number where it has none.
        seen: String,
        /// The types that are read.
        wanted: &'static str,
    },
    /// A quantised format holds whole blocks only.
    #[error(
        "{seen} {unit} are not whole {ggml_type} blocks of {block}; the tensor was cut off or is of another type"
    )]
    PartialBlock {
        /// The type's name.
        ggml_type: &'static str,
        /// How many there are.
        seen: usize,
        /// How many of them are one block.
        block: usize,
        /// What is counted, `bytes` or `values`.
        unit: &'static str,
    },
    /// A number format has no place for a value.
    #[error(
        "value {value} at {index} cannot be stored as {format}; take a wider format, or weights that are finite"
    )]
    Unrepresentable {
        /// The value.
        value: f32,
        /// Where it stands, counted in values.
        index: usize,
        /// The format's name.
        format: &'static str,
    },
    /// A tensor that the model needs is absent.
    #[error(
        "tensor `{tensor}` is missing; the weights are not of this configuration, fetch or convert them again"
    )]
    MissingTensor {
        /// The tensor.
        tensor: String,
    },
    /// A tensor belongs to no parameter of the model.
    #[error(
        "tensor `{tensor}` belongs to no parameter; the weights are not of this configuration, take those that are"
    )]
    ExtraTensor {
        /// The tensor.
        tensor: String,
    },
    /// A tensor has another shape than its parameter.
    #[error(
        "tensor `{tensor}` has shape {seen:?}, the configuration asks for {wanted:?}; take the weights that belong to it"
    )]
    WrongShape {
        /// The tensor.
        tensor: String,
        /// The shape seen.
        seen: Vec<usize>,
        /// The shape of the parameter.
        wanted: Vec<usize>,
    },
    /// A row was asked of a tensor that has fewer.
    #[error("tensor `{tensor}` has {rows} rows, row {row} does not exist; ask for 0..{rows}")]
    RowOutOfRange {
        /// The tensor.
        tensor: String,
        /// The row asked for.
        row: usize,
        /// The number of rows.
        rows: usize,
    },
    /// A matrix whose rows do not divide into heads that can be rotated.
    #[error(
        "{values} values in {rows} rows do not divide into {heads} heads of an even number of rows; pass the heads of this very matrix"
    )]
    UnevenHeads {
        /// Values given.
        values: usize,
        /// Rows of the matrix.
        rows: usize,
        /// Heads asked for.
        heads: usize,
    },
    /// A shape that does not multiply out to the number of values given with it.
    #[error(
        "tensor `{tensor}` of shape {shape:?} cannot hold {values} values; pass a shape that multiplies out to them"
    )]
    WrongLength {
        /// The tensor.
        tensor: String,
        /// The shape.
        shape: Vec<usize>,
        /// The number of values.
        values: usize,
    },
    /// Prompt and continuation do not fit into the model's context.
    #[error(
        "{prompt} prompt tokens and {new} new ones exceed the context of {limit}; shorten the prompt or ask for fewer"
    )]
    ContextOverflow {
        /// Tokens of the prompt.
        prompt: usize,
        /// Tokens asked for.
        new: usize,
        /// Tokens that the model takes.
        limit: usize,
    },
    /// A token id that the vocabulary does not hold.
    #[error(
        "token id {token} is outside the vocabulary of {vocab_size}; encode the text with the model's own tokenizer"
    )]
    TokenOutOfRange {
        /// The id.
        token: i64,
        /// Size of the vocabulary.
        vocab_size: usize,
    },
    /// Nothing to continue.
    #[error("the prompt holds no token; pass at least one")]
    EmptyPrompt,
    /// A model whose scores are not numbers.
    #[error(
        "row {row}: no token has a finite score; the model's parameters hold NaN or infinity, train or load it again"
    )]
    NoFiniteScore {
        /// The row.
        row: u64,
    },
    /// A scripted model was asked what nothing was written for.
    #[error("no line of the script is cued by {text:?}; add one")]
    Unscripted {
        /// The text it was asked about.
        text: String,
    },
    /// A score that needs more tokens than there are.
    #[error(
        "{seen} tokens are too few, a likelihood needs {wanted}; the first token is not scored, pass a longer text"
    )]
    TooFewTokens {
        /// Tokens given.
        seen: usize,
        /// Tokens needed.
        wanted: usize,
    },
    /// The tokenizer could not be built or asked.
    #[error("tokenizer: {reason}")]
    Tokenizer {
        /// The cause, as text.
        reason: String,
    },
    /// A conversation cannot be written for this model.
    #[error(
        "the model's chat template {reason}; write the prompt yourself and encode it as a text"
    )]
    ChatTemplate {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The Hugging Face hub did not give a checkpoint.
    #[error(
        "hub repository `{repository}`: {reason}; check the name and the revision, and that the hub can be reached"
    )]
    Hub {
        /// The repository, as it was asked for.
        repository: String,
        /// What the hub or its client said.
        reason: String,
    },
    /// The configuration has illegal values.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl LmError {
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

    pub(super) fn missing(tensor: &str) -> Self {
        Self::MissingTensor {
            tensor: tensor.to_owned(),
        }
    }

    pub(super) fn tokenizer(reason: impl ToString) -> Self {
        Self::Tokenizer {
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
}
