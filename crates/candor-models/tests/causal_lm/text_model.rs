use burn::tensor::Device;
use candor_models::causal_lm::generation::{
    CausalTextModel, SamplingConfig, ScriptedTextModel, StopReason, TextModel,
};
use candor_models::causal_lm::{CausalLmConfig, LmError, LmTokenizer, Message};

fn tiny() -> CausalTextModel {
    let model = CausalLmConfig::tiny()
        .init_seeded(&Device::flex(), 0)
        .unwrap();
    CausalTextModel::new(&model, LmTokenizer::bytes().unwrap()).unwrap()
}

/// Draws from a model that knows nothing: any byte.
fn drawn() -> SamplingConfig {
    SamplingConfig::new()
        .with_max_new_tokens(40)
        .with_temperature(1.0)
        .with_seed(2)
}

#[test]
fn a_text_is_that_of_its_tokens_and_ends_with_its_budget() {
    let mut model = tiny();
    let generation = model.complete("Once", &drawn()).unwrap();
    assert_eq!(generation.ids.len(), 40);
    assert_eq!(generation.stop, StopReason::Budget);
    let decoded = model
        .tokenizer()
        .decode_without_control(&generation.ids)
        .unwrap();
    assert_eq!(generation.text, decoded);
    assert_eq!(model.complete("Once", &drawn()).unwrap(), generation);
}

#[test]
fn a_stop_string_ends_the_text_before_it() {
    let mut model = tiny();
    let free = model.complete("Once", &drawn()).unwrap().text;
    let (start, _) = free.char_indices().nth(5).unwrap();
    let stop: String = free[start..].chars().take(2).collect();
    let sampling = drawn().with_stop_strings(vec!["not in it".to_owned(), stop.clone()]);
    let cut = model.complete("Once", &sampling).unwrap();
    assert_eq!(cut.text, free[..free.find(&stop).unwrap()]);
    assert_eq!(cut.stop, StopReason::Text);
    assert!(cut.ids.len() < 40);
}

#[test]
fn a_stop_token_ends_the_text_and_is_not_part_of_it() {
    let mut model = tiny();
    let free = model.complete("Once", &drawn()).unwrap();
    let stop = free.ids[7];
    let stopped = model
        .complete("Once", &drawn().with_stop_ids(vec![stop]))
        .unwrap();
    let end = free.ids.iter().position(|&id| id == stop).unwrap();
    assert_eq!(stopped.ids, free.ids[..=end]);
    assert_eq!(stopped.stop, StopReason::Token);
    let kept = model
        .tokenizer()
        .decode_without_control(&free.ids[..end])
        .unwrap();
    assert_eq!(stopped.text, kept);
}

#[test]
fn a_conversation_is_answered_by_a_model_that_was_made_for_them_only() {
    let mut model = tiny();
    let answer = model.generate(&[Message::user("Hi")], &drawn());
    // Bytes alone have no template.
    assert_eq!(answer.is_ok(), model.tokenizer().chat_template().is_ok());
}

#[test]
fn a_likelihood_is_the_sum_and_mean_of_its_tokens() {
    let likelihood = tiny().log_likelihood("abcd").unwrap();
    assert_eq!(likelihood.tokens.len(), 3);
    assert!(likelihood.sum() < 0.0);
    assert!((likelihood.mean() * 3.0 - likelihood.sum()).abs() < 1e-12);
    assert!(matches!(
        tiny().log_likelihood("a"),
        Err(LmError::TooFewTokens { .. })
    ));
    assert!(matches!(
        tiny().complete("", &drawn()),
        Err(LmError::EmptyPrompt)
    ));
}

#[test]
fn a_tokenizer_with_more_ids_than_the_model_is_refused() {
    let config = CausalLmConfig {
        vocab_size: 100,
        ..CausalLmConfig::tiny()
    };
    let model = config.init(&Device::flex()).unwrap();
    let refused = CausalTextModel::new(&model, LmTokenizer::bytes().unwrap());
    assert!(matches!(
        refused,
        Err(LmError::TokenOutOfRange {
            vocab_size: 100,
            ..
        })
    ));
}

#[test]
fn a_script_answers_its_cues_in_order_and_nothing_else() {
    let mut script = ScriptedTextModel::new()
        .with_reply("red", "a colour")
        .with_reply("r", "a letter");
    let mut ask =
        |text: &str| script.generate(&[Message::system("red"), Message::user(text)], &drawn());
    assert_eq!(ask("a red car").unwrap().text, "a colour");
    assert_eq!(ask("a car").unwrap().text, "a letter");
    assert!(matches!(ask("a bus"), Err(LmError::Unscripted { text }) if text == "a bus"));
    assert!(matches!(
        script.generate(&[], &drawn()),
        Err(LmError::EmptyPrompt)
    ));
}
