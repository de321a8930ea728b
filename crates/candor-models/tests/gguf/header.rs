//! Files that are read and files that are refused: foreign, hostile, cut short, absent.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use candor_models::causal_lm::gguf::{GgmlType, MetaArray, MetaValue};
use candor_models::causal_lm::weights::check_tensors;
use candor_models::causal_lm::{CausalLmConfig, GgufFile, LmError, WeightSource};
use proptest::prelude::*;
use tempfile::TempDir;

use super::pieces::{ARRAY, F32, Pieces, Q8_0, STRING, list, text};
use super::{exported, file, open};

#[test]
fn pieces_that_are_right_are_read() {
    let lists = list(ARRAY, 1, &list(0, 2, &[7, 9]));
    for version in [2, 3] {
        let file = Pieces {
            version,
            ..Pieces::new()
        };
        let file = file
            .value(b"general.alignment", 4, &64u32.to_le_bytes())
            .value(b"name", STRING, &text("é".as_bytes()))
            .value(b"lists", ARRAY, &lists)
            .tensor(b"a", &[64, 3], Q8_0, 0)
            .tensor(b"b", &[2], F32, 256)
            // The pieces end at a multiple of 32, the data may begin 32 bytes later.
            .data(32 + 256 + 8);
        let file = open(&file.bytes()).unwrap();
        assert_eq!(file.meta("name").unwrap().as_str(), Some("é"));
        let inner = MetaArray::Array(vec![MetaArray::U8(vec![7, 9])]);
        assert_eq!(file.meta("lists"), Some(&MetaValue::Array(inner)));
        assert_eq!(file.tensor_names().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(file.shape("a"), Some([3, 64].as_slice()));
        assert_eq!(file.ggml_type("a"), Some(GgmlType::Q8_0));
        assert_eq!(file.dequantize("b").unwrap(), [0.0, 0.0]);
        assert_eq!(file.metadata().count(), 3);
    }
}

#[test]
fn foreign_bytes_are_refused_by_their_first_words() {
    let with = |magic: &[u8; 4], version| {
        let pieces = Pieces {
            magic: *magic,
            version,
            ..Pieces::new()
        };
        pieces.refused()
    };
    assert!(with(b"GGML", 3).contains("begins with `GGML`"));
    assert!(with(b"GGUF", 1).contains("its version is 1"));
    assert!(with(b"GGUF", 4).contains("its version is 4"));
    assert!(with(b"GGUF", 3u32.swap_bytes()).contains("big-endian"));
    assert!(open(b"").is_err());
}

#[test]
fn counts_and_lengths_are_compared_with_the_bytes_that_are_left() {
    for absurd in [u64::MAX, u64::MAX / 32, 1 << 40, 1000] {
        let tensors = Pieces {
            tensor_count: Some(absurd),
            ..Pieces::new()
        };
        assert!(tensors.refused().contains("tensors are announced"));
        let values = Pieces {
            value_count: Some(absurd),
            ..Pieces::new()
        };
        assert!(values.refused().contains("metadata are announced"));
        let length = absurd.to_le_bytes();
        let string = Pieces::new().value(b"key", STRING, &length);
        assert!(string.refused().contains("bytes of text are announced"));
        for (kind, what) in [(F32, "values"), (STRING, "values"), (ARRAY, "lists")] {
            let list = Pieces::new().value(b"key", ARRAY, &list(kind, absurd, &[]));
            let refused = list.refused();
            assert!(
                refused.contains(&format!("{absurd} {what} are announced")),
                "{refused}"
            );
        }
    }
}

#[test]
fn lists_are_nested_four_deep_at_most() {
    let nested = |depth: usize| {
        let innermost = list(0, 1, &[1]);
        let lists = (1..depth).fold(innermost, |inner, _| list(ARRAY, 1, &inner));
        Pieces::new().value(b"key", ARRAY, &lists)
    };
    assert!(open(&nested(4).bytes()).is_ok());
    assert!(nested(5).refused().contains("nested"));
    assert!(nested(100_000).refused().contains("nested"));
}

#[test]
fn metadata_of_no_kind_is_refused() {
    let refused = |kind, bytes: &[u8]| Pieces::new().value(b"key", kind, bytes).refused();
    assert!(refused(13, &[0; 8]).contains("type 13"));
    assert!(refused(ARRAY, &list(13, 1, &[0; 8])).contains("type 13"));
    assert!(refused(7, &[2]).contains("flag"));
    assert!(refused(STRING, &text(&[0xff, 0xfe])).contains("utf-8"));
    let key = Pieces::new().value(&[0xc3], 0, &[1]);
    assert!(key.refused().contains("utf-8"));
    let twice = Pieces::new().value(b"key", 0, &[1]).value(b"key", 0, &[1]);
    assert!(twice.refused().contains("`key` stands in it twice"));
}

#[test]
fn an_alignment_is_a_power_of_two() {
    for alignment in [0u32, 3, 48, u32::MAX] {
        let file = Pieces::new().value(b"general.alignment", 4, &alignment.to_le_bytes());
        assert!(file.refused().contains("a power of two"));
    }
    let text = Pieces::new().value(b"general.alignment", STRING, &text(b"32"));
    assert!(text.refused().contains("a power of two"));
    let huge = Pieces::new()
        .value(b"general.alignment", 10, &(1u64 << 63).to_le_bytes())
        .tensor(b"a", &[1], F32, 1 << 63)
        .data(64);
    assert!(huge.refused().contains("`a`"));
}

#[test]
fn tensors_that_cannot_be_there_are_named() {
    let refused = |axes: &[u64], kind, offset| {
        let file = Pieces::new().tensor(b"w", axes, kind, offset);
        let refused = file.data(4096).refused();
        assert!(refused.contains("`w`"), "{refused}");
        refused
    };
    assert!(refused(&[], F32, 0).contains("0 axes"));
    assert!(refused(&[1; 5], F32, 0).contains("5 axes"));
    assert!(refused(&[4, 0], F32, 0).contains("an axis of 0"));
    assert!(refused(&[33], Q8_0, 0).contains("Q8_0 blocks"));
    // 64 values, but no row of them is a block.
    assert!(refused(&[16, 4], Q8_0, 0).contains("Q8_0 blocks"));
    assert!(refused(&[u64::MAX, u64::MAX], F32, 0).contains("too large"));
    assert!(refused(&[1 << 32, 1 << 31], F32, 0).contains("too large"));
    // As many bytes as can be counted when quantised, but not as numbers.
    assert!(refused(&[1 << 62], Q8_0, 0).contains("too large"));
    assert!(refused(&[4], F32, 4).contains("no multiple of 32"));
    assert!(refused(&[1024], F32, u64::MAX - 31).contains("too large"));
    assert!(refused(&[4], F32, u64::MAX - 31).contains("beyond"));
    assert!(refused(&[4], F32, 4096).contains("beyond"));
    assert!(refused(&[1025], F32, 0).contains("beyond"));
    let name = Pieces::new().tensor(&[0xff], &[1], F32, 0).data(32);
    assert!(name.refused().contains("utf-8"));
}

#[test]
fn tensors_share_neither_name_nor_bytes() {
    let twice = Pieces::new()
        .tensor(b"w", &[1], F32, 0)
        .tensor(b"w", &[1], F32, 32);
    assert!(twice.data(64).refused().contains("`w` stands in it twice"));
    let overlap = Pieces::new()
        .tensor(b"v", &[9], F32, 0)
        .tensor(b"w", &[1], F32, 32);
    let refused = overlap.data(64).refused();
    assert!(refused.contains("`v` and `w` overlap"), "{refused}");
}

#[test]
fn a_type_that_is_not_read_is_named() {
    for (kind, name) in [
        (13, "Q5_K (type 13)"),
        (19, "IQ1_S (type 19)"),
        (99, "unknown type 99"),
    ] {
        let file = Pieces::new().tensor(b"blk.0.attn_q.weight", &[256], kind, 0);
        let error = open(&file.data(4096).bytes()).unwrap_err();
        let LmError::UnsupportedTensorType { tensor, seen, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(tensor, "blk.0.attn_q.weight");
        assert!(seen.contains(name), "{seen}");
        assert!(error.to_string().contains("model.gguf"));
    }
}

#[test]
fn every_truncation_is_an_error() {
    let folder = TempDir::new().unwrap();
    let (path, bytes) = exported(&folder);
    GgufFile::open(&path).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    for length in (0..bytes.len()).rev() {
        file.set_len(length as u64).unwrap();
        assert!(GgufFile::open(&path).is_err(), "cut to {length}");
    }
}

#[test]
fn every_flipped_header_byte_is_an_error_or_harmless() {
    let folder = TempDir::new().unwrap();
    let (path, bytes) = exported(&folder);
    let mut file = File::options().write(true).open(&path).unwrap();
    let mut put = |at: usize, byte: u8| {
        file.seek(SeekFrom::Start(at as u64)).unwrap();
        file.write_all(&[byte]).unwrap();
    };
    for (at, &byte) in bytes.iter().enumerate().take(2000) {
        for flip in [0x15, 0x80] {
            put(at, byte ^ flip);
            read_everything(&path);
        }
        put(at, byte);
    }
}

/// The promise is that it returns.
fn read_everything(path: &Path) {
    let Ok(file) = GgufFile::open(path) else {
        return;
    };
    for name in file.names() {
        let _ = file.read(&name);
    }
    if let Ok(config) = CausalLmConfig::from_gguf(&file) {
        let _ = check_tensors(&config, &file);
    }
}

proptest! {
    #[test]
    fn random_headers_are_refused_or_read(tail in prop::collection::vec(any::<u8>(), 0..200)) {
        let folder = TempDir::new().unwrap();
        let path = file(&folder);
        std::fs::write(&path, [b"GGUF\x03\0\0\0".as_slice(), &tail].concat()).unwrap();
        read_everything(&path);
    }
}

#[test]
fn a_missing_file_and_a_folder_are_named() {
    let folder = TempDir::new().unwrap();
    for path in [file(&folder), folder.path().to_owned()] {
        let error = GgufFile::open(&path).unwrap_err();
        assert!(matches!(error, LmError::Read { .. }), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()));
    }
}
