//! GGUF: one file with weights, configuration and tokenizer, as llama.cpp and its kin read it.
//!
//! | item | what it does |
//! |---|---|
//! | [`GgufFile`] | maps a file, checks its header, gives metadata and tensors |
//! | [`CausalLmConfig::from_gguf`](crate::causal_lm::CausalLmConfig::from_gguf) | the configuration of a Llama |
//! | [`save_gguf`] | writes a file from any [`WeightSource`](crate::causal_lm::WeightSource) |
//! | [`dequantize_blocks`], [`quantize_blocks`] | block formats to numbers and back |
//!
//! Nothing of a file is believed: counts and lengths are compared with the bytes that are left before anything is
//! allocated, and ranges with the length of the file.

mod config;
mod cursor;
mod dequantize;
mod file;
mod ggml_type;
mod header;
mod keys;
mod meta_value;
mod names;
mod quantize;
mod scalar;
mod writer;

pub use dequantize::dequantize_blocks;
pub use file::GgufFile;
pub use ggml_type::GgmlType;
pub use meta_value::{MetaArray, MetaValue};
pub use quantize::{GgufEncoding, quantize_blocks};
pub use writer::{GgufOptions, save_gguf};

const FORMAT: &str = "GGUF";
const MAGIC: [u8; 4] = *b"GGUF";
/// Where the data section and every tensor in it begin, unless the file says otherwise.
const ALIGNMENT: usize = 32;
