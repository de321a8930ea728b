use super::control_tokens::Roles;
use super::definition::{AddedToken, Definition};
use super::{LmTokenizer, byte_alphabet};
use crate::causal_lm::{ChatTemplate, LmError};

const END_OF_TEXT: u32 = 256;
const MESSAGE_START: u32 = 257;
const MESSAGE_END: u32 = 258;
const PADDING: u32 = 259;

impl LmTokenizer {
    /// The tokenizer of [`CausalLmConfig::tiny`](crate::causal_lm::CausalLmConfig::tiny): every byte is a token.
    ///
    /// Ids 0 to 255 are the bytes, 256 `<|endoftext|>`, 257 `<|im_start|>` (beginning of text), 258 `<|im_end|>` (end
    /// of text) and 259 `<|pad|>`. It needs no file, knows every text, and takes ChatML without a default system text.
    ///
    /// ```
    /// use candor_models::causal_lm::LmTokenizer;
    ///
    /// let tokenizer = LmTokenizer::bytes()?;
    /// assert_eq!(tokenizer.encode("é<|im_end|>")?, [0xC3, 0xA9, 258]);
    /// # Ok::<(), candor_models::causal_lm::LmError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// None; other tokenizers can fail to be built, and so has the type of the result.
    pub fn bytes() -> Result<Self, LmError> {
        let control = [
            (END_OF_TEXT, "<|endoftext|>"),
            (MESSAGE_START, "<|im_start|>"),
            (MESSAGE_END, "<|im_end|>"),
            (PADDING, "<|pad|>"),
        ];
        let bytes = byte_alphabet().map(String::from).into_iter().zip(0..);
        let added = control.map(|(id, content)| AddedToken::new(id, content, true));
        let names = control.map(|(id, content)| (content.to_owned(), id));
        let definition =
            Definition::byte_level(bytes.chain(names).collect(), Vec::new(), added.into());
        let roles = Roles {
            bos: Some(MESSAGE_START),
            eos: Some(MESSAGE_END),
            pad: Some(PADDING),
            unk: None,
        };
        let template = Some(ChatTemplate::chatml().to_jinja());
        Self::new(definition, roles, template).map_err(LmError::tokenizer)
    }
}
