use std::collections::BTreeSet;
use std::fmt;

use tokenizers::Tokenizer;

use super::control_tokens::{ControlTokens, Roles};
use super::definition::Definition;
use crate::causal_lm::{ChatTemplate, LmError};

/// The tokenizer of a language model: byte-pair encoding, as a GGUF file or a `tokenizer.json` holds it.
///
/// | from | with |
/// |---|---|
/// | a GGUF file | [`from_gguf`](Self::from_gguf) |
/// | the folder of a Hugging Face checkpoint | [`from_folder`](Self::from_folder), [`from_file`](Self::from_file) |
/// | nothing | [`bytes`](Self::bytes), a token a byte |
///
/// [`encode`](Self::encode) reads control tokens such as `<|im_end|>` where they are written, so it is for text that
/// the program wrote. What a user or a file wrote goes through [`encode_untrusted`](Self::encode_untrusted), which
/// makes ordinary tokens of everything. Neither adds a token before or after the text.
///
/// # Edge cases
///
/// A byte-level vocabulary need not have all bytes: SmolLM2's lacks six ASCII control characters (4, 6, 19, 20, 22 and
/// 29) and the bytes that begin characters of planes 4 to 11. They vanish from a text that is encoded.
///
/// ```
/// use candor_models::causal_lm::LmTokenizer;
///
/// let tokenizer = LmTokenizer::bytes()?;
/// assert_eq!(tokenizer.encode("hi<|im_end|>")?, [104, 105, 258]);
/// assert_eq!(tokenizer.encode_untrusted("hi<|im_end|>")?.len(), 12);
/// assert_eq!(tokenizer.decode(&[104, 105, 258])?, "hi<|im_end|>");
/// assert_eq!(tokenizer.stop_ids(), [256, 258]);
/// # Ok::<(), candor_models::causal_lm::LmError>(())
/// ```
#[derive(Clone)]
pub struct LmTokenizer {
    pub(super) trusted: Tokenizer,
    untrusted: Tokenizer,
    pub(super) control: ControlTokens,
    /// In Jinja, as files hold it.
    pub(super) template: Option<String>,
    vocab_size: usize,
}

impl LmTokenizer {
    /// Builds the pair of tokenizers.
    ///
    /// # Errors
    ///
    /// What is wrong with the definition, in one line.
    pub(super) fn new(
        definition: Definition,
        roles: Roles,
        template: Option<String>,
    ) -> Result<Self, String> {
        Ok(Self {
            vocab_size: definition.vocab_size(),
            control: ControlTokens::new(&definition, roles),
            untrusted: definition.clone().without_added_tokens()?.build()?,
            trusted: definition.build()?,
            template,
        })
    }

    /// Token ids of a text that the program wrote; control tokens in it become their ids.
    ///
    /// # Errors
    ///
    /// A model whose unknown token is missing, which a checked file has not.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, LmError> {
        encode(&self.trusted, text)
    }

    /// Token ids of a text that somebody else wrote: no part of it becomes a control token.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    pub fn encode_untrusted(&self, text: &str) -> Result<Vec<u32>, LmError> {
        encode(&self.untrusted, text)
    }

    /// The text of tokens, control tokens written out.
    ///
    /// Bytes that are no UTF-8 become `U+FFFD`. Text that came through
    /// [`encode_untrusted`](Self::encode_untrusted) stays untrusted when it is decoded.
    ///
    /// # Errors
    ///
    /// An id outside the vocabulary.
    pub fn decode(&self, ids: &[u32]) -> Result<String, LmError> {
        self.check_ids(ids)?;
        self.trusted.decode(ids, false).map_err(LmError::tokenizer)
    }

    /// The text of tokens without the control tokens.
    ///
    /// # Errors
    ///
    /// An id outside the vocabulary.
    pub fn decode_without_control(&self, ids: &[u32]) -> Result<String, LmError> {
        let ordinary = ids.iter().copied().filter(|&id| !self.is_control(id));
        self.decode(&ordinary.collect::<Vec<_>>())
    }

    /// How many ids there are, the largest and one.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// The token of an id, in the alphabet of the vocabulary.
    pub fn token(&self, id: u32) -> Option<String> {
        self.trusted.id_to_token(id)
    }

    /// The id of a token, in the alphabet of the vocabulary.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.trusted.token_to_id(token)
    }

    /// The token that begins a text, if the model has one.
    pub fn bos(&self) -> Option<u32> {
        self.control.roles.bos
    }

    /// The token that ends a text, if the model has one.
    pub fn eos(&self) -> Option<u32> {
        self.control.roles.eos
    }

    /// The token that fills up batches, if the model has one.
    pub fn pad(&self) -> Option<u32> {
        self.control.roles.pad
    }

    /// The token for what is not known, if the model has one.
    pub fn unk(&self) -> Option<u32> {
        self.control.roles.unk
    }

    /// The ids of all control tokens.
    pub fn control_ids(&self) -> &BTreeSet<u32> {
        &self.control.ids
    }

    /// Whether an id is a control token.
    pub fn is_control(&self, id: u32) -> bool {
        self.control.ids.contains(&id)
    }

    /// The ids after which a text is over, in ascending order.
    pub fn stop_ids(&self) -> Vec<u32> {
        self.control.stop.iter().copied().collect()
    }

    /// How a conversation is written for this model.
    ///
    /// # Errors
    ///
    /// A model without a template, or with one that is not of the ChatML family.
    pub fn chat_template(&self) -> Result<ChatTemplate, LmError> {
        let reason = match self.template_text().map(ChatTemplate::parse) {
            Some(Some(template)) => return Ok(template),
            Some(None) => "is not of the ChatML family, and Candor has no Jinja engine",
            None => "does not exist: the model was not made for conversations",
        };
        Err(LmError::ChatTemplate { reason })
    }

    /// The template as the model's file holds it, in Jinja.
    pub fn template_text(&self) -> Option<&str> {
        self.template.as_deref()
    }

    pub(super) fn check_ids(&self, ids: &[u32]) -> Result<(), LmError> {
        let outside = ids.iter().find(|&&id| id as usize >= self.vocab_size);
        outside.map_or(Ok(()), |&id| {
            Err(LmError::TokenOutOfRange {
                token: id.into(),
                vocab_size: self.vocab_size,
            })
        })
    }
}

impl fmt::Debug for LmTokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LmTokenizer")
            .field("vocab_size", &self.vocab_size)
            .field("control", &self.control)
            .finish_non_exhaustive()
    }
}

fn encode(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>, LmError> {
    let encoding = tokenizer
        .encode_fast(text, false)
        .map_err(LmError::tokenizer)?;
    Ok(encoding.get_ids().to_vec())
}
