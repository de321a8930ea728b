use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::Mmap;

use crate::causal_lm::LmError;

/// Maps a file into memory: only the tensors that are read cost any.
pub(in crate::causal_lm) fn map_file(path: &Path) -> Result<Mmap, LmError> {
    let map = || {
        let file = File::open(path)?;
        if !file.metadata()?.is_file() {
            let problem = "not a regular file";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        // SAFETY: the map is read-only, and this library replaces files by renaming a new one over them, which
        // leaves the mapped one as it is. A program that shortens the file in place while it is mapped ends this
        // process: that is the known price of mapping, and `open` says so.
        #[allow(unsafe_code)]
        unsafe {
            Mmap::map(&file)
        }
    };
    map().map_err(LmError::read(path))
}
