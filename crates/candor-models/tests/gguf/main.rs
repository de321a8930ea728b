//! What is written as GGUF comes back; what is not GGUF is refused with its fault, and costs nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod configuration;
mod encodings;
mod header;
mod network;
mod pieces;
#[path = "../tiny_weights/mod.rs"]
mod tiny_weights;
mod tokenizer;

use std::path::PathBuf;

use candor_models::causal_lm::{GgufFile, GgufOptions, LmError, save_gguf};
use tempfile::TempDir;
use tiny_weights::{config, weights};

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("model.gguf")
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
