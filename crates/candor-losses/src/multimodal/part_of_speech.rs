use std::str::FromStr;

use candor_core::InputError;
use serde::{Deserialize, Serialize};

/// A word's part of speech: the universal tags that most taggers give.
///
/// ```
/// use candor_losses::multimodal::PartOfSpeech;
///
/// assert_eq!("ADJ".parse(), Ok(PartOfSpeech::Adjective));
/// assert!("ADJECTIVE".parse::<PartOfSpeech>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PartOfSpeech {
    /// `ADJ`: red, long-sleeved.
    Adjective,
    /// `ADP`: in, with.
    Adposition,
    /// `ADV`: very.
    Adverb,
    /// `AUX`: is, has.
    Auxiliary,
    /// `CCONJ`: and.
    Conjunction,
    /// `DET`: a, the, his.
    Determiner,
    /// `INTJ`: oh.
    Interjection,
    /// `NOUN`: shirt.
    Noun,
    /// `NUM`: two.
    Numeral,
    /// `PART`: not, 's.
    Particle,
    /// `PRON`: she.
    Pronoun,
    /// `PROPN`: Nike.
    ProperNoun,
    /// `PUNCT`: commas and full stops.
    Punctuation,
    /// `SCONJ`: while.
    Subordinator,
    /// `SYM`: %, +.
    Symbol,
    /// `VERB`: wears.
    Verb,
    /// `X`: anything else.
    Other,
}

impl FromStr for PartOfSpeech {
    type Err = InputError;

    /// Reads a universal tag in capitals.
    ///
    /// # Errors
    ///
    /// A text that is none of the seventeen.
    fn from_str(tag: &str) -> Result<Self, InputError> {
        Ok(match tag {
            "ADJ" => Self::Adjective,
            "ADP" => Self::Adposition,
            "ADV" => Self::Adverb,
            "AUX" => Self::Auxiliary,
            "CCONJ" => Self::Conjunction,
            "DET" => Self::Determiner,
            "INTJ" => Self::Interjection,
            "NOUN" => Self::Noun,
            "NUM" => Self::Numeral,
            "PART" => Self::Particle,
            "PRON" => Self::Pronoun,
            "PROPN" => Self::ProperNoun,
            "PUNCT" => Self::Punctuation,
            "SCONJ" => Self::Subordinator,
            "SYM" => Self::Symbol,
            "VERB" => Self::Verb,
            "X" => Self::Other,
            _ => {
                return Err(InputError::Undefined {
                    component: "PartOfSpeech",
                    reason: "the text is none of the seventeen universal tags",
                });
            }
        })
    }
}
