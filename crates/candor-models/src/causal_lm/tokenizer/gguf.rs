use std::collections::{BTreeMap, BTreeSet};

use super::LmTokenizer;
use super::control_tokens::Roles;
use super::definition::{AddedToken, Definition, Merge};
use super::pre_tokenizer::SMOLLM;
use crate::causal_lm::LmError;
use crate::causal_lm::gguf::{GgufFile, MetaArray, MetaValue};

const MODEL: &str = "tokenizer.ggml.model";
const PRE: &str = "tokenizer.ggml.pre";
const TOKENS: &str = "tokenizer.ggml.tokens";
const TYPES: &str = "tokenizer.ggml.token_type";
const MERGES: &str = "tokenizer.ggml.merges";
const BOS: &str = "tokenizer.ggml.bos_token_id";
const EOS: &str = "tokenizer.ggml.eos_token_id";
const PAD: &str = "tokenizer.ggml.padding_token_id";
const UNK: &str = "tokenizer.ggml.unknown_token_id";
const ADD_BOS: &str = "tokenizer.ggml.add_bos_token";
const ADD_SPACE: &str = "tokenizer.ggml.add_space_prefix";
const TEMPLATE: &str = "tokenizer.chat_template";

/// What GGUF calls byte-level byte-pair encoding.
const BYTE_LEVEL: &str = "gpt2";

const NORMAL: i32 = 1;
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;

impl LmTokenizer {
    /// The tokenizer in a GGUF file: byte-level byte-pair encoding (`gpt2`) with the pre-tokenizer `smollm`.
    ///
    /// Control tokens are the file's types 2 and 3, tokens of type 4 are found in a text as well.
    ///
    /// # Errors
    ///
    /// A file without a tokenizer, with one of another kind or with one that contradicts itself.
    pub fn from_gguf(file: &GgufFile) -> Result<Self, LmError> {
        let source = Source(file);
        source.expect(MODEL, BYTE_LEVEL)?;
        source.expect(PRE, SMOLLM)?;
        let tokens = source.required(TOKENS, MetaValue::as_strings, "a list of strings")?;
        let types = source.required(TYPES, MetaValue::as_i32s, "a list of i32")?;
        let merges = source.required(MERGES, MetaValue::as_strings, "a list of strings")?;
        let malformed = |reason: String| LmError::malformed(file.path(), "GGUF", reason);
        let definition = define(tokens, types, merges).map_err(malformed)?;
        let id = |key| source.id(key, tokens.len());
        let roles = Roles {
            bos: id(BOS)?,
            eos: id(EOS)?,
            pad: id(PAD)?,
            unk: id(UNK)?,
        };
        let template = file.meta(TEMPLATE).and_then(MetaValue::as_str);
        Self::new(definition, roles, template.map(str::to_owned)).map_err(malformed)
    }

    /// The metadata that a GGUF file holds of this tokenizer: tokens, types, merges, special ids, chat template.
    ///
    /// # Errors
    ///
    /// A tokenizer that the format has no name for: one that is not byte-level with SmolLM's pre-tokenizer, or whose
    /// ids have gaps.
    pub fn gguf_metadata(&self) -> Result<Vec<(String, MetaValue)>, LmError> {
        let definition: Definition =
            serde_json::from_str(&self.to_json()?).map_err(LmError::tokenizer)?;
        if !definition.is_smollm() {
            return Err(LmError::tokenizer(
                "GGUF files are written of SmolLM's pre-tokenizer only; save a Hugging Face folder",
            ));
        }
        let ids = 0..self.vocab_size() as u32;
        let tokens: Option<Vec<String>> = ids.clone().map(|id| self.token(id)).collect();
        let tokens =
            tokens.ok_or_else(|| LmError::tokenizer("its ids have gaps, a GGUF file has none"))?;
        let added = definition.added_tokens.iter().map(|token| token.id);
        let added: BTreeSet<u32> = added.collect();
        let types = ids.map(|id| match (self.is_control(id), added.contains(&id)) {
            (true, _) => CONTROL,
            (false, true) => USER_DEFINED,
            (false, false) => NORMAL,
        });
        let merges = definition.model.merges.iter();
        let merges = merges.map(|Merge(left, right)| format!("{left} {right}"));
        let text = |text: &str| MetaValue::String(text.to_owned());
        let given = [
            (MODEL, text(BYTE_LEVEL)),
            (PRE, text(SMOLLM)),
            (TOKENS, MetaValue::Array(MetaArray::String(tokens))),
            (TYPES, MetaValue::Array(MetaArray::I32(types.collect()))),
            (
                MERGES,
                MetaValue::Array(MetaArray::String(merges.collect())),
            ),
            (ADD_BOS, MetaValue::Bool(false)),
            (ADD_SPACE, MetaValue::Bool(false)),
        ];
        let roles = [
            (BOS, self.bos()),
            (EOS, self.eos()),
            (PAD, self.pad()),
            (UNK, self.unk()),
        ];
        let roles = roles
            .into_iter()
            .filter_map(|(key, id)| Some((key, MetaValue::U32(id?))));
        let template = self.template_text().map(|jinja| (TEMPLATE, text(jinja)));
        Ok(given
            .into_iter()
            .chain(roles)
            .chain(template)
            .map(|(key, value)| (key.to_owned(), value))
            .collect())
    }
}

