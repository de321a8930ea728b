use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// The weights of SmolLM2-135M-Instruct, for tests that need a real language model.
///
/// The file is the one that the environment variable `SMOLLM2_GGUF` names, or else
/// `data/models/SmolLM2-135M-Instruct.Q4_1.gguf` under the root of the workspace. Where neither is there, a line on
/// standard error says that a test is skipped and how to get the file.
///
/// ```no_run
/// let Some(path) = candor_testkit::smollm2() else { return };
/// assert!(std::fs::metadata(path).unwrap().len() > 90_000_000);
/// ```
pub fn smollm2() -> Option<PathBuf> {
    let file = ModelFile::named(SMOLLM2.file);
    let found = file.find();
    if found.is_none() {
        say(&format!("skipped: a test needs {}", file.how_to_get_it()));
    }
    found
}

/// A line on standard error that the test harness shows even of a test that passes.
pub(crate) fn say(line: &str) {
    // The macros are captured, the stream is not. A closed one cannot be told about anything.
    let _ = writeln!(io::stderr(), "{line}");
}

/// A file that tests need and that the repository does not hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ModelFile<'a> {
    name: &'a str,
    origin: Option<&'static Origin>,
}

/// Who can say where a file is, and what fetches it.
#[derive(Debug)]
struct Origin {
    file: &'static str,
    variable: &'static str,
    command: &'static str,
}

const SMOLLM2: Origin = Origin {
    file: "SmolLM2-135M-Instruct.Q4_1.gguf",
    variable: "SMOLLM2_GGUF",
    command: "cargo xtask fetch smollm2",
};

const ORIGINS: &[Origin] = &[SMOLLM2];

impl<'a> ModelFile<'a> {
    pub(crate) fn named(name: &'a str) -> Self {
        let origin = ORIGINS.iter().find(|origin| origin.file == name);
        Self { name, origin }
    }

    pub(crate) fn find(self) -> Option<PathBuf> {
        let named = self
            .origin
            .and_then(|origin| std::env::var_os(origin.variable));
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/models");
        self.find_in(named, &models)
    }

    fn find_in(self, named: Option<OsString>, models: &Path) -> Option<PathBuf> {
        named
            .map(PathBuf::from)
            .into_iter()
            .chain([models.join(self.name)])
            .find(|path| path.is_file())
    }

    pub(crate) fn how_to_get_it(self) -> String {
        match self.origin {
            Some(origin) => format!(
                "{}, which is neither in data/models nor where {} says; get it with `{}`",
                self.name, origin.variable, origin.command
            ),
            None => format!("{}, which is not in data/models; put it there", self.name),
        }
    }
}

/// Whether a file is the one that is meant, by its checksum; a file is read once a process, at about a gigabyte
/// a second.
///
/// # Errors
///
/// One line that names the file and both checksums.
pub(crate) fn verify(path: &Path, wanted: &str) -> Result<(), String> {
    static SEEN: Mutex<BTreeMap<PathBuf, String>> = Mutex::new(BTreeMap::new());
    // A thread that panicked while it held the map left it whole: an entry is made in one step.
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    if !seen.contains_key(path) {
        let sum = sha256(path).map_err(|error| format!("{}: {error}", path.display()))?;
        seen.insert(path.to_owned(), sum);
    }
    let sum = &seen[path];
    if sum == wanted {
        return Ok(());
    }
    Err(format!(
        "{}: has sha256 {sum}, the golden cases were made with {wanted}; fetch the file again",
        path.display()
    ))
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut block = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut block)?;
        if count == 0 {
            break;
        }
        hasher.update(&block[..count]);
    }
    Ok(hasher
        .finalize()
        .iter()
        .fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(files: &[&str]) -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        for file in files {
            std::fs::write(place.path().join(file), "abc").unwrap();
        }
        place
    }

    #[test]
    fn the_path_in_the_variable_wins_over_the_folder() {
        let place = place(&["mine.gguf", SMOLLM2.file]);
        let mine = place.path().join("mine.gguf");
        let file = ModelFile::named(SMOLLM2.file);
        let found = file.find_in(Some(mine.clone().into_os_string()), place.path());
        assert_eq!(found, Some(mine));
        let found = file.find_in(None, place.path());
        assert_eq!(found, Some(place.path().join(SMOLLM2.file)));
    }

    #[test]
    fn a_file_that_is_not_there_is_none_and_how_to_get_it_is_known() {
        let place = place(&[]);
        let file = ModelFile::named(SMOLLM2.file);
        assert_eq!(file.find_in(Some("nowhere".into()), place.path()), None);
        let advice = file.how_to_get_it();
        assert!(advice.contains("cargo xtask fetch smollm2"), "{advice}");
        let advice = ModelFile::named("other.bin").how_to_get_it();
        assert!(advice.contains("other.bin"), "{advice}");
    }

    #[test]
    fn a_file_with_another_checksum_is_refused_with_both() {
        // FIPS 180-2, appendix B.1.
        const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let place = place(&["abc"]);
        let path = place.path().join("abc");
        assert_eq!(verify(&path, ABC), Ok(()));
        let problem = verify(&path, "00").unwrap_err();
        assert!(
            problem.contains(ABC) && problem.contains("abc: has"),
            "{problem}"
        );
        assert!(verify(&place.path().join("none"), ABC).is_err());
    }
}
