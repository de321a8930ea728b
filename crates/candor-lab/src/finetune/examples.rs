use std::path::Path;

use candor_data::DataError;
use candor_models::causal_lm::{ChatTemplate, LmError, LmTokenizer, Message};

use super::rows::{Row, RowText, Rows, is_answer};
use super::settings::Format;
use crate::run::RunError;

/// Something to learn: token ids, of which those after the prompt count.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Example {
    /// The line it comes from.
    pub(super) line: u64,
    /// Prompt, answer, and the token that ends the answer.
    pub(super) ids: Vec<u32>,
    /// How many of the ids are the prompt's, at least one.
    pub(super) prompt: usize,
    /// The last thing said before the answer.
    pub(super) asked: String,
    /// The answer.
    pub(super) answer: String,
}

impl Example {
    /// How many tokens are learned.
    pub(super) fn answer_tokens(&self) -> usize {
        self.ids.len() - self.prompt
    }

    /// Token ids of the prompt.
    pub(super) fn prompt_ids(&self) -> &[u32] {
        &self.ids[..self.prompt]
    }
}

/// How rows become token ids.
#[derive(Debug, Clone)]
pub(super) struct Encoder {
    tokenizer: LmTokenizer,
    /// None for plain texts.
    template: Option<ChatTemplate>,
    /// What ends an answer.
    end: u32,
    vocab_size: usize,
    max_tokens: usize,
}

impl Encoder {
    /// An encoder for a model with this vocabulary.
    pub(super) fn new(
        tokenizer: &LmTokenizer,
        format: Format,
        vocab_size: usize,
        max_tokens: usize,
    ) -> Result<Self, LmError> {
        let template = match format {
            Format::Plain => None,
            Format::Chat => Some(tokenizer.chat_template()?),
            Format::Auto => tokenizer.chat_template().ok(),
        };
        let end = match template {
            Some(_) => tokenizer.id(END_OF_MESSAGE),
            None => tokenizer.eos(),
        };
        Ok(Self {
            end: end.ok_or_else(|| LmError::Tokenizer {
                reason: "it has no token that ends a text, so no answer could end".to_owned(),
            })?,
            tokenizer: tokenizer.clone(),
            template,
            vocab_size,
            max_tokens,
        })
    }

    /// Everything that some rows teach; a conversation teaches each of the assistant's turns.
    pub(super) fn examples(&self, rows: &Rows) -> Result<Vec<Vec<Example>>, RunError> {
        let of_row = |row: &Row| {
            let examples = match (&row.text, &self.template) {
                (RowText::Pair { prompt, answer }, None) => {
                    let ids = self.tokenizer.encode_untrusted(prompt)?;
                    vec![self.example(row.line, ids, prompt, answer)?]
                }
                (RowText::Pair { prompt, answer }, Some(template)) => {
                    vec![self.turn(row.line, template, &[Message::user(prompt)], answer)?]
                }
                (RowText::Conversation(messages), Some(template)) => {
                    self.turns(row.line, template, messages)?
                }
                (RowText::Conversation(_), None) => {
                    let problem = "needs the format `chat` and a model with a chat template";
                    return Err(field(&rows.file, row, problem.to_owned()));
                }
            };
            self.check(&rows.file, row, &examples)?;
            Ok(examples)
        };
        rows.rows.iter().map(of_row).collect()
    }

    fn turns(
        &self,
        line: u64,
        template: &ChatTemplate,
        messages: &[Message],
    ) -> Result<Vec<Example>, LmError> {
        let answers = messages.iter().enumerate();
        answers
            .filter(|(_, message)| is_answer(message))
            .map(|(at, answer)| self.turn(line, template, &messages[..at], &answer.content))
            .collect()
    }

    /// The tokens of the prompt are those that a model is given when it is asked, so answer and prompt are encoded
    /// apart: together, a token could lie across the border.
    fn turn(
        &self,
        line: u64,
        template: &ChatTemplate,
        before: &[Message],
        answer: &str,
    ) -> Result<Example, LmError> {
        let ids = template.encode(&self.tokenizer, before, true)?;
        let asked = before.last().map_or("", |message| &message.content);
        self.example(line, ids, asked, answer)
    }

