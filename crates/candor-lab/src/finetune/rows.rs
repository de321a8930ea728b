use std::path::{Path, PathBuf};

use candor_data::{DataError, jsonl};
use candor_models::causal_lm::Message;
use serde_json::{Map, Value};

/// A line of the data, checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) text: RowText,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum RowText {
    /// `{"prompt": …, "answer": …}`
    Pair { prompt: String, answer: String },
    /// `{"messages": [{"role": …, "content": …}, …]}`; at least one turn is the assistant's.
    Conversation(Vec<Message>),
}

/// Rows, and where they come from.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) file: PathBuf,
    pub(super) rows: Vec<Row>,
}

/// What the answers to the questions are learned by, without a file: 200 of them, written for this project.
const QUESTIONS: &str = include_str!("../../data/questions.jsonl");

impl Rows {
    /// Reads a file, or the questions that are compiled in.
    pub(super) fn read(file: Option<&Path>) -> Result<Self, DataError> {
        if let Some(file) = file {
            return Self::checked(file, jsonl::read(file)?);
        }
        let file = Path::new("questions.jsonl");
        Self::checked(file, jsonl::read_from(QUESTIONS.as_bytes(), file)?)
    }

    fn checked(file: &Path, records: Vec<Map<String, Value>>) -> Result<Self, DataError> {
        let row = |(record, line): (Map<String, Value>, u64)| {
            let problem = |Problem { field, problem }| DataError::Field {
                file: file.to_owned(),
                line,
                field,
                problem,
            };
            let text = row_text(&record).map_err(problem)?;
            Ok(Row { line, text })
        };
        // The reader admits no empty line, so a record's place is its line.
        let rows = records.into_iter().zip(1..).map(row);
        Ok(Self {
            file: file.to_owned(),
            rows: rows.collect::<Result<_, _>>()?,
        })
    }
}

/// What is wrong with a field.
struct Problem {
    field: &'static str,
    problem: String,
}

fn problem(field: &'static str, problem: impl Into<String>) -> Problem {
    Problem {
        field,
        problem: problem.into(),
    }
}

fn row_text(record: &Map<String, Value>) -> Result<RowText, Problem> {
    if let Some(messages) = record.get("messages") {
        return conversation(messages).map(RowText::Conversation);
    }
    Ok(RowText::Pair {
        prompt: text(record, "prompt")?,
        answer: text(record, "answer")?,
    })
}

fn text(record: &Map<String, Value>, field: &'static str) -> Result<String, Problem> {
    match record.get(field) {
        None => Err(problem(field, "is missing")),
        Some(Value::String(text)) if text.trim().is_empty() => Err(problem(field, "is empty")),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(problem(field, format!("is {}, wanted a text", kind(other)))),
    }
}

fn conversation(value: &Value) -> Result<Vec<Message>, Problem> {
    const FIELD: &str = "messages";
    let messages: Vec<Message> = serde_json::from_value(value.clone())
        .map_err(|error| problem(FIELD, format!("is no list of messages: {error}")))?;
    let empty = |message: &Message| message.content.trim().is_empty();
    if let Some(at) = messages.iter().position(empty) {
        let said = format!("has no text in message {}", at + 1);
        return Err(problem(FIELD, said));
    }
    if !messages.iter().any(is_answer) {
        return Err(problem(FIELD, "has no message of the role `assistant`"));
    }
    Ok(messages)
}

/// Whether a message is one that the model should learn to say.
pub(super) fn is_answer(message: &Message) -> bool {
    message.role == "assistant"
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Rows, DataError> {
        let file = Path::new("rows.jsonl");
        Rows::checked(file, jsonl::read_from(text, file)?)
    }

    #[test]
    fn the_questions_that_are_compiled_in_are_legal() {
        assert_eq!(Rows::read(None).unwrap().rows.len(), 200);
    }

    #[test]
    fn both_kinds_of_rows_are_read_and_other_fields_are_not_minded() {
        let rows = read(
            b"{\"prompt\": \"p\", \"answer\": \"a\", \"source\": 3}\n\
              {\"messages\": [{\"role\": \"user\", \"content\": \"p\"}, {\"role\": \"assistant\", \"content\": \"a\"}]}\n",
        )
        .unwrap()
        .rows;
        assert_eq!(
            rows[0].text,
            RowText::Pair {
                prompt: "p".to_owned(),
                answer: "a".to_owned()
            }
        );
        let conversation = vec![Message::user("p"), Message::assistant("a")];
        assert_eq!(rows[1].text, RowText::Conversation(conversation));
        assert_eq!(rows[1].line, 2);
    }

    #[test]
    fn what_cannot_be_used_is_named_by_file_line_and_field() {
        let good = "{\"prompt\": \"p\", \"answer\": \"a\"}\n";
        for (bad, wanted) in [
            ("{\"prompt\": \"p\"}", "field `answer` is missing"),
            ("{\"answer\": \"a\"}", "field `prompt` is missing"),
            (
                "{\"prompt\": \"p\", \"answer\": \" \"}",
                "field `answer` is empty",
            ),
            (
                "{\"prompt\": 5, \"answer\": \"a\"}",
                "field `prompt` is a number, wanted a text",
            ),
            (
                "{\"messages\": []}",
                "field `messages` has no message of the role `assistant`",
            ),
            (
                "{\"messages\": [{\"role\": \"assistant\"}]}",
                "field `messages` is no list of messages: missing field `content`",
            ),
            (
                "{\"messages\": [{\"role\": \"assistant\", \"content\": \"\"}]}",
                "field `messages` has no text in message 1",
            ),
            ("[1]", "invalid type"),
        ] {
            let message = read(format!("{good}{bad}\n").as_bytes())
                .unwrap_err()
                .to_string();
            assert!(message.starts_with("rows.jsonl:2: "), "{message}");
            assert!(message.contains(wanted), "{message}");
        }
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_refused_with_their_line() {
        let message = read(b"{\"prompt\": \"\xff\", \"answer\": \"a\"}\n")
            .unwrap_err()
            .to_string();
        assert!(message.starts_with("rows.jsonl:1: "), "{message}");
    }
}
