use std::fmt::{self, Write as _};
use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

/// Length and checksum, by which a file is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fingerprint {
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Fingerprint {
    /// Copies everything and tells what it was; the file is read once and never held.
    pub(super) fn of_copy(mut from: impl Read, mut to: impl Write) -> io::Result<Self> {
        let mut hasher = Sha256::new();
        let mut bytes = 0;
        let mut block = vec![0; 1 << 16];
        loop {
            let count = from.read(&mut block)?;
            if count == 0 {
                break;
            }
            to.write_all(&block[..count])?;
            hasher.update(&block[..count]);
            bytes += count as u64;
        }
        let mut sha256 = String::new();
        for byte in hasher.finalize() {
            // Writing to a string cannot fail.
            let _ = write!(sha256, "{byte:02x}");
        }
        Ok(Self { bytes, sha256 })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes with sha256 {}", self.bytes, self.sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standards_example_has_the_standards_checksum() {
        // FIPS 180-2, appendix B.1.
        let mut copy = Vec::new();
        let seen = Fingerprint::of_copy(&b"abc"[..], &mut copy).unwrap();
        assert_eq!(
            seen.to_string(),
            "3 bytes with sha256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(copy, b"abc");
    }

    #[test]
    fn more_than_a_block_is_copied_whole() {
        let long = vec![7; 100_000];
        let mut copy = Vec::new();
        let seen = Fingerprint::of_copy(&long[..], &mut copy).unwrap();
        assert_eq!((seen.bytes, &copy), (100_000, &long));
    }
}
