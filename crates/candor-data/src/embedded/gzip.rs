use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

use crate::DataError;

/// The text of an embedded file.
pub(super) fn text(bytes: &[u8], name: &str) -> Result<String, DataError> {
    let mut text = String::new();
    GzDecoder::new(bytes)
        .read_to_string(&mut text)
        .map_err(DataError::read(Path::new(name)))?;
    Ok(text)
}
