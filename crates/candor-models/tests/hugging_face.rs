#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! What is written for transformers comes back; folders that hold something else are refused with the fault's name.

mod tiny_weights;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::sync::OnceLock;

use candor_models::causal_lm::weights::{FloatFormat, InRopeLayout, WeightMap, check_tensors};
use candor_models::causal_lm::{
    CausalLmConfig, GgufEncoding, GgufFile, GgufOptions, HuggingFaceFolder, HuggingFaceOptions,
    LmError, RopeLayout, SpecialTokens, WeightSource, save_gguf, save_hugging_face,
};
use proptest::prelude::*;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, serialize};
use serde_json::{Value, json};
use tempfile::TempDir;
use tiny_weights::{config, variants, weights};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// A folder with the tiny network; it is exported once, since every export waits for the disk.
fn exported() -> TempDir {
    static FILES: OnceLock<Vec<(OsString, Vec<u8>)>> = OnceLock::new();
    let files = FILES.get_or_init(|| {
        let (folder, config) = (TempDir::new().unwrap(), config());
        let options = HuggingFaceOptions::default();
        save_hugging_face(folder.path(), &config, &weights(&config), &options).unwrap();
        let entries = std::fs::read_dir(folder.path()).unwrap();
        entries
            .map(|entry| {
                let entry = entry.unwrap();
                (entry.file_name(), std::fs::read(entry.path()).unwrap())
            })
            .collect()
    });
    let folder = TempDir::new().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn read_json(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

/// Opens the tiny network's folder with another configuration.
fn opened_with(config: &Value) -> Result<HuggingFaceFolder, LmError> {
    let folder = exported();
    std::fs::write(folder.path().join(CONFIG), config.to_string()).unwrap();
    HuggingFaceFolder::open(folder.path())
}

/// The tiny network's configuration with one more field, or one less (by `Null`).
fn with(key: &str, value: Value) -> Value {
    let mut config = read_json(exported().path(), CONFIG);
    let fields = config.as_object_mut().unwrap();
    if value.is_null() {
        fields.remove(key);
    } else {
        fields.insert(key.to_owned(), value);
    }
    config
}

#[test]
fn a_network_comes_back_from_a_folder() {
    for config in variants() {
        let weights = weights(&config);
        for format in [FloatFormat::F32, FloatFormat::F16, FloatFormat::BF16] {
            let folder = TempDir::new().unwrap();
            let options = HuggingFaceOptions {
                format,
                ..HuggingFaceOptions::default()
            };
            // A folder that is not there yet is made.
            let path = folder.path().join("model");
            save_hugging_face(&path, &config, &weights, &options).unwrap();
            let back = HuggingFaceFolder::open(&path).unwrap();
            let wanted = config.clone().with_rope_layout(RopeLayout::Half);
            assert_eq!(back.config(), &wanted);
            check_tensors(back.config(), &back).unwrap();
            let same = InRopeLayout::new(&back, back.config(), config.rope_layout);
            // The weights have seven bits, so no format loses any of them.
            assert_eq!(WeightMap::collect(&same).unwrap(), weights);
        }
    }
}

#[test]
fn a_file_is_converted_without_a_model() {
    let folder = TempDir::new().unwrap();
    let (gguf, hub) = (folder.path().join("a.gguf"), folder.path().join("hub"));
    let config = config();
    let weights = weights(&config);
    let options = GgufOptions {
        encoding: GgufEncoding::F32,
        ..GgufOptions::default()
    };
    save_gguf(&gguf, &config, &weights, &options).unwrap();
    let file = GgufFile::open(&gguf).unwrap();
    let read = CausalLmConfig::from_gguf(&file).unwrap();
    save_hugging_face(&hub, &read, &file, &HuggingFaceOptions::default()).unwrap();
    let back = HuggingFaceFolder::open(&hub).unwrap();
    assert_eq!(back.config(), &config);
    assert_eq!(WeightMap::collect(&back).unwrap(), weights);
}

#[test]
fn transformers_finds_what_it_asks_for() {
    let (folder, config) = (TempDir::new().unwrap(), config().with_rope_theta(1e5));
    let files = BTreeMap::from([("tokenizer.json".to_owned(), "{}".to_owned())]);
    let options = HuggingFaceOptions {
        format: FloatFormat::BF16,
        tokens: SpecialTokens {
            bos: Some(1),
            eos: Some(2),
            pad: None,
        },
        files,
    };
    save_hugging_face(folder.path(), &config, &weights(&config), &options).unwrap();
    let json = read_json(folder.path(), CONFIG);
    for (key, wanted) in [
        ("architectures", json!(["LlamaForCausalLM"])),
        ("model_type", json!("llama")),
        ("num_key_value_heads", json!(1)),
        ("head_dim", json!(16)),
        ("hidden_act", json!("silu")),
        ("rope_theta", json!(1e5)),
        ("tie_word_embeddings", json!(true)),
        ("torch_dtype", json!("bfloat16")),
        ("eos_token_id", json!(2)),
        ("pad_token_id", json!(null)),
    ] {
        assert_eq!(json[key], wanted, "{key}");
    }
    assert_eq!(
        read_json(folder.path(), "generation_config.json")["bos_token_id"],
        json!(1)
    );
    assert_eq!(read_json(folder.path(), "tokenizer.json"), json!({}));
    // Nothing temporary stays behind.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4);
    let bytes = std::fs::read(folder.path().join(WEIGHTS)).unwrap();
    let (header, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(header % 8, 0);
    let format = metadata.metadata().as_ref().unwrap();
    assert_eq!(format["format"], "pt");
    let qwen = config.with_qk_norm(true);
    save_hugging_face(folder.path(), &qwen, &weights(&qwen), &options).unwrap();
    assert_eq!(
        read_json(folder.path(), CONFIG)["model_type"],
        json!("qwen3")
    );
}

#[test]
fn a_further_file_replaces_none_of_the_model() {
    let (folder, config) = (TempDir::new().unwrap(), config());
    for name in [CONFIG, WEIGHTS, INDEX, "../up.json", "a/b", "", ".."] {
        let options = HuggingFaceOptions {
            files: BTreeMap::from([(name.to_owned(), String::new())]),
            ..HuggingFaceOptions::default()
        };
        let error = save_hugging_face(folder.path(), &config, &weights(&config), &options);
        assert!(matches!(error, Err(LmError::Write { .. })), "{name}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_save_that_fails_leaves_what_was_there() {
    let (folder, config) = (exported(), config());
    let before = std::fs::read(folder.path().join(WEIGHTS)).unwrap();
    let mut faulty = weights(&config);
    faulty
        .insert("model.norm.weight", vec![32], vec![1e5; 32])
        .unwrap();
    let options = HuggingFaceOptions {
        format: FloatFormat::F16,
        ..HuggingFaceOptions::default()
    };
    let error = save_hugging_face(folder.path(), &config, &faulty, &options).unwrap_err();
    assert!(error.to_string().contains("`model.norm.weight`"), "{error}");
    assert_eq!(std::fs::read(folder.path().join(WEIGHTS)).unwrap(), before);
    let untied = config.with_tie_embeddings(false);
    let error = save_hugging_face(folder.path(), &untied, &faulty, &options).unwrap_err();
    assert!(matches!(error, LmError::MissingTensor { .. }), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn every_truncation_is_an_error() {
    for name in [WEIGHTS, CONFIG] {
        let folder = exported();
        let file = File::options()
            .write(true)
            .open(folder.path().join(name))
            .unwrap();
        // The last byte of the configuration is the end of its last line.
        let length = file.metadata().unwrap().len() - u64::from(name == CONFIG);
        for length in (0..length).rev() {
            file.set_len(length).unwrap();
            let opened = HuggingFaceFolder::open(folder.path());
            assert!(
                matches!(opened, Err(LmError::Malformed { .. })),
                "{name} cut to {length}"
            );
        }
    }
}

#[test]
fn hostile_headers_are_refused() {
    let folder = exported();
    let refused = |length: u64, header: &str, data: usize| {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        std::fs::write(folder.path().join(WEIGHTS), bytes).unwrap();
        let error = HuggingFaceFolder::open(folder.path()).unwrap_err();
        assert!(matches!(error, LmError::Malformed { .. }), "{error}");
        assert!(error.to_string().contains(WEIGHTS), "{error}");
    };
    for length in [u64::MAX, 1 << 40, 99] {
        refused(length, "{}", 0);
    }
    let tensor = |body: &str, data| refused(body.len() as u64, body, data);
    tensor(
        r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
        4,
    );
    tensor(
        r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
        8,
    );
    tensor(
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        8,
    );
    tensor(
        r#"{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}"#,
        4,
    );
    tensor(
        r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#,
        0,
    );
    tensor(&"[".repeat(10_000), 0);
}

proptest! {
    #[test]
    fn flipped_bytes_are_an_error_or_harmless(at in 0usize..3000, flip in 1u8..) {
        let folder = exported();
        for name in [WEIGHTS, CONFIG] {
            let path = folder.path().join(name);
            let mut bytes = std::fs::read(&path).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            std::fs::write(&path, &bytes).unwrap();
            // The promise is that it returns.
            if let Ok(folder) = HuggingFaceFolder::open(folder.path()) {
                let _ = WeightMap::collect(&folder);
                let _ = check_tensors(folder.config(), &folder);
            }
        }
    }
}

/// Replaces the weights by shards that hold a tensor each.
fn shard(folder: &Path, shards: &[(&str, &str)]) -> Value {
    std::fs::remove_file(folder.join(WEIGHTS)).unwrap();
    let bytes = 0.5f32.to_le_bytes();
    for (file, tensor) in shards {
        let view = TensorView::new(Dtype::F32, vec![1], &bytes).unwrap();
        std::fs::write(
            folder.join(file),
            serialize([(tensor, view)], None).unwrap(),
        )
        .unwrap();
    }
    let map: BTreeMap<_, _> = shards.iter().map(|(file, tensor)| (tensor, file)).collect();
    let index = json!({"metadata": {"total_size": 4}, "weight_map": map});
    std::fs::write(folder.join(INDEX), index.to_string()).unwrap();
    index
}

#[test]
fn shards_are_read_as_one() {
    let folder = exported();
    shard(
        folder.path(),
        &[("a.safetensors", "x"), ("b.safetensors", "y")],
    );
    let opened = HuggingFaceFolder::open(folder.path()).unwrap();
    assert_eq!(opened.names(), ["x", "y"]);
    assert_eq!(opened.read("y").unwrap(), [0.5]);
    assert_eq!(opened.shape("y"), Some(vec![1]));
    assert_eq!(opened.shape("z"), None);
    assert!(matches!(
        opened.read("z"),
        Err(LmError::MissingTensor { .. })
    ));
}

#[test]
fn a_real_network_survives_sharding() {
    let folder = exported();
    let (path, config) = (folder.path(), config());
    let weights = weights(&config);
    std::fs::remove_file(path.join(WEIGHTS)).unwrap();
    let names = weights.names();
    let mut map = BTreeMap::new();
    for (index, names) in names.chunks(4).enumerate() {
        let file = format!("model-{index}.safetensors");
        let tensors = names.iter().map(|name| {
            let values = weights.read(name).unwrap();
            (name, weights.shape(name).unwrap(), values)
        });
        let tensors: Vec<_> = tensors
            .map(|(name, shape, values)| {
                let bytes: Vec<u8> = values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect();
                (name, shape, bytes)
            })
            .collect();
        let views = tensors.iter().map(|(name, shape, bytes)| {
            (
                name,
                TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap(),
            )
        });
        std::fs::write(path.join(&file), serialize(views, None).unwrap()).unwrap();
        map.extend(names.iter().map(|name| (name, file.clone())));
    }
    std::fs::write(path.join(INDEX), json!({"weight_map": map}).to_string()).unwrap();
    let opened = HuggingFaceFolder::open(path).unwrap();
    assert_eq!(WeightMap::collect(&opened).unwrap(), weights);
}

#[test]
fn an_index_stays_in_its_folder_and_fits_its_shards() {
    let folder = exported();
    let path = folder.path();
    let index = shard(path, &[("a.safetensors", "x"), ("b.safetensors", "y")]);
    let refused = |index: &Value| {
        std::fs::write(path.join(INDEX), index.to_string()).unwrap();
        HuggingFaceFolder::open(path).unwrap_err().to_string()
    };
    for outside in [
        "../a.safetensors",
        "/etc/passwd",
        "..",
        "",
        "sub/a.safetensors",
    ] {
        let refused = refused(&json!({"weight_map": {"x": outside}}));
        assert!(refused.contains("is no file of this folder"), "{refused}");
    }
    let absent = refused(&json!({"weight_map": {"x": "a.safetensors", "y": "none"}}));
    assert!(absent.contains("none"), "{absent}");
    let lost = refused(&json!({"weight_map": {"x": "a.safetensors", "z": "b.safetensors"}}));
    assert!(lost.contains("`z`"), "{lost}");
    assert!(refused(&json!({"weight_map": []})).contains(INDEX));
    let bytes = 0.5f32.to_le_bytes();
    let view = TensorView::new(Dtype::F32, vec![1], &bytes).unwrap();
    let both = serialize([("x", view.clone()), ("y", view)], None).unwrap();
    std::fs::write(path.join("b.safetensors"), both).unwrap();
    let twice = refused(&index);
    assert!(twice.contains("another shard"), "{twice}");
}

#[test]
fn number_formats_that_are_not_read_are_named() {
    let folder = exported();
    let bytes = 0.5f64.to_le_bytes();
    let view = TensorView::new(Dtype::F64, vec![1], &bytes).unwrap();
    let file = serialize([("model.norm.weight", view)], None).unwrap();
    std::fs::write(folder.path().join(WEIGHTS), file).unwrap();
    let opened = HuggingFaceFolder::open(folder.path()).unwrap();
    let error = opened.read("model.norm.weight").unwrap_err();
    assert!(
        matches!(&error, LmError::UnsupportedTensorType { tensor, seen, .. }
            if tensor == "model.norm.weight" && seen == "F64"),
        "{error}"
    );
}

#[test]
fn tensors_that_the_configuration_makes_redundant_are_passed_over() {
    let folder = exported();
    let redundant = "model.layers.0.self_attn.rotary_emb.inv_freq";
    shard(
        folder.path(),
        &[("a", redundant), ("b", "lm_head.weight"), ("c", "x")],
    );
    let opened = HuggingFaceFolder::open(folder.path()).unwrap();
    assert_eq!(opened.names(), ["x"]);
    let untied = with("tie_word_embeddings", json!(false));
    std::fs::write(folder.path().join(CONFIG), untied.to_string()).unwrap();
    let opened = HuggingFaceFolder::open(folder.path()).unwrap();
    assert_eq!(opened.names(), ["lm_head.weight", "x"]);
}

#[test]
fn the_rotation_is_read_where_each_version_of_transformers_puts_it() {
    let theta = |key: &str, value: Value| {
        let opened = opened_with(&with(key, value)).unwrap();
        opened.config().rope_theta
    };
    assert_eq!(theta("rope_theta", json!(5e5)).to_bits(), 5e5f64.to_bits());
    assert_eq!(
        theta("rope_theta", json!(500_000)).to_bits(),
        5e5f64.to_bits()
    );
    let nested = json!({"rope_theta": 2e4, "rope_type": "default", "partial_rotary_factor": 1});
    assert_eq!(theta("rope_parameters", nested).to_bits(), 2e4f64.to_bits());
    let plain = json!({"rope_type": "default"});
    assert_eq!(theta("rope_parameters", plain).to_bits(), 1e4f64.to_bits());
    assert_eq!(theta("rope_theta", Value::Null).to_bits(), 1e4f64.to_bits());
}

#[test]
fn fields_that_may_be_absent_have_the_defaults_of_transformers() {
    let opened = opened_with(&json!({
        "model_type": "llama", "vocab_size": 8, "hidden_size": 32, "intermediate_size": 64,
        "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 16,
        "rms_norm_eps": 1e-6, "head_dim": null,
    }));
    let wanted = CausalLmConfig::new(8, 32, 64, 1, 2, 2, 16)
        .with_context_length(16)
        .with_rms_norm_eps(1e-6)
        .with_tie_embeddings(false);
    assert_eq!(opened.unwrap().config(), &wanted);
}

#[test]
fn settings_that_are_not_supported_are_named() {
    for (key, value) in [
        (
            "rope_scaling",
            json!({"rope_type": "llama3", "factor": 8.0}),
        ),
        ("rope_scaling", json!({"type": "linear", "factor": 2.0})),
        (
            "rope_parameters",
            json!({"rope_type": "yarn", "rope_theta": 1e4}),
        ),
        (
            "rope_parameters",
            json!({"full_attention": {"rope_theta": 1e4}}),
        ),
        ("rope_parameters", json!({"rope_theta": "large"})),
        ("rope_parameters", json!({"partial_rotary_factor": 0.5})),
        ("partial_rotary_factor", json!(0.5)),
        ("attention_bias", json!(true)),
        ("mlp_bias", json!(true)),
        ("hidden_act", json!("gelu")),
        ("rope_interleaved", json!(true)),
        ("use_sliding_window", json!(true)),
        ("quantization_config", json!({"quant_method": "gptq"})),
    ] {
        let error = opened_with(&with(key, value.clone())).unwrap_err();
        assert!(
            matches!(&error, LmError::UnsupportedSetting { setting, .. } if setting.starts_with(key)),
            "{key}: {error}"
        );
        assert!(error.to_string().contains(CONFIG), "{error}");
    }
}

#[test]
fn architectures_that_are_not_read_are_named() {
    for (key, value, name) in [
        (
            "architectures",
            json!(["MistralForCausalLM"]),
            "MistralForCausalLM",
        ),
        (
            "architectures",
            json!(["LlamaForSequenceClassification"]),
            "LlamaForSequenceClassification",
        ),
        ("model_type", json!("gpt2"), "gpt2"),
    ] {
        let mut config = with(key, value);
        if key == "model_type" {
            config["architectures"] = json!(null);
        }
        let error = opened_with(&config).unwrap_err();
        assert!(
            matches!(&error, LmError::UnsupportedArchitecture { seen, .. } if seen == name),
            "{error}"
        );
    }
}

#[test]
fn illegal_configurations_are_refused_by_their_own_check() {
    for (key, value) in [
        ("num_key_value_heads", json!(3)),
        ("num_attention_heads", json!(0)),
        ("head_dim", json!(15)),
        ("rms_norm_eps", json!(-1.0)),
        ("num_hidden_layers", json!(1_000_000)),
        ("vocab_size", json!(u64::MAX)),
    ] {
        let error = opened_with(&with(key, value)).unwrap_err();
        assert!(matches!(error, LmError::Config(_)), "{key}: {error}");
    }
    for (key, value) in [
        ("vocab_size", json!(-1)),
        ("vocab_size", json!("8")),
        ("hidden_size", Value::Null),
        ("tie_word_embeddings", json!("yes")),
    ] {
        let error = opened_with(&with(key, value)).unwrap_err();
        assert!(matches!(error, LmError::Malformed { .. }), "{key}: {error}");
        assert!(error.to_string().contains(CONFIG), "{error}");
    }
}

#[test]
fn missing_files_are_named() {
    let folder = exported();
    for (name, missing) in [(WEIGHTS, WEIGHTS), (CONFIG, CONFIG)] {
        std::fs::remove_file(folder.path().join(name)).unwrap();
        let error = HuggingFaceFolder::open(folder.path()).unwrap_err();
        assert!(matches!(error, LmError::Read { .. }), "{error}");
        assert!(error.to_string().contains(missing), "{error}");
    }
}
