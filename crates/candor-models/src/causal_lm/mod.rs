//! A small causal language model: a decoder of the Llama family, its weights, its tokenizer and its text.
//!
//! | item | what it is |
//! |---|---|
//! | [`CausalLmConfig`], [`CausalLm`] | the decoder: scores, hidden states, head, cached steps |
//! | [`KvCache`], [`LeftPadding`], [`LayerObserver`] | keys and values kept between steps, rows of different length, a look inside |
//! | [`RmsNorm`], [`RotaryEmbedding`], [`grouped_query_attention`] | its parts |
//! | [`generation`] | sampling, continuation of prompts, likelihoods, and [`TextModel`](generation::TextModel) |
//! | [`lora`] | low-rank adapters, in the folders of the Python package `peft` |
//! | [`WeightSource`], [`weights`] | where weights come from and go to |
//! | [`gguf`], [`hugging_face`] | files of llama.cpp, folders of transformers |
//! | [`LmTokenizer`], [`ChatTemplate`] | text to tokens and back, conversations to one text |
//!
//! ```
//! use burn::tensor::Device;
//! use candor_models::causal_lm::generation::{Generator, SamplingConfig};
//! use candor_models::causal_lm::{CausalLmConfig, LmTokenizer};
//!
//! let model = CausalLmConfig::tiny().init_seeded(&Device::flex(), 0)?;
//! let tokenizer = LmTokenizer::bytes()?;
//! let generator = Generator::new(&model, &SamplingConfig::new().with_max_new_tokens(5))?;
//! let new = generator.generate(&[tokenizer.encode("Hello")?])?;
//! assert_eq!(new[0].len(), 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attention;
mod attention_mask;
mod chat_template;
mod config;
mod decoder_layer;
mod error;
mod feed_forward;
pub mod generation;
pub mod gguf;
#[cfg(feature = "hub")]
pub mod hub;
pub mod hugging_face;
mod kv_cache;
mod layer_observer;
mod left_padding;
mod linear;
pub mod lora;
mod model;
mod parameters;
mod precision;
mod rms_norm;
mod rotary;
mod tokenizer;
mod transpose;
pub mod weights;

pub use candor_core::layers::RopeLayout;
pub use candor_core::layers::{AttentionOutput, grouped_query_attention};
pub use chat_template::{ChatTemplate, Message};
pub use config::CausalLmConfig;
pub use error::LmError;
pub use gguf::{GgufEncoding, GgufFile, GgufOptions, save_gguf};
pub use hugging_face::{HuggingFaceFolder, HuggingFaceOptions, SpecialTokens, save_hugging_face};
pub use kv_cache::KvCache;
pub use layer_observer::LayerObserver;
pub use left_padding::LeftPadding;
pub use model::CausalLm;
pub use rms_norm::RmsNorm;
pub use rotary::{RotaryEmbedding, Rotation};
pub use tokenizer::{DecodeStream, LmTokenizer, byte_alphabet};
pub use weights::WeightSource;
