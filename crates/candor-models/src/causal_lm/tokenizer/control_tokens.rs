use std::collections::BTreeSet;

use super::definition::Definition;

/// Control tokens after which a text is over, whatever the file says of them.
const ENDS: [&str; 5] = [
    "<|endoftext|>",
    "<|im_end|>",
    "<|end_of_text|>",
    "<|eot_id|>",
    "</s>",
];

/// Tokens with a meaning to the model and none as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ControlTokens {
    pub(super) roles: Roles,
    pub(super) ids: BTreeSet<u32>,
    pub(super) stop: BTreeSet<u32>,
}

/// What single tokens are for; a model need not have them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Roles {
    pub(super) bos: Option<u32>,
    pub(super) eos: Option<u32>,
    pub(super) pad: Option<u32>,
    pub(super) unk: Option<u32>,
}

impl ControlTokens {
    /// The control tokens of a definition, of which the usual ones and the one with that role end a text.
    pub(super) fn new(definition: &Definition, roles: Roles) -> Self {
        let control = || definition.added_tokens.iter().filter(|token| token.special);
        let ends = control().filter(|token| ENDS.contains(&token.content.as_str()));
        Self {
            roles,
            ids: control().map(|token| token.id).collect(),
            stop: ends.map(|token| token.id).chain(roles.eos).collect(),
        }
    }
}
