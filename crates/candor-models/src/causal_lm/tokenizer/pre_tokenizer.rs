use serde_json::{Value, json};

/// What GGUF calls the pre-tokenizer of [`smollm`].
pub(super) const SMOLLM: &str = "smollm";

/// Cuts a text before merges are applied: every digit alone, the rest into words, runs of signs and spaces as GPT-2
/// does, with the space before a word kept in front of it.
pub(super) fn smollm() -> Value {
    json!({
        "type": "Sequence",
        "pretokenizers": [
            { "type": "Digits", "individual_digits": true },
            byte_level(),
        ],
    })
}

/// The characters of the byte alphabet, and GPT-2's cuts where it is a pre-tokenizer.
pub(super) fn byte_level() -> Value {
    json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true })
}
