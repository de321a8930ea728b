//! JSON Lines: one JSON value a line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::DataError;

/// The longest line that is kept in memory.
const LINE_LIMIT: u64 = 16 << 20;

/// Reads a file with one record a line, each typed by serde.
///
/// An empty line is an error, but for the end of the file. JSON has no NaN or infinity; a number that is too large
/// for `f64` is an error. Put the records into burn's `InMemDataset` for a loader.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("candor-{}.jsonl", std::process::id()));
/// # std::fs::write(&path, "{\"text\": \"good\", \"label\": 1}\n")?;
/// #[derive(serde::Deserialize)]
/// struct Review { text: String, label: usize }
///
/// let reviews: Vec<Review> = candor_data::jsonl::read(&path)?;
/// assert_eq!((reviews[0].text.as_str(), reviews[0].label), ("good", 1));
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The first line that is not a `T`, with its number; a line of more than 16 MiB; a file without records.
pub fn read<T: DeserializeOwned>(path: impl AsRef<Path>) -> Result<Vec<T>, DataError> {
    let path = path.as_ref();
    let file = File::open(path).map_err(DataError::read(path))?;
    read_from(BufReader::new(file), path)
}

/// Reads text with one record a line; errors call it `name`.
///
/// # Errors
///
/// The first line that is not a `T`, with its number; a line of more than 16 MiB; text without records.
pub fn read_from<T: DeserializeOwned>(
    mut text: impl BufRead,
    name: impl AsRef<Path>,
) -> Result<Vec<T>, DataError> {
    let name = name.as_ref();
    let mut records = Vec::new();
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        // One byte more than the limit tells a long line from a full one.
        let mut bounded = text.by_ref().take(LINE_LIMIT + 1);
        let read = bounded
            .read_until(b'\n', &mut bytes)
            .map_err(DataError::read(name))?;
        if read == 0 {
            break;
        }
        if read as u64 > LINE_LIMIT {
            return Err(DataError::LineTooLong {
                file: name.to_owned(),
                line,
                limit: LINE_LIMIT,
            });
        }
        let record = serde_json::from_slice(&bytes).map_err(|source| DataError::Json {
            file: name.to_owned(),
            line,
            source,
        })?;
        records.push(record);
    }
    if records.is_empty() {
        return Err(DataError::empty(name, "record"));
    }
    Ok(records)
}
