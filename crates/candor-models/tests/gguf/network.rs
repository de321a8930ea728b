//! A network as a file: it comes back, near when it was quantised, and a save that fails changes nothing.

use candor_models::causal_lm::gguf::{GgmlType, GgufEncoding};
use candor_models::causal_lm::weights::{InRopeLayout, WeightMap, check_tensors};
use candor_models::causal_lm::{
    CausalLmConfig, GgufFile, GgufOptions, LmError, RopeLayout, WeightSource, save_gguf,
};
use tempfile::TempDir;

use super::pieces::{F32, Pieces};
use super::tiny_weights::{config, variants, weights};
use super::{exported, file, open};

fn options(encoding: GgufEncoding) -> GgufOptions {
    GgufOptions {
        encoding,
        ..GgufOptions::default()
    }
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
