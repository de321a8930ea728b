use super::PartOfSpeech;

/// The noun phrase each word belongs to, numbered from 0; `None` outside of noun phrases.
///
/// ```text
/// phrase = determiner? (adverb* adjective | numeral | noun)* noun
/// ```
///
/// A phrase is as long as it can be: a determiner opens a new one, and what follows its last noun is left out. Phrases joined
/// by "and", "with" or a comma are different ones, but of "red and black shoes" only "black shoes" is found.
///
/// This is a rule on tags, which suits captions. Of the published crates, `harper-pos-utils` 3.0 brings a second version of
/// Burn into the build, `nlprule` 0.6 model files under the LGPL, and `postagger` 0.0.3 names no licence.
///
/// ```
/// use candor_losses::multimodal::{PartOfSpeech::*, noun_chunks};
///
/// // the man wears a red wool coat
/// let tags = [Determiner, Noun, Verb, Determiner, Adjective, Noun, Noun];
/// let [first, second] = [Some(0), Some(1)];
/// assert_eq!(noun_chunks(&tags), [first, first, None, second, second, second, second]);
/// ```
pub fn noun_chunks(tags: &[PartOfSpeech]) -> Vec<Option<usize>> {
    let mut chunks = vec![None; tags.len()];
    let (mut start, mut number) = (0, 0);
    while start < tags.len() {
        let length = phrase_length(tags.get(start..).unwrap_or_default());
        for chunk in chunks.iter_mut().skip(start).take(length) {
            *chunk = Some(number);
        }
        number += usize::from(length > 0);
        start += length.max(1);
    }
    chunks
}

/// Words of the phrase that starts at the first tag; 0 where none does.
fn phrase_length(tags: &[PartOfSpeech]) -> usize {
    use PartOfSpeech::{Adjective, Adverb, Determiner, Noun, Numeral, ProperNoun};
    let determiner = usize::from(tags.first() == Some(&Determiner));
    let mut length = 0;
    let mut adverb_open = false;
    for (index, tag) in tags.iter().enumerate().skip(determiner) {
        match tag {
            Noun | ProperNoun if !adverb_open => length = index + 1,
            Adjective | Numeral => adverb_open = false,
            // An adverb belongs to the adjective after it, not to a noun.
            Adverb => adverb_open = true,
            _ => break,
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(tags: &str) -> Vec<i64> {
        let tags: Vec<PartOfSpeech> = tags.split(' ').map(|tag| tag.parse().unwrap()).collect();
        let number = |chunk: Option<usize>| chunk.map_or(-1, |chunk| chunk as i64);
        noun_chunks(&tags).into_iter().map(number).collect()
    }

    #[test]
    fn phrases_end_at_their_last_noun() {
        assert_eq!(chunks("DET ADJ NOUN ADJ VERB"), [0, 0, 0, -1, -1]);
        assert_eq!(chunks("ADJ NOUN CCONJ ADJ NOUN"), [0, 0, -1, 1, 1]);
        assert_eq!(chunks("ADJ CCONJ ADJ NOUN"), [-1, -1, 0, 0]);
    }

    #[test]
    fn a_determiner_opens_a_new_phrase() {
        assert_eq!(chunks("DET NOUN DET NOUN"), [0, 0, 1, 1]);
        assert_eq!(chunks("DET VERB"), [-1, -1]);
    }

    #[test]
    fn adverbs_lead_to_adjectives_only() {
        assert_eq!(chunks("DET ADV ADJ NOUN"), [0, 0, 0, 0]);
        assert_eq!(chunks("NOUN ADV NOUN"), [0, -1, 1]);
        assert_eq!(chunks("ADV VERB"), [-1, -1]);
    }
}
