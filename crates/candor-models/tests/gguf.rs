#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! What is written as GGUF comes back; what is not GGUF is refused with its fault, and costs nothing.

mod tiny_weights;

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use candor_models::causal_lm::gguf::{
    GgmlType, GgufEncoding, MetaArray, MetaValue, dequantize_blocks, quantize_blocks,
};
use candor_models::causal_lm::weights::{
    InRopeLayout, WeightMap, check_tensors, permute_rope_rows,
};
use candor_models::causal_lm::{
    CausalLmConfig, GgufFile, GgufOptions, LmError, RopeLayout, WeightSource, save_gguf,
};
use proptest::prelude::*;
use tempfile::TempDir;
use tiny_weights::{config, variants, weights};

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("model.gguf")
}

fn options(encoding: GgufEncoding) -> GgufOptions {
    GgufOptions {
        encoding,
        ..GgufOptions::default()
    }
}

/// The file of the tiny network; its last tensor ends with the file.
fn exported(folder: &TempDir) -> (PathBuf, Vec<u8>) {
    let (path, config) = (file(folder), config());
    save_gguf(&path, &config, &weights(&config), &GgufOptions::default()).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    (path, bytes)
}

fn open(bytes: &[u8]) -> Result<GgufFile, LmError> {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    std::fs::write(&path, bytes).unwrap();
    GgufFile::open(path)
}

/// A file put together piece by piece, right until a piece is made wrong.
#[derive(Clone)]
struct Pieces {
    magic: [u8; 4],
    version: u32,
    tensor_count: Option<u64>,
    value_count: Option<u64>,
    values: Vec<Vec<u8>>,
    tensors: Vec<Vec<u8>>,
    data: usize,
}

impl Pieces {
    fn new() -> Self {
        Self {
            magic: *b"GGUF",
            version: 3,
            tensor_count: None,
            value_count: None,
            values: Vec::new(),
            tensors: Vec::new(),
            data: 0,
        }
    }

    fn value(mut self, key: &[u8], kind: u32, bytes: &[u8]) -> Self {
        let value = [&text(key)[..], &kind.to_le_bytes(), bytes].concat();
        self.values.push(value);
        self
    }

    fn tensor(mut self, name: &[u8], axes: &[u64], kind: u32, offset: u64) -> Self {
        let axes_count = axes.len() as u32;
        let axes: Vec<u8> = axes.iter().flat_map(|size| size.to_le_bytes()).collect();
        let tensor = [
            &text(name)[..],
            &axes_count.to_le_bytes(),
            &axes,
            &kind.to_le_bytes(),
            &offset.to_le_bytes(),
        ];
        self.tensors.push(tensor.concat());
        self
    }

    fn data(mut self, bytes: usize) -> Self {
        self.data = bytes;
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let tensors = self.tensor_count.unwrap_or(self.tensors.len() as u64);
        let values = self.value_count.unwrap_or(self.values.len() as u64);
        let mut bytes = self.magic.to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(tensors.to_le_bytes());
        bytes.extend(values.to_le_bytes());
        bytes.extend(self.values.concat());
        bytes.extend(self.tensors.concat());
        bytes.resize(bytes.len().next_multiple_of(32) + self.data, 0);
        bytes
    }

    /// Why the file is refused.
    fn refused(&self) -> String {
        match open(&self.bytes()) {
            Ok(_) => panic!("a faulty file was opened"),
            Err(error) => error.to_string(),
        }
    }
}

fn text(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u64).to_le_bytes()[..], bytes].concat()
}

fn list(kind: u32, count: u64, entries: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &count.to_le_bytes(), entries].concat()
}

