use std::path::Path;

use super::FORMAT;
use super::scalar::Scalar;
use crate::causal_lm::LmError;

/// Reads the header of a file whose every length may be a lie.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(path: &'a Path, bytes: &'a [u8]) -> Self {
        Self {
            path,
            bytes,
            position: 0,
        }
    }

    pub(super) fn path(&self) -> &'a Path {
        self.path
    }

    /// How many bytes were read.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The next bytes.
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], LmError> {
        let end = self.position.checked_add(length);
        let taken = end.and_then(|end| self.bytes.get(self.position..end));
        let Some(taken) = taken else {
            let (at, left) = (self.position, self.remaining());
            return Err(self.malformed(format!(
                "it ends early: {length} bytes are wanted at byte {at}, {left} are left"
            )));
        };
        self.position += length;
        Ok(taken)
    }

    /// The next bytes, as many as the array holds.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], LmError> {
        let taken = self.take(N)?;
        let mut array = [0; N];
        array.copy_from_slice(taken);
        Ok(array)
    }

    /// A number of things of at least `least` bytes each, if the file has room for them.
    pub(super) fn count(&mut self, least: usize, what: &str) -> Result<usize, LmError> {
        let at = self.position;
        let count = u64::read(self)?;
        let bytes = usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(least));
        match bytes {
            Some(bytes) if bytes <= self.remaining() => Ok(count as usize),
            _ => Err(self.malformed(format!(
                "{count} {what} are announced at byte {at}, {} bytes are left",
                self.remaining()
            ))),
        }
    }

    /// The error of this file.
    pub(super) fn malformed(&self, reason: String) -> LmError {
        LmError::malformed(self.path, FORMAT, reason)
    }

    fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }
}
