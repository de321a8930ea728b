//! Text: the chat template, the byte alphabet and the tokenizer.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use burn::tensor::Device;
use candor_models::causal_lm::{
    ChatTemplate, GgufFile, LmError, LmTokenizer, Message, byte_alphabet,
};
use candor_testkit::golden::{Case, OpResult, Outputs};

pub(crate) fn lm_chat_template(case: &Case, _: &Device) -> OpResult {
    let messages: Vec<Message> = serde_json::from_value(case.value("messages").clone())?;
    let text = ChatTemplate::smollm2().render(&messages, case.flag("add_generation_prompt"));
    Ok(Outputs::new().json("text", text))
}

#[allow(clippy::unnecessary_wraps)] // all operators have one shape
pub(crate) fn lm_byte_map(_: &Case, _: &Device) -> OpResult {
    let codes = byte_alphabet().map(|character| f64::from(u32::from(character)));
    Ok(Outputs::new().values("codepoints", codes))
}

pub(crate) fn lm_tokenize(case: &Case, _: &Device) -> OpResult {
    let tokenizer = tokenizer(case.required_file())?;
    let ids = tokenizer.encode(case.text("text"))?;
    let decoded = tokenizer.decode(&ids)?;
    Ok(Outputs::new().json("ids", ids).json("decoded", decoded))
}

/// Built once: a vocabulary takes longer to read than to use.
fn tokenizer(path: PathBuf) -> Result<LmTokenizer, LmError> {
    static BUILT: Mutex<Option<(PathBuf, LmTokenizer)>> = Mutex::new(None);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((known, tokenizer)) = &*built
        && *known == path
    {
        return Ok(tokenizer.clone());
    }
    let tokenizer = LmTokenizer::from_gguf(&GgufFile::open(&path)?)?;
    *built = Some((path, tokenizer.clone()));
    Ok(tokenizer)
}
