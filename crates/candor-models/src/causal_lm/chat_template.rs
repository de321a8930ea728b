use serde::{Deserialize, Serialize};

use super::{LmError, LmTokenizer};

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks: `system`, `user`, `assistant`, or what else the model was trained on.
    pub role: String,
    /// What is said.
    pub content: String,
}

impl Message {
    /// A turn.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            role: role.into(),
            content: content.into(),
        }
    }

    /// Instructions to the model.
    pub fn system(content: impl Into<String>) -> Self {
        Self::new(SYSTEM, content)
    }

    /// What the user says.
    pub fn user(content: impl Into<String>) -> Self {
        Self::new("user", content)
    }

    /// What the model said.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self::new(ASSISTANT, content)
    }
}

/// How a conversation becomes one text: ChatML, with or without a default system text.
///
/// Each message is `<|im_start|>{role}\n{content}<|im_end|>\n`. Where there is a default system text and the first
/// message is not a system one, it comes first. A prompt for the model to answer ends with
/// `<|im_start|>assistant\n`. Templates of this family are recognised in Jinja; there is no engine for others.
///
/// ```
/// use candor_models::causal_lm::{ChatTemplate, Message};
///
/// let text = ChatTemplate::chatml().render(&[Message::user("Hi")], true);
/// assert_eq!(text, "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatTemplate {
    default_system: Option<String>,
}

const START: &str = "<|im_start|>";
const END: &str = "<|im_end|>";
const SYSTEM: &str = "system";
const ASSISTANT: &str = "assistant";

impl ChatTemplate {
    /// ChatML without a default system text.
    pub fn chatml() -> Self {
        Self {
            default_system: None,
        }
    }

    /// SmolLM2's: ChatML with a system text of its own.
    pub fn smollm2() -> Self {
        let system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face";
        Self {
            default_system: Some(system.to_owned()),
        }
    }

    /// Recognises a template of this family, as models carry it in Jinja; `None` for any other.
    pub fn parse(jinja: &str) -> Option<Self> {
        let text = normalise(jinja);
        let inner = text.strip_prefix(LOOP)?.strip_suffix(BODY)?;
        if inner.is_empty() {
            return Some(Self::chatml());
        }
        let system = inner
            .strip_prefix(SYSTEM_BEFORE)?
            .strip_suffix(SYSTEM_AFTER)?;
        // A quote or a brace would end the text that Jinja prints.
        let plain = !system.contains(['\'', '{', '}', '\\']);
        plain.then(|| Self {
            default_system: Some(system.to_owned()),
        })
    }

    /// The template in Jinja, as other libraries read it.
    pub fn to_jinja(&self) -> String {
        let system = self.default_system.as_ref();
        let system = system.map(|text| format!("{SYSTEM_BEFORE}{text}{SYSTEM_AFTER}"));
        format!("{LOOP}{}{BODY}", system.unwrap_or_default())
    }

    /// One text of a conversation, with the beginning of an answer where one is asked for.
    ///
    /// Content is not escaped: `<|im_end|>` in it ends the message. Use [`encode`](Self::encode) for what others
    /// wrote.
    pub fn render(&self, messages: &[Message], add_generation_prompt: bool) -> String {
        let parts = self.parts(messages, add_generation_prompt).into_iter();
        let text = |part| match part {
            Part::Start => START.to_owned(),
            Part::End => END.to_owned(),
            Part::Text(text) => text,
        };
        parts.map(text).collect()
    }

