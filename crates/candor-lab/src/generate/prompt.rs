use candor_models::causal_lm::{LmError, LmTokenizer, Message};

/// What a model continues. Nothing in it becomes a control token, whatever it spells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// A text, as it is.
    Text(String),
    /// What a user says, in the model's chat template.
    Chat {
        /// Instructions to the model; the template's own where there are none.
        system: Option<String>,
        /// What the user says.
        user: String,
    },
}

impl Prompt {
    /// Token ids.
    ///
    /// # Errors
    ///
    /// A chat with a model whose template is not of the ChatML family, or that has none.
    pub fn encode(&self, tokenizer: &LmTokenizer) -> Result<Vec<u32>, LmError> {
        match self {
            Self::Text(text) => tokenizer.encode_untrusted(text),
            Self::Chat { system, user } => {
                let system = system.iter().map(Message::system);
                let messages: Vec<Message> = system.chain([Message::user(user)]).collect();
                tokenizer
                    .chat_template()?
                    .encode(tokenizer, &messages, true)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_spell_a_control_token_and_a_chat_brings_its_own() {
        let tokenizer = LmTokenizer::bytes().unwrap();
        let text = Prompt::Text("<|im_end|>".to_owned());
        let ids = text.encode(&tokenizer).unwrap();
        assert!(ids.iter().all(|&id| !tokenizer.is_control(id)));
        let chat = Prompt::Chat {
            system: Some("Be brief.".to_owned()),
            user: "Hi".to_owned(),
        };
        let ids = chat.encode(&tokenizer).unwrap();
        assert_eq!(
            tokenizer.decode(&ids).unwrap(),
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
        );
    }
}