    fn example(
        &self,
        line: u64,
        prompt: Vec<u32>,
        asked: &str,
        answer: &str,
    ) -> Result<Example, LmError> {
        let length = prompt.len();
        let mut ids = prompt;
        ids.extend(self.tokenizer.encode_untrusted(answer)?);
        ids.push(self.end);
        Ok(Example {
            line,
            ids,
            prompt: length,
            asked: asked.to_owned(),
            answer: answer.to_owned(),
        })
    }

    fn check(&self, file: &Path, row: &Row, examples: &[Example]) -> Result<(), RunError> {
        for example in examples {
            let length = example.ids.len();
            if length > self.max_tokens {
                let limit = self.max_tokens;
                let problem = format!(
                    "is too long: {length} tokens with its prompt, the limit is {limit}; shorten the row, or raise \
                     max_tokens up to the model's context"
                );
                return Err(field(file, row, problem));
            }
            if example.prompt == 0 {
                return Err(field(file, row, "has a prompt without a token".to_owned()));
            }
            let outside = |&&id: &&u32| id as usize >= self.vocab_size;
            if let Some(&token) = example.ids.iter().find(outside) {
                return Err(RunError::LanguageModel(LmError::TokenOutOfRange {
                    token: token.into(),
                    vocab_size: self.vocab_size,
                }));
            }
        }
        Ok(())
    }
}

/// What ends a message in ChatML, the one family of templates that there is.
const END_OF_MESSAGE: &str = "<|im_end|>";

fn field(file: &Path, row: &Row, problem: String) -> RunError {
    RunError::Data(DataError::Field {
        file: file.to_owned(),
        line: row.line,
        field: match row.text {
            RowText::Pair { .. } => "answer",
            RowText::Conversation(_) => "messages",
        },
        problem,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoder(format: Format, max_tokens: usize) -> Encoder {
        Encoder::new(&LmTokenizer::bytes().unwrap(), format, 260, max_tokens).unwrap()
    }

    fn rows(text: RowText) -> Rows {
        Rows {
            file: "rows.jsonl".into(),
            rows: vec![Row { line: 7, text }],
        }
    }

    fn pair() -> Rows {
        rows(RowText::Pair {
            prompt: "hi".to_owned(),
            answer: "yo".to_owned(),
        })
    }

    #[test]
    fn a_plain_answer_follows_its_prompt_and_ends() {
        let examples = encoder(Format::Plain, 5).examples(&pair()).unwrap();
        let [example] = &examples[0][..] else {
            panic!("{examples:?}")
        };
        assert_eq!(example.ids, [104, 105, 121, 111, 258]);
        assert_eq!((example.prompt, example.answer_tokens()), (2, 3));
    }

    #[test]
    fn a_chat_has_the_prompt_that_a_model_is_asked_with() {
        let tokenizer = LmTokenizer::bytes().unwrap();
        let examples = encoder(Format::Auto, 512).examples(&pair()).unwrap();
        let example = &examples[0][0];
        assert_eq!(
            tokenizer.decode(example.prompt_ids()).unwrap(),
            "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
        );
        assert_eq!(example.ids[example.prompt..], [121, 111, 258]);
    }

    #[test]
    fn every_turn_of_the_assistant_is_learned_after_all_that_was_said_before() {
        let conversation = rows(RowText::Conversation(vec![
            Message::user("a"),
            Message::assistant("b"),
            Message::user("c"),
            Message::assistant("d"),
        ]));
        let examples = encoder(Format::Chat, 512).examples(&conversation).unwrap();
        let said: Vec<_> = examples[0]
            .iter()
            .map(|example| (example.asked.as_str(), example.answer.as_str()))
            .collect();
        assert_eq!(said, [("a", "b"), ("c", "d")]);
        assert!(examples[0][1].prompt > examples[0][0].ids.len());
        let message = encoder(Format::Plain, 512)
            .examples(&conversation)
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("rows.jsonl:7: field `messages` needs"),
            "{message}"
        );
    }

    #[test]
    fn a_row_that_is_too_long_is_named_with_its_length() {
        let message = encoder(Format::Plain, 4)
            .examples(&pair())
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("rows.jsonl:7: field `answer` is too long: 5 tokens")
                && message.contains("limit is 4"),
            "{message}"
        );
    }
}