const F32: u32 = 0;
const Q8_0: u32 = 8;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

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

    #[test]
    fn quantised_weights_differ_by_half_a_step(
        weights in prop::collection::vec(-100f32..100.0, 32),
        scale in prop::sample::select(vec![1e-3f32, 1.0, 1e3]),
    ) {
        let weights: Vec<f32> = weights.iter().map(|weight| weight * scale).collect();
        let bytes = quantize_blocks(GgufEncoding::Q8_0, &weights).unwrap();
        let back = dequantize_blocks(GgmlType::Q8_0, &bytes).unwrap();
        let largest = weights.iter().fold(0f32, |max, weight| max.max(weight.abs()));
        // Half a step, and what rounding the step to 11 bits moves the largest of 127 steps.
        let bound = largest / 127.0 / 2.0 + largest * 2f32.powi(-11);
        for (weight, back) in weights.iter().zip(back) {
            prop_assert!((weight - back).abs() <= bound * 1.0001, "{weight} {back} {bound}");
        }
    }

    #[test]
    fn half_precision_keeps_what_it_can_hold(bits in prop::collection::vec(any::<u16>(), 1..64)) {
        let finite = |bits: &u16| bits & 0x7c00 != 0x7c00;
        let bytes: Vec<u8> = bits.iter().filter(|bits| finite(bits)).flat_map(|bits| bits.to_le_bytes()).collect();
        let values = dequantize_blocks(GgmlType::F16, &bytes).unwrap();
        prop_assert_eq!(quantize_blocks(GgufEncoding::F16, &values).unwrap(), bytes);
    }

    #[test]
    fn single_precision_is_exact(values in prop::collection::vec(prop::num::f32::NORMAL, 0..64)) {
        let bytes = quantize_blocks(GgufEncoding::F32, &values).unwrap();
        prop_assert_eq!(dequantize_blocks(GgmlType::F32, &bytes).unwrap(), values);
    }

    #[test]
    fn the_layouts_are_each_others_inverse(heads in 1usize..5, half in 1usize..5, columns in 1usize..4) {
        let rows = heads * half * 2;
        let weight: Vec<f32> = (0..rows * columns).map(|entry| entry as f32).collect();
        let permute = |weight: &[f32], from, to| permute_rope_rows(weight, rows, heads, from, to).unwrap();
        let (half, interleaved) = (RopeLayout::Half, RopeLayout::Interleaved);
        prop_assert_eq!(&permute(&permute(&weight, half, interleaved), interleaved, half), &weight);
        prop_assert_eq!(&permute(&permute(&weight, interleaved, half), half, interleaved), &weight);
        prop_assert_eq!(&permute(&weight, half, half), &weight);
    }

    #[test]
    fn bytes_of_any_content_dequantise(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        for kind in GgmlType::ALL {
            let blocks = bytes.len() / kind.block_bytes();
            let whole = &bytes[..blocks * kind.block_bytes()];
            let values = dequantize_blocks(kind, whole).unwrap();
            prop_assert_eq!(values.len(), blocks * kind.block_values());
            prop_assert_eq!(dequantize_blocks(kind, &bytes).is_err(), whole.len() < bytes.len());
        }
    }
}

#[test]
fn rows_that_do_not_make_even_heads_are_refused() {
    let permute = |values: usize, rows, heads| {
        let values = vec![0.0; values];
        permute_rope_rows(
            &values,
            rows,
            heads,
            RopeLayout::Half,
            RopeLayout::Interleaved,
        )
    };
    assert!(permute(16, 8, 2).is_ok());
    for (values, rows, heads) in [
        (16, 8, 3),
        (16, 8, 8),
        (16, 8, 0),
        (17, 8, 2),
        (0, 0, 1),
        (6, 6, usize::MAX),
    ] {
        let error = permute(values, rows, heads).unwrap_err();
        assert!(matches!(error, LmError::UnevenHeads { .. }), "{error}");
    }
}

#[test]
fn a_block_is_quantised_as_ggml_does() {
    // d = 127 / 127 = 1: ties go away from zero, where rounding to even would give 2 and -2.
    let mut weights = [0.0; 32];
    weights[..5].copy_from_slice(&[127.0, -127.0, 2.5, -2.5, 0.49]);
    let bytes = quantize_blocks(GgufEncoding::Q8_0, &weights).unwrap();
    assert_eq!(bytes[..2], [0x00, 0x3c]);
    assert_eq!(bytes[2..7], [127, 129, 3, 253, 0]);
    // A block of zeros has the scale zero.
    assert_eq!(
        quantize_blocks(GgufEncoding::Q8_0, &[0.0; 32]).unwrap(),
        [0; 34]
    );
}

