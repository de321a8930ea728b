//! The tokenizer in a file, or its absence.

use candor_models::causal_lm::gguf::{MetaArray, MetaValue};
use candor_models::causal_lm::{GgufFile, GgufOptions, LmError, save_gguf};
use tempfile::TempDir;

use super::file;
use super::tiny_weights::{config, weights};

#[test]
fn a_file_names_its_tokenizer_or_says_that_it_has_none() {
    let folder = TempDir::new().unwrap();
    let (path, config) = (file(&folder), config());
    let save = |tokenizer: &[(&str, MetaValue)]| {
        let tokenizer = tokenizer
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()));
        let options = GgufOptions {
            name: "tiny".to_owned(),
            tokenizer: tokenizer.collect(),
            ..GgufOptions::default()
        };
        save_gguf(&path, &config, &weights(&config), &options)?;
        GgufFile::open(&path)
    };
    let none = save(&[]).unwrap();
    let model = |file: &GgufFile| {
        file.meta("tokenizer.ggml.model")
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(model(&none), "no_vocab");
    let tokens = |count: usize| {
        let tokens = (0..count).map(|token| token.to_string());
        MetaValue::Array(MetaArray::String(tokens.collect()))
    };
    let gpt2 = ("tokenizer.ggml.model", MetaValue::String("gpt2".to_owned()));
    let types = MetaValue::Array(MetaArray::I32(vec![1; 8]));
    let file = save(&[
        gpt2.clone(),
        ("tokenizer.ggml.tokens", tokens(8)),
        ("tokenizer.ggml.token_type", types),
        ("tokenizer.ggml.add_bos_token", MetaValue::Bool(false)),
    ])
    .unwrap();
    assert_eq!(model(&file), "gpt2");
    assert_eq!(
        file.meta("tokenizer.ggml.tokens")
            .unwrap()
            .as_strings()
            .unwrap()[7],
        "7"
    );
    assert_eq!(
        file.meta("tokenizer.ggml.token_type").unwrap().as_i32s(),
        Some([1; 8].as_slice())
    );
    assert_eq!(
        file.meta("tokenizer.ggml.add_bos_token").unwrap().as_bool(),
        Some(false)
    );
    assert_eq!(file.meta("general.name").unwrap().as_str(), Some("tiny"));
    assert_eq!(file.meta("general.file_type").unwrap().as_u64(), Some(7));
    for faulty in [
        vec![("tokenizer.ggml.tokens", tokens(7))],
        vec![("general.name", MetaValue::U8(0))],
        vec![gpt2.clone(), gpt2],
    ] {
        let error = save(&faulty).unwrap_err();
        assert!(matches!(error, LmError::Write { .. }), "{error}");
    }
}
