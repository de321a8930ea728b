use std::io::{BufWriter, IntoInnerError, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::causal_lm::LmError;

/// A file that takes its place when it is complete, and vanishes when it is not.
#[derive(Debug)]
pub(in crate::causal_lm) struct AtomicFile<'a> {
    path: &'a Path,
    writer: BufWriter<NamedTempFile>,
}

impl<'a> AtomicFile<'a> {
    /// A temporary file beside `path`.
    pub(in crate::causal_lm) fn create(path: &'a Path) -> Result<Self, LmError> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let file = temporary_file(folder.unwrap_or(Path::new(".")))
            .map_err(|error| LmError::write(path, error))?;
        let writer = BufWriter::with_capacity(1 << 20, file);
        Ok(Self { path, writer })
    }

    /// Appends bytes.
    pub(in crate::causal_lm) fn append(&mut self, bytes: &[u8]) -> Result<(), LmError> {
        self.writer
            .write_all(bytes)
            .map_err(|error| LmError::write(self.path, error))
    }

    /// Renames the file to `path`, whatever stood there.
    pub(in crate::causal_lm) fn commit(self) -> Result<(), LmError> {
        let path = self.path;
        let commit = || {
            let file = self
                .writer
                .into_inner()
                .map_err(IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)
        };
        commit()
            .map(|_| ())
            .map_err(|error: std::io::Error| LmError::write(path, error))
    }
}

/// A temporary file with the permissions that a plain file would get, not the private ones of most temporary files.
fn temporary_file(folder: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}