#[test]
fn values_without_a_place_are_refused_with_it() {
    let index = |encoding, at: usize, value: f32| {
        let mut weights = vec![1.0; 64];
        weights[at] = value;
        match quantize_blocks(encoding, &weights) {
            Err(LmError::Unrepresentable { index, .. }) => index,
            other => panic!("{value}: {other:?}"),
        }
    };
    for encoding in [GgufEncoding::F32, GgufEncoding::F16, GgufEncoding::Q8_0] {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(index(encoding, 40, value), 40);
        }
    }
    assert_eq!(index(GgufEncoding::F16, 3, 65520.0), 3);
    assert_eq!(index(GgufEncoding::Q8_0, 33, -1e7), 33);
    let partial = quantize_blocks(GgufEncoding::Q8_0, &[0.0; 31]).unwrap_err();
    assert!(partial.to_string().contains("31 values"), "{partial}");
}

#[test]
fn a_network_comes_back_from_a_file() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    for config in variants() {
        let weights = weights(&config);
        // The weights have seven bits, so half precision loses none of them.
        for encoding in [GgufEncoding::F32, GgufEncoding::F16] {
            save_gguf(&path, &config, &weights, &options(encoding)).unwrap();
            let file = GgufFile::open(&path).unwrap();
            let back = CausalLmConfig::from_gguf(&file).unwrap();
            assert_eq!(back.clone().with_rope_layout(config.rope_layout), config);
            check_tensors(&back, &file).unwrap();
            let same = InRopeLayout::new(&file, &back, config.rope_layout);
            assert_eq!(WeightMap::collect(&same).unwrap(), weights);
            assert_eq!(
                file.ggml_type("token_embd.weight"),
                Some(encoding.ggml_type())
            );
            assert_eq!(file.ggml_type("output_norm.weight"), Some(GgmlType::F32));
        }
    }
}

#[test]
fn a_llama_file_is_interleaved_whatever_the_model_is() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    let config = config();
    let weights = weights(&config);
    save_gguf(&path, &config, &weights, &options(GgufEncoding::F32)).unwrap();
    let file = GgufFile::open(&path).unwrap();
    let layout = CausalLmConfig::from_gguf(&file).unwrap().rope_layout;
    assert_eq!(layout, RopeLayout::Interleaved);
    let name = "model.layers.0.self_attn.q_proj.weight";
    let rows = |source: &dyn WeightSource, row: usize| {
        source.read(name).unwrap()[row * 32..(row + 1) * 32].to_vec()
    };
    // Heads of 16 rows: the second row of the second head is its row 8 by halves.
    assert_eq!(rows(&file, 17), rows(&weights, 24));
    assert_ne!(rows(&file, 17), rows(&weights, 17));
    let values = "model.layers.0.self_attn.v_proj.weight";
    assert_eq!(file.read(values).unwrap(), weights.read(values).unwrap());
}

#[test]
fn rows_that_are_not_whole_blocks_are_stored_in_half_precision() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    let config = CausalLmConfig::new(8, 32, 24, 1, 2, 1, 16);
    save_gguf(
        &path,
        &config,
        &weights(&config),
        &options(GgufEncoding::Q8_0),
    )
    .unwrap();
    let file = GgufFile::open(&path).unwrap();
    // [out, in]: the rows of ffn_down have 24 entries, those of ffn_up 32.
    assert_eq!(file.ggml_type("blk.0.ffn_down.weight"), Some(GgmlType::F16));
    assert_eq!(file.ggml_type("blk.0.ffn_up.weight"), Some(GgmlType::Q8_0));
    assert_eq!(file.ggml_type("blk.0.ffn_norm.weight"), Some(GgmlType::F32));
}

