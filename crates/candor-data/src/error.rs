use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why data could not be read: which file, where in it, what was seen, and what would be legal.
///
/// Lines are counted from one, the header included.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file or folder could not be opened or read.
    #[error("{}: {source}; check the path and its permissions", file.display())]
    Read {
        /// The file or folder.
        file: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The text is not of its format: a broken quote, bytes that are not UTF-8.
    #[error("{}:{line}: {reason}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u64,
        /// What is wrong, as text.
        reason: String,
    },
    /// A column of the header is not the one that the schema names.
    #[error("{}: column {position} is `{seen}`, the schema names it `{wanted}`; name the columns in the file's order", file.display())]
    Header {
        /// The file.
        file: PathBuf,
        /// The column's place, from one.
        position: usize,
        /// The name in the file.
        seen: String,
        /// The name in the schema.
        wanted: String,
    },
    /// A row with too few or too many fields.
    #[error("{}:{line}: {seen} fields, wanted {wanted}; check the delimiter and the quotes", file.display())]
    RaggedRow {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u64,
        /// How many fields the row has.
        seen: usize,
        /// How many columns there are.
        wanted: usize,
    },
    /// A field of a numeric column that is no number.
    #[error("{}:{line}: column `{column}` holds `{value}`, wanted a number; clean the field or make the column categorical", file.display())]
    NotANumber {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u64,
        /// The column.
        column: String,
        /// The field as it stands.
        value: String,
    },
    /// A number that is NaN, infinite, or too large for single precision.
    #[error("{}:{line}: column `{column}` holds `{value}`, wanted a finite number of single precision", file.display())]
    NotFinite {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u64,
        /// The column.
        column: String,
        /// The field as it stands.
        value: String,
    },
    /// A categorical field outside the levels that the schema lists.
    #[error("{}:{line}: column `{column}` holds `{value}`, which is none of its {levels} levels", file.display())]
    UnknownLevel {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u64,
        /// The column.
        column: String,
        /// The field as it stands.
        value: String,
        /// How many levels the schema lists.
        levels: usize,
    },
    /// A categorical column with more levels than a table of them could hold.
    #[error("{}: column `{column}` has {levels} levels, the limit is {limit}; ignore it, or list its levels in the schema", file.display())]
    TooManyLevels {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
        /// How many levels were found.
        levels: usize,
        /// How many may be found.
        limit: usize,
    },
    /// A target that names no class.
    #[error("{}:{line}: `{value}` is none of the {classes} classes", file.display())]
    UnknownClass {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u64,
        /// The field as it stands.
        value: String,
        /// How many classes there are.
        classes: usize,
    },
    /// A label outside `0..classes`.
    #[error("{}:{line}: label {label} is not one of {classes} classes (0..{classes})", file.display())]
    LabelOutOfRange {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u64,
        /// The label seen.
        label: i64,
        /// How many classes there are.
        classes: usize,
    },
    /// A line of JSON that is not of the type asked for.
    #[error("{}:{line}: {source}", file.display())]
    Json {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u64,
        /// What is wrong, and at which column.
        source: serde_json::Error,
    },
    /// A field of a record that is missing, or holds what cannot be used.
    #[error("{}:{line}: field `{field}` {problem}", file.display())]
    Field {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u64,
        /// The field.
        field: &'static str,
        /// What is wrong with it, as text, with what to do.
        problem: String,
    },
    /// A line longer than a reader keeps in memory.
    #[error("{}:{line}: longer than {limit} bytes; split the record", file.display())]
    LineTooLong {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A file, folder or list without a single record.
    #[error("{}: holds no {wanted}", file.display())]
    Empty {
        /// The file or folder.
        file: PathBuf,
        /// What it should hold.
        wanted: &'static str,
    },
    /// Something in an image folder that is neither a class folder nor an image.
    #[error("{}: is not {wanted}; move it out of the image folder", file.display())]
    Unexpected {
        /// The entry.
        file: PathBuf,
        /// What was expected in its place.
        wanted: &'static str,
    },
    /// An image that cannot be decoded, or claims a size beyond the limits.
    #[error("{}: {reason}; replace or remove the image", file.display())]
    Image {
        /// The image.
        file: PathBuf,
        /// The decoder's answer.
        reason: String,
    },
    /// An image of another size than the one asked for.
    #[error("{}: is {} x {} pixels (height x width), wanted {} x {}; resize the images, or let the reader do it", file.display(), seen[0], seen[1], wanted[0], wanted[1])]
    ImageSize {
        /// The image.
        file: PathBuf,
        /// Its height and width.
        seen: [usize; 2],
        /// Height and width wanted.
        wanted: [usize; 2],
    },
    /// A record made in memory that does not fit its data set.
    #[error("{dataset}: record {record}: {reason}")]
    Record {
        /// The type of data set.
        dataset: &'static str,
        /// The record's place.
        record: usize,
        /// What does not fit.
        reason: String,
    },
    /// Rows of another width than the one a transformation was fitted on.
    #[error("{component}: rows of {seen} features, fitted on {wanted}")]
    Width {
        /// The transformation.
        component: &'static str,
        /// The width seen.
        seen: usize,
        /// The width wanted.
        wanted: usize,
    },
    /// A class with fewer rows than are drawn from it.
    #[error(
        "{component}: class {class} has {seen} rows, an episode takes {wanted}; leave the class out or take fewer"
    )]
    TooFewRows {
        /// The sampler.
        component: &'static str,
        /// The class.
        class: usize,
        /// How many rows it has.
        seen: usize,
        /// How many are drawn.
        wanted: usize,
    },
    /// Fewer classes than are drawn.
    #[error("{component}: {seen} classes, an episode takes {wanted}")]
    TooFewClasses {
        /// The sampler.
        component: &'static str,
        /// How many classes there are.
        seen: usize,
        /// How many are drawn.
        wanted: usize,
    },
}

impl DataError {
    pub(crate) fn read(file: &Path) -> impl FnOnce(io::Error) -> Self {
        let file = file.to_owned();
        |source| Self::Read { file, source }
    }

    pub(crate) fn empty(file: &Path, wanted: &'static str) -> Self {
        Self::Empty {
            file: file.to_owned(),
            wanted,
        }
    }

    pub(crate) fn record(dataset: &'static str, record: usize, reason: impl Into<String>) -> Self {
        Self::Record {
            dataset,
            record,
            reason: reason.into(),
        }
    }
}
