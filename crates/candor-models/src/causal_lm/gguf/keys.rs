//! The keys that the reader of configurations and the writer agree on.

pub(super) const ARCHITECTURE: &str = "general.architecture";
pub(super) const LLAMA: &str = "llama";
/// The same network with queries and keys normalised over each head, and rotated by halves.
pub(super) const QWEN3: &str = "qwen3";

// What follows stands behind the architecture's name and a dot.
pub(super) const VOCAB_SIZE: &str = "vocab_size";
pub(super) const HIDDEN_SIZE: &str = "embedding_length";
pub(super) const INTERMEDIATE_SIZE: &str = "feed_forward_length";
pub(super) const NUM_LAYERS: &str = "block_count";
pub(super) const NUM_HEADS: &str = "attention.head_count";
pub(super) const NUM_KV_HEADS: &str = "attention.head_count_kv";
pub(super) const KEY_LENGTH: &str = "attention.key_length";
pub(super) const VALUE_LENGTH: &str = "attention.value_length";
pub(super) const RMS_NORM_EPS: &str = "attention.layer_norm_rms_epsilon";
pub(super) const CONTEXT_LENGTH: &str = "context_length";
pub(super) const ROTATED: &str = "rope.dimension_count";
pub(super) const ROPE_THETA: &str = "rope.freq_base";