#[test]
fn quantised_matrices_are_near() {
    let folder = TempDir::new().unwrap();
    let (path, _) = exported(&folder);
    let file = GgufFile::open(&path).unwrap();
    let config = config();
    let weights = weights(&config);
    let back = CausalLmConfig::from_gguf(&file).unwrap();
    let half = InRopeLayout::new(&file, &back, RopeLayout::Half);
    for name in weights.names() {
        let (seen, wanted) = (half.read(&name).unwrap(), weights.read(&name).unwrap());
        for (seen, wanted) in seen.iter().zip(wanted) {
            // |w| <= 1, so d / 2 <= 1 / 254, and 2^-11 for the rounding of d.
            assert!((seen - wanted).abs() < 0.0045, "{name}: {seen} {wanted}");
        }
    }
}

#[test]
fn a_row_is_a_slice_of_the_tensor() {
    let folder = TempDir::new().unwrap();
    let (path, _) = exported(&folder);
    let file = GgufFile::open(&path).unwrap();
    let tensor = "blk.0.ffn_down.weight";
    let whole = file.dequantize(tensor).unwrap();
    for row in 0..32 {
        assert_eq!(
            file.row(tensor, row).unwrap(),
            whole[row * 64..(row + 1) * 64]
        );
    }
    let vector = file.row("output_norm.weight", 0).unwrap();
    assert_eq!(vector, file.dequantize("output_norm.weight").unwrap());
    for (tensor, row) in [
        (tensor, 32),
        (tensor, usize::MAX),
        ("output_norm.weight", 1),
    ] {
        let error = file.row(tensor, row).unwrap_err();
        assert!(matches!(error, LmError::RowOutOfRange { .. }), "{error}");
    }
    let error = file.row("none", 0).unwrap_err();
    assert!(matches!(error, LmError::MissingTensor { .. }), "{error}");
}

#[test]
fn a_file_names_its_tokenizer_or_says_that_it_has_none() {
    let folder = TempDir::new().unwrap();
    let (path, config) = (file(&folder), config());
    let save = |tokenizer: &[(&str, MetaValue)]| {
        let tokenizer = tokenizer
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()));
        let options = GgufOptions {
            name: "tiny".to_owned(),
            tokenizer: tokenizer.collect(),
            ..GgufOptions::default()
        };
        save_gguf(&path, &config, &weights(&config), &options)?;
        GgufFile::open(&path)
    };
    let none = save(&[]).unwrap();
    let model = |file: &GgufFile| {
        file.meta("tokenizer.ggml.model")
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(model(&none), "no_vocab");
    let tokens = |count: usize| {
        let tokens = (0..count).map(|token| token.to_string());
        MetaValue::Array(MetaArray::String(tokens.collect()))
    };
    let gpt2 = ("tokenizer.ggml.model", MetaValue::String("gpt2".to_owned()));
    let types = MetaValue::Array(MetaArray::I32(vec![1; 8]));
    let file = save(&[
        gpt2.clone(),
        ("tokenizer.ggml.tokens", tokens(8)),
        ("tokenizer.ggml.token_type", types),
        ("tokenizer.ggml.add_bos_token", MetaValue::Bool(false)),
    ])
    .unwrap();
    assert_eq!(model(&file), "gpt2");
    assert_eq!(
        file.meta("tokenizer.ggml.tokens")
            .unwrap()
            .as_strings()
            .unwrap()[7],
        "7"
    );
    assert_eq!(
        file.meta("tokenizer.ggml.token_type").unwrap().as_i32s(),
        Some([1; 8].as_slice())
    );
    assert_eq!(
        file.meta("tokenizer.ggml.add_bos_token").unwrap().as_bool(),
        Some(false)
    );
    assert_eq!(file.meta("general.name").unwrap().as_str(), Some("tiny"));
    assert_eq!(file.meta("general.file_type").unwrap().as_u64(), Some(7));
    for faulty in [
        vec![("tokenizer.ggml.tokens", tokens(7))],
        vec![("general.name", MetaValue::U8(0))],
        vec![gpt2.clone(), gpt2],
    ] {
        let error = save(&faulty).unwrap_err();
        assert!(matches!(error, LmError::Write { .. }), "{error}");
    }
}

