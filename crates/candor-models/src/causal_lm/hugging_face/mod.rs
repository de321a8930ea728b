//! Folders as Hugging Face's transformers writes them: `config.json`, safetensors and a tokenizer.
//!
//! | item | what it does |
//! |---|---|
//! | [`HuggingFaceFolder`] | maps the weights of a folder, whole or sharded, and reads its configuration |
//! | [`save_hugging_face`] | writes a folder from any [`WeightSource`](crate::causal_lm::WeightSource) |

use std::ffi::OsStr;
use std::path::Path;

mod config;
mod config_writer;
mod folder;
mod shard;
mod writer;

pub use folder::HuggingFaceFolder;
pub(super) use shard::Shard;
pub use writer::{HuggingFaceOptions, SpecialTokens, save_hugging_face};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// Whether a name stays inside its folder.
fn is_plain(file: &str) -> bool {
    Path::new(file).file_name() == Some(OsStr::new(file))
}

/// What transformers calls an architecture: the class and the `model_type`.
struct Architecture {
    class: &'static str,
    model_type: &'static str,
}

const LLAMA: Architecture = Architecture {
    class: "LlamaForCausalLM",
    model_type: "llama",
};

/// The same network with queries and keys normalised over each head.
const QWEN3: Architecture = Architecture {
    class: "Qwen3ForCausalLM",
    model_type: "qwen3",
};