    /// Token ids of a conversation, its markers as control tokens and everything said as ordinary ones.
    ///
    /// The ids are those of [`render`](Self::render), unless a role or a content has control tokens written in it.
    ///
    /// # Errors
    ///
    /// A tokenizer without the control tokens `<|im_start|>` and `<|im_end|>`.
    pub fn encode(
        &self,
        tokenizer: &LmTokenizer,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<Vec<u32>, LmError> {
        let marker = |token| {
            let id = tokenizer.id(token).filter(|&id| tokenizer.is_control(id));
            let reason =
                "needs the control tokens <|im_start|> and <|im_end|>, which the tokenizer lacks";
            id.ok_or(LmError::ChatTemplate { reason })
        };
        let (start, end) = (marker(START)?, marker(END)?);
        let mut ids = Vec::new();
        for part in self.parts(messages, add_generation_prompt) {
            match part {
                Part::Start => ids.push(start),
                Part::End => ids.push(end),
                Part::Text(text) => ids.extend(tokenizer.encode_untrusted(&text)?),
            }
        }
        Ok(ids)
    }

    fn parts(&self, messages: &[Message], add_generation_prompt: bool) -> Vec<Part> {
        let first_role = messages.first().map(|message| message.role.as_str());
        let system = self
            .default_system
            .as_ref()
            .filter(|_| first_role.is_some_and(|role| role != SYSTEM))
            .map(Message::system);
        let mut parts = Vec::new();
        for Message { role, content } in system.iter().chain(messages) {
            let said = Part::Text(format!("{role}\n{content}"));
            parts.extend([Part::Start, said, Part::End, Part::Text("\n".to_owned())]);
        }
        if add_generation_prompt {
            parts.extend([Part::Start, Part::Text(format!("{ASSISTANT}\n"))]);
        }
        parts
    }
}

/// A conversation, cut where control tokens stand.
enum Part {
    Start,
    End,
    Text(String),
}

const LOOP: &str = "{% for message in messages %}";
const SYSTEM_BEFORE: &str =
    "{% if loop.first and messages[0]['role'] != 'system' %}{{'<|im_start|>system\n";
const SYSTEM_AFTER: &str = "<|im_end|>\n'}}{% endif %}";
const BODY: &str = "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}\
    {% endfor %}{% if add_generation_prompt %}{{'<|im_start|>assistant\n'}}{% endif %}";

/// One spelling for what means the same: escapes, quotes, trimming, and spaces in braces.
fn normalise(jinja: &str) -> String {
    [
        ("\\n", "\n"),
        ("\"", "'"),
        ("{%- ", "{% "),
        (" -%}", " %}"),
        ("{{- ", "{{ "),
        (" -}}", " }}"),
        ("{{ ", "{{"),
        (" }}", "}}"),
        (
            "'<|im_end|>\n'}}{% endfor",
            "'<|im_end|>' + '\n'}}{% endfor",
        ),
    ]
    .into_iter()
    .fold(jinja.trim().to_owned(), |text, (from, to)| {
        text.replace(from, to)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_recognised_as_they_are_written() {
        for template in [ChatTemplate::chatml(), ChatTemplate::smollm2()] {
            assert_eq!(ChatTemplate::parse(&template.to_jinja()), Some(template));
        }
    }

    #[test]
    fn another_spelling_of_the_same_template_is_recognised() {
        let text = r#"{%- for message in messages -%}{{- "<|im_start|>" + message["role"] + "\n" + message["content"] + "<|im_end|>\n" -}}{%- endfor -%}{%- if add_generation_prompt -%}{{- "<|im_start|>assistant\n" -}}{%- endif -%}"#;
        assert_eq!(ChatTemplate::parse(text), Some(ChatTemplate::chatml()));
    }

    #[test]
    fn a_template_that_does_anything_else_is_not() {
        let llama = "{% for message in messages %}{{'[INST] ' + message['content'] + ' [/INST]'}}{% endfor %}";
        assert_eq!(ChatTemplate::parse(llama), None);
        assert_eq!(ChatTemplate::parse(""), None);
        let smollm2 = ChatTemplate::smollm2().to_jinja();
        for (from, to) in [
            ("Hugging Face", "' + date + '"),
            ("{% endfor %}", "{{eos_token}}{% endfor %}"),
            ("assistant\n", "bot\n"),
            ("{% for", "{{bos_token}}{% for"),
        ] {
            let other = smollm2.replace(from, to);
            assert_ne!(other, smollm2);
            assert_eq!(ChatTemplate::parse(&other), None, "{other}");
        }
    }

    #[test]
    fn an_empty_conversation_is_only_the_beginning_of_an_answer() {
        let template = ChatTemplate::smollm2();
        assert_eq!(template.render(&[], true), "<|im_start|>assistant\n");
        assert_eq!(template.render(&[], false), "");
    }
}
