use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokenizers::Tokenizer;

use super::pre_tokenizer::{byte_level, smollm};

/// The parts of a `tokenizer.json` that decide how a text is cut; the way in for every kind of file.
///
/// Truncation and padding are left out: they would cut or fill texts silently.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Definition {
    #[serde(default)]
    pub(super) added_tokens: Vec<AddedToken>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
    pub(super) model: Bpe,
}

/// A token that is found in a text before it is cut.
#[allow(clippy::struct_excessive_bools)] // the file's own fields
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AddedToken {
    pub(super) id: u32,
    pub(super) content: String,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    #[serde(default)]
    normalized: bool,
    /// Whether it is a control token.
    #[serde(default)]
    pub(super) special: bool,
}

impl AddedToken {
    pub(super) fn new(id: u32, content: &str, special: bool) -> Self {
        Self {
            id,
            content: content.to_owned(),
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: false,
            special,
        }
    }
}

/// Byte-pair encoding: a vocabulary, and the pairs that are merged, the first of them first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Bpe {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    unk_token: Option<String>,
    #[serde(default)]
    continuing_subword_prefix: Option<String>,
    #[serde(default)]
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    fuse_unk: Option<bool>,
    #[serde(default)]
    byte_fallback: Option<bool>,
    #[serde(default)]
    ignore_merges: Option<bool>,
    pub(super) vocab: BTreeMap<String, u32>,
    pub(super) merges: Vec<Merge>,
}

/// Two tokens that become one; files hold `"left right"` or `["left", "right"]`, the second is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "MergeText")]
pub(super) struct Merge(pub(super) String, pub(super) String);

#[derive(Deserialize)]
#[serde(untagged)]
enum MergeText {
    Pair(String, String),
    Line(String),
}

impl TryFrom<MergeText> for Merge {
    type Error = String;

    fn try_from(text: MergeText) -> Result<Self, String> {
        match text {
            MergeText::Pair(left, right) => Ok(Self(left, right)),
            MergeText::Line(line) => line.parse(),
        }
    }
}

impl std::str::FromStr for Merge {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        match line.split_once(' ') {
            Some((left, right)) if !right.contains(' ') => {
                Ok(Self(left.to_owned(), right.to_owned()))
            }
            _ => Err(format!("the merge `{line}` is not two tokens")),
        }
    }
}

impl Definition {
    /// A byte-level vocabulary with SmolLM's pre-tokenizer.
    pub(super) fn byte_level(
        vocab: BTreeMap<String, u32>,
        merges: Vec<Merge>,
        added_tokens: Vec<AddedToken>,
    ) -> Self {
        Self {
            added_tokens,
            normalizer: Value::Null,
            pre_tokenizer: smollm(),
            post_processor: Value::Null,
            decoder: byte_level(),
            model: Bpe {
                kind: "BPE".to_owned(),
                unk_token: None,
                continuing_subword_prefix: None,
                end_of_word_suffix: None,
                fuse_unk: None,
                byte_fallback: None,
                ignore_merges: None,
                vocab,
                merges,
            },
        }
    }

    /// Whether it is what [`byte_level`](Self::byte_level) gives, but for the tokens.
    pub(super) fn is_smollm(&self) -> bool {
        let decoder = self.decoder.get("type").and_then(Value::as_str);
        self.pre_tokenizer == smollm()
            && self.normalizer.is_null()
            && decoder == Some("ByteLevel")
            && self.model.ignore_merges != Some(true)
    }

    /// The largest id, and one.
    pub(super) fn vocab_size(&self) -> usize {
        let added = self.added_tokens.iter().map(|token| token.id);
        let largest = self.model.vocab.values().copied().chain(added).max();
        largest.map_or(0, |id| id as usize + 1)
    }

    /// A tokenizer that finds the added tokens in a text.
    pub(super) fn build(mut self) -> Result<Tokenizer, String> {
        self.check()?;
        self.model.continuing_subword_prefix = None;
        self.model.end_of_word_suffix = None;
        let json = serde_json::to_vec(&self).map_err(|error| error.to_string())?;
        let tokenizer = Tokenizer::from_bytes(json).map_err(|error| error.to_string())?;
        for AddedToken { id, content, .. } in &self.added_tokens {
            // The library numbers added tokens itself, after the vocabulary.
            match tokenizer.token_to_id(content) {
                Some(seen) if seen == *id => {}
                Some(seen) => {
                    return Err(format!(
                        "the added token `{content}` has id {id}, its place is {seen}"
                    ));
                }
                None => return Err(format!("the added token of id {id} is empty")),
            }
        }
        Ok(tokenizer)
    }

    /// The same without the added tokens, so that no text can become one.
    ///
    /// Control tokens leave the vocabulary too: some models look whole words up in it, and some give one of them for
    /// what they do not know.
    pub(super) fn without_added_tokens(mut self) -> Result<Self, String> {
        let merged = self.merged();
        let mut kept = BTreeSet::new();
        for token in &self.added_tokens {
            match (merged.contains(&token.content), token.special) {
                (true, true) => {
                    return Err(format!(
                        "the control token `{}` takes part in a merge, any text could make it",
                        token.content
                    ));
                }
                (true, false) => {
                    kept.insert(token.content.clone());
                }
                (false, _) => {}
            }
        }
        for token in std::mem::take(&mut self.added_tokens) {
            if !kept.contains(&token.content) {
                self.model.vocab.remove(&token.content);
            }
        }
        self.model.unk_token = None;
        Ok(self)
    }

    /// Every token that a merge takes or makes.
    fn merged(&self) -> HashSet<String> {
        let tokens =
            |Merge(left, right): &Merge| [left.clone(), right.clone(), format!("{left}{right}")];
        self.model.merges.iter().flat_map(tokens).collect()
    }

    /// What the library would take on trust, or panic at.
    fn check(&self) -> Result<(), String> {
        let model = &self.model;
        if model.kind != "BPE" {
            return Err(format!("its model is {}, only BPE is read", model.kind));
        }
        let affixes = [&model.continuing_subword_prefix, &model.end_of_word_suffix];
        if affixes.into_iter().flatten().any(|affix| !affix.is_empty()) {
            return Err("its tokens have affixes, which are not read".to_owned());
        }
        let unknown = self
            .merged()
            .into_iter()
            .find(|token| !model.vocab.contains_key(token));
        match unknown {
            Some(token) => Err(format!(
                "a merge takes or makes `{token}`, which is not in the vocabulary"
            )),
            None => Ok(()),
        }
    }
}
