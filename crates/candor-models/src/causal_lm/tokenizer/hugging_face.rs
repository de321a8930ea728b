use std::io;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::LmTokenizer;
use super::control_tokens::Roles;
use super::definition::Definition;
use crate::causal_lm::{HuggingFaceOptions, LmError, SpecialTokens};

const TOKENIZER: &str = "tokenizer.json";
const CONFIG: &str = "tokenizer_config.json";
const NAMES: &str = "special_tokens_map.json";
const GENERATION: &str = "generation_config.json";
const TEMPLATE: &str = "chat_template.jinja";

impl LmTokenizer {
    /// Reads a `tokenizer.json`: byte-pair encoding with whatever normaliser, pre-tokenizer and decoder it names.
    ///
    /// The file does not say which tokens begin and end a text; [`from_folder`](Self::from_folder) reads the files
    /// beside it that do. The usual ends of a text are [`stop_ids`](Self::stop_ids) all the same.
    ///
    /// # Errors
    ///
    /// A file that is not there, is not of the format, holds another kind of model, or merges what it does not have.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, LmError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(LmError::read(path))?;
        let definition: Definition = parse(path, &text, TOKENIZER)?;
        Self::new(definition, Roles::default(), None)
            .map_err(|reason| LmError::malformed(path, TOKENIZER, reason))
    }

    /// Reads the tokenizer in the folder of a Hugging Face checkpoint.
    ///
    /// `tokenizer.json` must be there. The special tokens are those that `tokenizer_config.json` names, or else
    /// `special_tokens_map.json`; `generation_config.json` may list more ends of a text; the chat template is in
    /// `chat_template.jinja` or in `tokenizer_config.json`.
    ///
    /// # Errors
    ///
    /// As [`from_file`](Self::from_file), or a special token that the vocabulary does not have.
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Self, LmError> {
        let folder = folder.as_ref();
        let mut tokenizer = Self::from_file(folder.join(TOKENIZER))?;
        let config: Config = read_optional(folder, CONFIG)?.unwrap_or_default();
        let roles = tokenizer.roles(folder, config.names)?;
        let mut ends: Vec<u32> = read_optional(folder, GENERATION)?
            .map(|generation: Generation| generation.ends())
            .unwrap_or_default();
        ends.extend(roles.eos);
        tokenizer
            .check_ids(&ends)
            .map_err(|error| LmError::malformed(&folder.join(GENERATION), GENERATION, error))?;
        tokenizer.control.roles = roles;
        tokenizer.control.stop.extend(ends);
        tokenizer.template = read_text(&folder.join(TEMPLATE))?
            .or_else(|| config.chat_template.and_then(Template::default));
        Ok(tokenizer)
    }

    /// The roles that the configuration names, or else the older file of names.
    fn roles(&self, folder: &Path, config: Names) -> Result<Roles, LmError> {
        let names: Names = read_optional(folder, NAMES)?.unwrap_or_default();
        let id = |first: Option<Name>, second: Option<Name>| {
            let Some(Name::Text(name) | Name::Token { content: name }) = first.or(second) else {
                return Ok(None);
            };
            let absent = || {
                let reason = format!("its special token `{name}` is not in {TOKENIZER}");
                LmError::malformed(&folder.join(CONFIG), CONFIG, reason)
            };
            self.id(&name).map(Some).ok_or_else(absent)
        };
        Ok(Roles {
            bos: id(config.bos_token, names.bos_token)?,
            eos: id(config.eos_token, names.eos_token)?,
            pad: id(config.pad_token, names.pad_token)?,
            unk: id(config.unk_token, names.unk_token)?,
        })
    }

    /// The text of a `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// None for a tokenizer that could be built.
    pub fn to_json(&self) -> Result<String, LmError> {
        self.trusted.to_string(true).map_err(LmError::tokenizer)
    }

    /// What [`save_hugging_face`](crate::causal_lm::save_hugging_face) has to know of this tokenizer: its files and
    /// its special ids. The format of the weights is left at its default.
    ///
    /// # Errors
    ///
    /// None for a tokenizer that could be built.
    pub fn hugging_face_options(&self) -> Result<HuggingFaceOptions, LmError> {
        let files = [
            (TOKENIZER, self.to_json()?),
            (CONFIG, self.config_json().map_err(LmError::tokenizer)?),
        ];
        Ok(HuggingFaceOptions {
            tokens: SpecialTokens {
                bos: self.bos(),
                eos: self.eos(),
                pad: self.pad(),
            },
            files: files.map(|(name, text)| (name.to_owned(), text)).into(),
            ..HuggingFaceOptions::default()
        })
    }

    /// Special tokens, chat template, and the class that other libraries read `tokenizer.json` with.
    fn config_json(&self) -> serde_json::Result<String> {
        let name = |id: Option<u32>| id.and_then(|id| self.token(id));
        serde_json::to_string_pretty(&json!({
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": name(self.bos()),
            "eos_token": name(self.eos()),
            "pad_token": name(self.pad()),
            "unk_token": name(self.unk()),
            "chat_template": self.template_text(),
            "clean_up_tokenization_spaces": false,
        }))
    }
}

#[derive(Default, Deserialize)]
struct Config {
    #[serde(flatten)]
    names: Names,
    chat_template: Option<Template>,
}

#[derive(Default, Deserialize)]
#[allow(clippy::struct_field_names)] // the file's own names
struct Names {
    bos_token: Option<Name>,
    eos_token: Option<Name>,
    pad_token: Option<Name>,
    unk_token: Option<Name>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Name {
    Text(String),
    Token { content: String },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Template {
    One(String),
    Several(Vec<NamedTemplate>),
}

#[derive(Deserialize)]
struct NamedTemplate {
    name: String,
    template: String,
}

impl Template {
    /// The one for plain conversations; others are for tools and retrieval.
    fn default(self) -> Option<String> {
        match self {
            Self::One(template) => Some(template),
            Self::Several(templates) => templates
                .into_iter()
                .find(|template| template.name == "default")
                .map(|template| template.template),
        }
    }
}

#[derive(Default, Deserialize)]
struct Generation {
    #[serde(default)]
    eos_token_id: Value,
}

impl Generation {
    /// One id, or a list of them.
    fn ends(&self) -> Vec<u32> {
        let id = |value: &Value| u32::try_from(value.as_u64()?).ok();
        match &self.eos_token_id {
            Value::Array(values) => values.iter().filter_map(id).collect(),
            value => id(value).into_iter().collect(),
        }
    }
}

fn parse<T: DeserializeOwned>(path: &Path, text: &str, format: &'static str) -> Result<T, LmError> {
    serde_json::from_str(text).map_err(|error| LmError::malformed(path, format, error))
}

/// A file that need not be there.
fn read_text(path: &Path) -> Result<Option<String>, LmError> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => text.map(Some).map_err(LmError::read(path)),
    }
}

fn read_optional<T: DeserializeOwned>(
    folder: &Path,
    name: &'static str,
) -> Result<Option<T>, LmError> {
    let path = folder.join(name);
    let text = read_text(&path)?;
    text.map(|text| parse(&path, &text, name)).transpose()
}