/// Lists of equal length become a vocabulary with its added tokens.
fn define(tokens: &[String], types: &[i32], merges: &[String]) -> Result<Definition, String> {
    if tokens.len() != types.len() {
        return Err(format!(
            "it has {} tokens and {} token types",
            tokens.len(),
            types.len()
        ));
    }
    let mut vocab = BTreeMap::new();
    let mut added = Vec::new();
    for ((token, &kind), id) in tokens.iter().zip(types).zip(0..) {
        if let Some(before) = vocab.insert(token.clone(), id) {
            return Err(format!("tokens {before} and {id} are both `{token}`"));
        }
        if matches!(kind, UNKNOWN | CONTROL | USER_DEFINED) {
            added.push(AddedToken::new(id, token, kind != USER_DEFINED));
        }
    }
    let merges = merges.iter().map(|line| line.parse());
    let merges = merges.collect::<Result<_, String>>()?;
    Ok(Definition::byte_level(vocab, merges, added))
}

/// A file, asked for values of a kind.
struct Source<'a>(&'a GgufFile);

impl<'a> Source<'a> {
    fn required<T: ?Sized>(
        &self,
        key: &str,
        kind: fn(&'a MetaValue) -> Option<&'a T>,
        wanted: &'static str,
    ) -> Result<&'a T, LmError> {
        let value = self.0.meta(key);
        value
            .and_then(kind)
            .ok_or_else(|| self.wrong(key, value, wanted))
    }

    fn expect(&self, key: &str, wanted: &'static str) -> Result<(), LmError> {
        let seen = self.required(key, MetaValue::as_str, "a string")?;
        if seen == wanted {
            return Ok(());
        }
        Err(LmError::UnsupportedSetting {
            path: self.0.path().to_owned(),
            setting: key.to_owned(),
            seen: seen.to_owned(),
            wanted,
        })
    }

    /// The id of a role, which a file may leave out.
    fn id(&self, key: &str, vocab_size: usize) -> Result<Option<u32>, LmError> {
        let Some(value) = self.0.meta(key) else {
            return Ok(None);
        };
        let id = value.as_u64().filter(|&id| id < vocab_size as u64);
        id.and_then(|id| u32::try_from(id).ok())
            .map(Some)
            .ok_or_else(|| self.wrong(key, Some(value), "the id of a token"))
    }

    fn wrong(&self, key: &str, seen: Option<&MetaValue>, wanted: &'static str) -> LmError {
        LmError::Metadata {
            path: self.0.path().to_owned(),
            key: key.to_owned(),
            seen: seen.map_or("absent", |_| "something else").to_owned(),
            wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
        texts.map(str::to_owned).to_vec()
    }

    #[test]
    fn lists_that_contradict_one_another_are_refused() {
        let tokens = texts(["a", "b", "ab"]);
        assert!(define(&tokens, &[1, 1, 1], &texts(["a b"])).is_ok());
        let refused = |tokens: &[String], types: &[i32], merges: &[String]| {
            let definition = define(tokens, types, merges);
            definition.and_then(Definition::build).unwrap_err()
        };
        let error = refused(&tokens, &[1, 1], &[]);
        assert!(error.contains("3 tokens and 2"), "{error}");
        let error = refused(&texts(["a", "b", "a"]), &[1, 1, 1], &[]);
        assert!(error.contains("tokens 0 and 2"), "{error}");
        let error = refused(&tokens, &[1, 1, 1], &texts(["a b ab"]));
        assert!(error.contains("not two tokens"), "{error}");
        // The library would panic here: the merge is longer than every token.
        let error = refused(&tokens, &[1, 1, 1], &texts(["ab ab"]));
        assert!(error.contains("`abab`"), "{error}");
    }

    #[test]
    fn a_control_token_that_a_merge_makes_is_refused() {
        let tokens = texts(["a", "b", "ab"]);
        let definition = define(&tokens, &[1, 1, 3], &texts(["a b"])).unwrap();
        let error = definition.without_added_tokens().unwrap_err();
        assert!(error.contains("`ab` takes part in a merge"), "{error}");
    }
}
