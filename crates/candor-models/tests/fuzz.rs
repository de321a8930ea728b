//! Ten thousand damaged files: each gives an error or a model, none a panic or an allocation by its own word.
#![cfg(feature = "flex")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod tiny_weights;

use std::path::Path;

use burn::tensor::{Device, FloatDType};
use candor_core::DrawKey;
use candor_models::causal_lm::{
    CausalLm, CausalLmConfig, GgufEncoding, GgufFile, GgufOptions, HuggingFaceFolder,
    HuggingFaceOptions, LmError, save_gguf, save_hugging_face,
};
use peak_alloc::PeakAlloc;
use rand::{Rng, RngExt};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The files are below 64 KiB; a header that is believed asks for much more than this.
const MOST_BYTES: usize = 32 << 20;

/// What a damaged copy differs in.
fn damage(original: &[u8], rng: &mut impl Rng) -> Vec<u8> {
    const EXTREMES: [u64; 6] = [0, 1, u64::MAX, 1 << 63, 1 << 40, u32::MAX as u64];
    let mut bytes = original.to_vec();
    for _ in 0..rng.random_range(1..6) {
        // Headers stand at the start: half of the damage is done there.
        let end = if rng.random_bool(0.5) {
            bytes.len().min(2048)
        } else {
            bytes.len()
        };
        let at = rng.random_range(0..end.max(1));
        match rng.random_range(0..6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at.min(bytes.len()), rng.random()),
            2 => {
                let value = EXTREMES[rng.random_range(0..EXTREMES.len())].to_le_bytes();
                for (byte, value) in bytes.iter_mut().skip(at).zip(value) {
                    *byte = value;
                }
            }
            3 => {
                let piece: Vec<u8> = bytes.iter().skip(at).take(16).copied().collect();
                let to = rng.random_range(0..=bytes.len());
                bytes.splice(to..to, piece);
            }
            4 => {
                // A digit of JSON becomes a larger number.
                if let Some(digit) = bytes[at.min(bytes.len())..]
                    .iter()
                    .position(u8::is_ascii_digit)
                {
                    let at = at + digit;
                    bytes.splice(at..at, *b"99999999");
                }
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << rng.random_range(0..8);
                }
            }
        }
    }
    bytes
}

/// Loads damaged copies of a file, which must neither panic nor ask for memory.
fn survives(
    what: &str,
    path: &Path,
    copies: u64,
    load: impl Fn() -> Result<CausalLm, LmError>,
) -> u64 {
    let original = std::fs::read(path).unwrap();
    assert!(load().is_ok(), "{what}: the original loads");
    let mut refused = 0;
    for seed in 0..copies {
        let mut rng = DrawKey::new(seed).rng();
        std::fs::write(path, damage(&original, &mut rng)).unwrap();
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        refused += u64::from(load().is_err());
        let taken = MEMORY.peak_usage().saturating_sub(before);
        assert!(taken < MOST_BYTES, "{what}, seed {seed}: {taken} bytes");
    }
    std::fs::write(path, original).unwrap();
    eprintln!("{what}: {refused} of {copies} refused");
    refused
}

fn load(
    config: &CausalLmConfig,
    source: &dyn candor_models::causal_lm::WeightSource,
) -> Result<CausalLm, LmError> {
    CausalLm::from_weights(config, source, &Device::flex(), FloatDType::F32)
}

/// One test, for the allocator counts the whole process.
#[test]
fn ten_thousand_damaged_files_are_refused_or_read() {
    let folder = tempfile::tempdir().unwrap();
    // With a head of its own, so that every kind of tensor is there.
    let config = tiny_weights::variants().swap_remove(1);
    let weights = tiny_weights::weights(&config);

    let gguf = folder.path().join("model.gguf");
    let options = GgufOptions {
        encoding: GgufEncoding::Q8_0,
        ..GgufOptions::default()
    };
    save_gguf(&gguf, &config, &weights, &options).unwrap();
    let refused = survives("GGUF", &gguf, 4000, || {
        let file = GgufFile::open(&gguf)?;
        load(&CausalLmConfig::from_gguf(&file)?, &file)
    });
    assert!(refused > 2000);

    let model = folder.path().join("model");
    save_hugging_face(&model, &config, &weights, &HuggingFaceOptions::default()).unwrap();
    let from_folder = || {
        let folder = HuggingFaceFolder::open(&model)?;
        load(folder.config(), &folder)
    };
    let refused = survives(
        "safetensors",
        &model.join("model.safetensors"),
        3000,
        from_folder,
    );
    assert!(refused > 1000);
    let refused = survives("config.json", &model.join("config.json"), 3000, from_folder);
    assert!(refused > 1000);
}
