use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

use super::RunError;

/// The effective settings of a run, by which a resumed run knows its own folder.
const SETTINGS: &str = "settings.toml";

/// A run's folder: every file in it is whole or absent, and finished stages are not done twice.
#[derive(Debug, Clone)]
pub struct RunFolder {
    root: PathBuf,
}

impl RunFolder {
    /// Opens a folder for a run with these settings.
    ///
    /// A new folder is made, an empty one taken. One that holds a run is refused, unless `resume` is asked and the
    /// settings are the same to the letter: other settings would mix two runs.
    ///
    /// # Errors
    ///
    /// A folder that is in use, belongs to other settings or cannot be written.
    pub fn open(root: &Path, settings: &impl Serialize, resume: bool) -> Result<Self, RunError> {
        let folder = Self {
            root: root.to_owned(),
        };
        let text = toml::to_string_pretty(settings)
            .map_err(|error| RunError::file("write", &folder.path(SETTINGS), error))?;
        let before = std::fs::read_to_string(folder.path(SETTINGS)).ok();
        match before {
            None if folder.is_occupied() => {
                return Err(RunError::FolderInUse {
                    path: root.to_owned(),
                });
            }
            Some(_) if !resume => {
                return Err(RunError::FolderInUse {
                    path: root.to_owned(),
                });
            }
            Some(before) if before != text => {
                return Err(RunError::OtherSettings {
                    path: root.to_owned(),
                    differs: first_difference(&before, &text),
                });
            }
            _ => {}
        }
        folder.write(SETTINGS, text.as_bytes())?;
        Ok(folder)
    }

    /// Where a file of the run is.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(name)
    }

    /// Writes a file whole or not at all: to a temporary file beside it, then renamed.
    ///
    /// # Errors
    ///
    /// A folder that cannot be made or written (read-only, disk full).
    pub fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) -> Result<(), RunError> {
        write_atomically(&self.path(name), bytes)
    }

    /// Writes a value as JSON, whole or not at all.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_json(
        &self,
        name: impl AsRef<Path>,
        value: &impl Serialize,
    ) -> Result<(), RunError> {
        let path = self.path(name);
        let mut text = serde_json::to_vec_pretty(value)
            .map_err(|error| RunError::file("write", &path, error))?;
        text.push(b'\n');
        write_atomically(&path, &text)
    }

    /// Does a stage once: the second time, in this process or a later one, its saved result is read instead.
    ///
    /// The result is what later stages and the report use, so a resumed run reaches the same numbers.
    ///
    /// # Errors
    ///
    /// The stage's own, and those of its file.
    pub fn once<T: Serialize + DeserializeOwned>(
        &self,
        stage: &str,
        work: impl FnOnce() -> Result<T, RunError>,
    ) -> Result<T, RunError> {
        let name = format!("stages/{stage}.json");
        let path = self.path(&name);
        if let Ok(text) = std::fs::read_to_string(&path) {
            tracing::info!(stage, "already done");
            return serde_json::from_str(&text)
                .map_err(|error| RunError::file("read", &path, error));
        }
        let result = work()?;
        self.write_json(&name, &result)?;
        Ok(result)
    }

    fn is_occupied(&self) -> bool {
        std::fs::read_dir(&self.root).is_ok_and(|mut entries| entries.next().is_some())
    }
}

/// Writes a file whole or not at all.
///
/// # Errors
///
/// A folder that cannot be made or written.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(|error| RunError::file("create", parent, error))?;
    let written = temporary_file(parent).and_then(|mut file| {
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)
    });
    written
        .map(|_| ())
        .map_err(|error| RunError::file("write", path, error))
}

/// A temporary file with the permissions that a plain file would get, not the private ones of most temporary files.
pub(crate) fn temporary_file(parent: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(parent)
}

fn first_difference(before: &str, now: &str) -> String {
    let differing = before
        .lines()
        .zip(now.lines())
        .find(|(before, now)| before != now);
    differing.map_or_else(
        || "one has more lines than the other".to_owned(),
        |(before, now)| format!("it says `{before}`, you say `{now}`"),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn settings(value: f64) -> BTreeMap<&'static str, f64> {
        BTreeMap::from([("lr", value)])
    }

    #[test]
    fn a_folder_is_resumed_only_with_the_same_settings() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("run");
        RunFolder::open(&root, &settings(1.0), false).unwrap();
        assert!(matches!(
            RunFolder::open(&root, &settings(1.0), false),
            Err(RunError::FolderInUse { .. })
        ));
        RunFolder::open(&root, &settings(1.0), true).unwrap();
        let error = RunFolder::open(&root, &settings(2.0), true)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("lr = 1.0") && error.contains("lr = 2.0"),
            "{error}"
        );
    }

    #[test]
    fn a_folder_of_other_files_is_not_touched() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("thesis.tex"), "x").unwrap();
        let result = RunFolder::open(place.path(), &settings(1.0), true);
        assert!(matches!(result, Err(RunError::FolderInUse { .. })));
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_stage_is_done_once() {
        let place = tempfile::tempdir().unwrap();
        let folder = RunFolder::open(&place.path().join("run"), &settings(1.0), false).unwrap();
        assert_eq!(folder.once("a", || Ok(1)).unwrap(), 1);
        assert_eq!(folder.once("a", || Ok(2)).unwrap(), 1);
    }
}
