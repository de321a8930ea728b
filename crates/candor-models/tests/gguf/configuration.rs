//! The configuration in a file's metadata: its defaults, and what is refused.

use candor_models::causal_lm::gguf::MetaValue;
use candor_models::causal_lm::{CausalLmConfig, LmError, RopeLayout};

use super::open;
use super::pieces::{Pieces, STRING, text};

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