#[test]
fn a_save_that_fails_leaves_what_was_there() {
    let folder = TempDir::new().unwrap();
    let (path, before) = exported(&folder);
    let config = config();
    let mut faulty = weights(&config);
    faulty
        .insert("model.norm.weight", vec![32], vec![f32::NAN; 32])
        .unwrap();
    let error = save_gguf(&path, &config, &faulty, &GgufOptions::default()).unwrap_err();
    assert!(error.to_string().contains("model.norm.weight"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let error = save_gguf(
        folder.path().join("none").join("model.gguf"),
        &config,
        &weights(&config),
        &GgufOptions::default(),
    );
    assert!(matches!(error, Err(LmError::Write { .. })));
}

#[test]
fn an_open_file_survives_its_replacement() {
    let folder = TempDir::new().unwrap();
    let (path, _) = exported(&folder);
    let file = GgufFile::open(&path).unwrap();
    let before = file.dequantize("token_embd.weight").unwrap();
    let small = CausalLmConfig::new(2, 2, 2, 1, 1, 1, 2);
    save_gguf(&path, &small, &weights(&small), &GgufOptions::default()).unwrap();
    assert_eq!(file.dequantize("token_embd.weight").unwrap(), before);
    let replaced = GgufFile::open(&path).unwrap();
    assert_eq!(replaced.shape("token_embd.weight"), Some([2, 2].as_slice()));
}

#[test]
fn weights_of_another_configuration_are_not_written() {
    let folder = TempDir::new().unwrap();
    let (path, config) = (file(&folder), config());
    let save = |weights: &WeightMap| {
        save_gguf(&path, &config, weights, &GgufOptions::default()).unwrap_err()
    };
    let untied = config.clone().with_tie_embeddings(false);
    assert!(matches!(
        save(&weights(&untied)),
        LmError::ExtraTensor { tensor } if tensor == "lm_head.weight"
    ));
    let mut misshapen = weights(&config);
    misshapen
        .insert("model.norm.weight", vec![1, 32], vec![0.0; 32])
        .unwrap();
    assert!(matches!(save(&misshapen), LmError::WrongShape { .. }));
    assert!(matches!(
        save(&WeightMap::new()),
        LmError::MissingTensor { .. }
    ));
    assert!(!path.exists());
    let illegal = CausalLmConfig {
        num_kv_heads: 0,
        ..config
    };
    let error = save_gguf(&path, &illegal, &WeightMap::new(), &GgufOptions::default());
    assert!(matches!(error, Err(LmError::Config(_))));
}

/// The metadata of a Llama, with one value replaced, added or (by `None`) left out.
fn described(key: &str, value: Option<MetaValue>) -> Result<CausalLmConfig, LmError> {
    let size = |value| Some(MetaValue::U32(value));
    let mut entries = vec![
        (
            "general.architecture",
            Some(MetaValue::String("llama".to_owned())),
        ),
        ("llama.vocab_size", size(11)),
        ("llama.embedding_length", size(8)),
        ("llama.feed_forward_length", size(12)),
        ("llama.block_count", size(2)),
        ("llama.attention.head_count", size(2)),
        ("llama.attention.head_count_kv", size(1)),
        ("llama.context_length", size(64)),
        (
            "llama.attention.layer_norm_rms_epsilon",
            Some(MetaValue::F32(1e-5)),
        ),
    ];
    entries.retain(|(known, _)| *known != key);
    entries.push((key, value));
    let file = entries
        .into_iter()
        .fold(Pieces::new(), |file, (key, value)| match value {
            None => file,
            Some(MetaValue::U32(value)) => file.value(key.as_bytes(), 4, &value.to_le_bytes()),
            Some(MetaValue::F32(value)) => file.value(key.as_bytes(), 6, &value.to_le_bytes()),
            Some(MetaValue::I64(value)) => file.value(key.as_bytes(), 11, &value.to_le_bytes()),
            Some(MetaValue::String(value)) => {
                file.value(key.as_bytes(), STRING, &text(value.as_bytes()))
            }
            Some(other) => panic!("no test needs {other:?}"),
        });
    CausalLmConfig::from_gguf(&open(&file.bytes()).unwrap())
}

#[test]
fn a_configuration_is_read_with_its_defaults() {
    let config = described("llama.attention.head_count_kv", None).unwrap();
    let wanted = CausalLmConfig::new(11, 8, 12, 2, 2, 2, 4)
        .with_context_length(64)
        .with_rope_layout(RopeLayout::Interleaved);
    assert_eq!(config, wanted);
    let theta = described("llama.rope.freq_base", Some(MetaValue::F32(1e5))).unwrap();
    assert_eq!(theta.rope_theta.to_bits(), 1e5f64.to_bits());
    let heads = described("llama.attention.key_length", Some(MetaValue::U32(6))).unwrap();
    assert_eq!(heads.head_dim, 6);
    let wide = described("llama.context_length", Some(MetaValue::I64(4096))).unwrap();
    assert_eq!(wide.context_length, 4096);
}

#[test]
fn configurations_that_are_not_read_are_named() {
    let error = |key: &str, value| described(key, value).unwrap_err();
    let string = |text: &str| Some(MetaValue::String(text.to_owned()));
    let size = |value| Some(MetaValue::U32(value));
    assert!(matches!(
        error("general.architecture", string("gpt2")),
        LmError::UnsupportedArchitecture { seen, .. } if seen == "gpt2"
    ));
    for key in [
        "general.architecture",
        "llama.embedding_length",
        "llama.block_count",
        "llama.attention.layer_norm_rms_epsilon",
    ] {
        let absent = error(key, None).to_string();
        assert!(
            absent.contains(key) && absent.contains("absent"),
            "{absent}"
        );
    }
    assert!(matches!(
        error("llama.block_count", string("2")),
        LmError::Metadata { seen, .. } if seen == "string"
    ));
    let negative = error("llama.block_count", Some(MetaValue::I64(-1)));
    assert!(matches!(negative, LmError::Metadata { .. }));
    let epsilon = error("llama.attention.layer_norm_rms_epsilon", size(1));
    assert!(matches!(epsilon, LmError::Metadata { .. }));
    // Without a size and without an embedding there is no vocabulary.
    let vocab = error("llama.vocab_size", None);
    assert!(matches!(vocab, LmError::MissingTensor { .. }));
    for (key, value) in [
        ("llama.rope.dimension_count", size(2)),
        ("llama.attention.value_length", size(2)),
        ("llama.expert_count", size(8)),
        ("llama.rope.scaling.type", string("yarn")),
        ("llama.rope.scaling.factor", Some(MetaValue::F32(2.0))),
        ("llama.rope.scale_linear", Some(MetaValue::F32(0.5))),
    ] {
        let error = error(key, value);
        assert!(
            matches!(&error, LmError::UnsupportedSetting { setting, .. } if setting == key),
            "{error}"
        );
    }
    assert!(described("llama.rope.scaling.type", string("none")).is_ok());
    assert!(described("llama.rope.scale_linear", Some(MetaValue::F32(1.0))).is_ok());
}

#[test]
fn illegal_configurations_are_refused_by_their_own_check() {
    let size = |value| Some(MetaValue::U32(value));
    for (key, value) in [
        ("llama.attention.head_count_kv", size(3)),
        ("llama.attention.head_count", size(3)),
        ("llama.attention.head_count", size(0)),
        // Two heads of 3.
        ("llama.embedding_length", size(6)),
        ("llama.block_count", size(u32::MAX)),
        (
            "llama.attention.layer_norm_rms_epsilon",
            Some(MetaValue::F32(f32::NAN)),
        ),
        ("llama.rope.freq_base", Some(MetaValue::F32(f32::INFINITY))),
    ] {
        let error = described(key, value).unwrap_err();
        assert!(matches!(error, LmError::Config(_)), "{key}: {error}");
    }
}

#[test]
fn a_file_of_other_tensors_is_not_taken_for_the_network() {
    let file = Pieces::new()
        .tensor(b"rope_freqs.weight", &[8], F32, 0)
        .data(32);
    let file = open(&file.bytes()).unwrap();
    assert_eq!(file.names(), ["rope_freqs.weight"]);
    let error = check_tensors(&config(), &file).unwrap_err();
    assert!(matches!(error, LmError::MissingTensor { .. }), "{error}");
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
