use std::collections::HashMap;

use candor_core::InputError;

use super::PartOfSpeech;

/// Which attribute each token of a text belongs to, `length` numbers for [`AttributeLoss`](super::AttributeLoss): 0 = none.
///
/// A noun phrase is an attribute when two or more of its words are adjectives or nouns, and at least one an adjective. Only
/// those words are marked; attributes are numbered from 1 in the order they appear. Word i stands at token i + 1, after the
/// class token: where a tokenizer splits words, spread the result by its word map. Padding is 0.
///
/// `chunks` names each word's noun phrase by any number: those of [`noun_chunks`](super::noun_chunks), or any parser's.
///
/// # Errors
///
/// Another number of chunks than of tags; a `length` without room for the class token and every word.
///
/// ```
/// use candor_losses::multimodal::{PartOfSpeech::*, attribute_mask};
///
/// let (tags, chunks) = ([Determiner, Adjective, Noun, Verb], [Some(0), Some(0), Some(0), None]);
/// assert_eq!(attribute_mask(&tags, &chunks, 6)?, [0, 0, 1, 1, 0, 0]);
/// # Ok::<(), candor_core::InputError>(())
/// ```
pub fn attribute_mask(
    tags: &[PartOfSpeech],
    chunks: &[Option<usize>],
    length: usize,
) -> Result<Vec<i64>, InputError> {
    const NAME: &str = "attribute_mask";
    InputError::check_dims(NAME, "chunks", &[chunks.len()], &[tags.len()])?;
    if length <= tags.len() {
        return Err(InputError::Shape {
            component: NAME,
            argument: "length",
            seen: vec![length],
            wanted: vec![tags.len() + 1],
        });
    }
    let attributes = numbered(tags, chunks);
    let words = tags.iter().zip(chunks).map(|(tag, chunk)| match chunk {
        Some(chunk) if describes(*tag) => attributes.get(chunk).copied().unwrap_or(0),
        _ => 0,
    });
    let mut mask: Vec<i64> = std::iter::once(0).chain(words).collect();
    mask.resize(length, 0);
    Ok(mask)
}

fn describes(tag: PartOfSpeech) -> bool {
    matches!(tag, PartOfSpeech::Adjective | PartOfSpeech::Noun)
}

/// The attributes among the phrases, each with its number.
fn numbered(tags: &[PartOfSpeech], chunks: &[Option<usize>]) -> HashMap<usize, i64> {
    let mut order = Vec::new();
    let mut counts: HashMap<usize, (usize, usize)> = HashMap::new();
    for (tag, chunk) in tags.iter().zip(chunks) {
        let Some(chunk) = *chunk else { continue };
        let (words, adjectives) = counts.entry(chunk).or_insert_with(|| {
            order.push(chunk);
            (0, 0)
        });
        *words += usize::from(describes(*tag));
        *adjectives += usize::from(*tag == PartOfSpeech::Adjective);
    }
    order.retain(|chunk| {
        counts
            .get(chunk)
            .is_some_and(|(words, adjectives)| *words >= 2 && *adjectives >= 1)
    });
    order.into_iter().zip(1..).collect()
}
