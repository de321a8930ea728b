use super::PartOfSpeech;

/// The parts of speech of an English caption's words, by a small lexicon: good enough to find what a picture shows.
///
/// ```text
/// closed classes, colours, materials' and common looks' words, verbs of wearing, carrying and standing: from lists
/// -ly: adverb        -ing: verb      -ish, -less, -like, -colored, -sleeved, -haired, hyphen + -ed: adjective
/// digits: numeral    no letter or digit: punctuation       all others: noun
/// ```
///
/// Words are one string each, in any case, punctuation apart. It takes unknown adjectives for nouns ("vermilion shirt") and
/// verbs outside the list too: where that matters, give another tagger's result to [`attribute_mask`](super::attribute_mask).
///
/// ```
/// use candor_losses::multimodal::{attribute_mask, noun_chunks, tag_caption};
///
/// let words = ["The", "man", "wears", "a", "red", "wool", "coat", "and", "blue", "jeans", "."];
/// let tags = tag_caption(&words);
/// let mask = attribute_mask(&tags, &noun_chunks(&tags), 13)?;
/// assert_eq!(mask, [0, 0, 0, 0, 0, 1, 1, 1, 0, 2, 2, 0, 0]);
/// # Ok::<(), candor_core::InputError>(())
/// ```
pub fn tag_caption<S: AsRef<str>>(words: &[S]) -> Vec<PartOfSpeech> {
    words
        .iter()
        .map(|word| tag(&word.as_ref().to_lowercase()))
        .collect()
}

fn tag(word: &str) -> PartOfSpeech {
    let listed = LEXICON
        .iter()
        .find(|(_, words)| words.contains(&word))
        .map(|(tag, _)| *tag);
    listed.unwrap_or_else(|| by_shape(word))
}

/// What an unlisted word looks like.
fn by_shape(word: &str) -> PartOfSpeech {
    const DESCRIBING: [&str; 9] = [
        "ish",
        "less",
        "like",
        "colored",
        "coloured",
        "sleeved",
        "haired",
        "patterned",
        "shaped",
    ];
    let ends = |endings: &[&str]| endings.iter().any(|ending| word.ends_with(ending));
    if !word.chars().any(char::is_alphanumeric) {
        PartOfSpeech::Punctuation
    } else if word.chars().all(|letter| letter.is_ascii_digit()) {
        PartOfSpeech::Numeral
    } else if ends(&DESCRIBING) || (word.contains('-') && ends(&["ed"])) {
        PartOfSpeech::Adjective
    } else if word.len() > 4 && ends(&["ly"]) {
        PartOfSpeech::Adverb
    } else if word.len() > 5 && ends(&["ing"]) {
        PartOfSpeech::Verb
    } else {
        PartOfSpeech::Noun
    }
}

const LEXICON: [(PartOfSpeech, &[&str]); 11] = [
    (
        PartOfSpeech::Determiner,
        &[
            "a", "an", "the", "this", "that", "these", "those", "his", "her", "their", "its", "my",
            "our", "your", "some", "any", "each", "every", "both", "another", "no", "all",
        ],
    ),
    (
        PartOfSpeech::Pronoun,
        &[
            "he", "she", "it", "they", "him", "them", "who", "which", "what", "whose", "himself",
            "herself", "someone", "i", "we", "you",
        ],
    ),
    (
        PartOfSpeech::Adposition,
        &[
            "in",
            "on",
            "at",
            "of",
            "with",
            "without",
            "by",
            "to",
            "from",
            "over",
            "under",
            "above",
            "below",
            "around",
            "across",
            "through",
            "near",
            "behind",
            "between",
            "into",
            "onto",
            "against",
            "along",
            "down",
            "up",
            "for",
            "off",
            "toward",
            "towards",
            "beside",
            "underneath",
            "below",
            "past",
            "like",
            "about",
        ],
    ),
    (
        PartOfSpeech::Auxiliary,
        &[
            "is", "are", "was", "were", "be", "been", "being", "has", "have", "had", "does", "do",
            "can", "will", "would", "may", "might", "could", "should",
        ],
    ),
    (PartOfSpeech::Conjunction, &["and", "or", "but", "&"]),
    (
        PartOfSpeech::Subordinator,
        &[
            "while", "as", "because", "if", "when", "where", "although", "whereas",
        ],
    ),
    (PartOfSpeech::Particle, &["not", "n't", "'s", "'"]),
    (
        PartOfSpeech::Adverb,
        &[
            "very", "also", "too", "quite", "rather", "just", "there", "here", "away", "forward",
            "then", "down", "almost", "well", "back", "slightly",
        ],
    ),
    (
        PartOfSpeech::Numeral,
        &[
            "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
        ],
    ),
    (
        PartOfSpeech::Verb,
        &[
            "wear", "wears", "wore", "worn", "carry", "carries", "carried", "hold", "holds",
            "held", "walk", "walks", "stand", "stands", "look", "looks", "appear", "appears",
            "seem", "seems", "face", "faces", "talk", "talks", "use", "uses", "pull", "pulls",
            "push", "pushes", "ride", "rides", "sit", "sits", "dressed", "tied", "pulled",
            "tucked", "rolled", "slung", "draped", "features", "reaches", "comes", "goes", "going",
        ],
    ),
    (
        PartOfSpeech::Adjective,
        &[
            // colours
            "red",
            "orange",
            "yellow",
            "green",
            "blue",
            "purple",
            "violet",
            "pink",
            "brown",
            "black",
            "white",
            "gray",
            "grey",
            "beige",
            "tan",
            "khaki",
            "navy",
            "maroon",
            "teal",
            "turquoise",
            "golden",
            "silver",
            "blond",
            "blonde",
            "brunette",
            "cream",
            "crimson",
            "burgundy",
            "olive",
            "lavender",
            "magenta",
            "colorful",
            "colourful",
            "multicolored",
            "dark",
            "light",
            "bright",
            "pale",
            "plain",
            // sizes and builds
            "long",
            "short",
            "big",
            "large",
            "small",
            "little",
            "tall",
            "thin",
            "slim",
            "slender",
            "heavy",
            "fat",
            "wide",
            "narrow",
            "thick",
            "medium",
            "mid",
            "full",
            "half",
            "high",
            "low",
            "tight",
            "loose",
            "baggy",
            "oversized",
            "fitted",
            "open",
            "closed",
            "round",
            "square",
            "straight",
            "shoulder-length",
            "knee-length",
            // patterns, materials and looks
            "striped",
            "checked",
            "checkered",
            "plaid",
            "dotted",
            "floral",
            "printed",
            "patterned",
            "sleeveless",
            "wooden",
            "woolen",
            "leather",
            "denim",
            "shiny",
            "furry",
            "fluffy",
            "curly",
            "wavy",
            "ripped",
            "faded",
            "transparent",
            "clear",
            "sheer",
            "hooded",
            "padded",
            "pleated",
            "buttoned",
            "collared",
            "casual",
            "formal",
            "sporty",
            "athletic",
            "dressy",
            "new",
            "old",
            "young",
            "elderly",
            "bald",
            "bearded",
            "asian",
            "african",
            "american",
            "caucasian",
            "male",
            "female",
            "left",
            "right",
            "upper",
            "lower",
            "front",
            "matching",
            "same",
            "different",
            "other",
            "bare",
            "neat",
            "messy",
            "pretty",
            "nice",
            "simple",
            "warm",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::multimodal::{attribute_mask, noun_chunks};

    /// The attributes found in a caption, as text.
    fn attributes(caption: &str) -> Vec<String> {
        let words: Vec<&str> = caption.split(' ').collect();
        let tags = tag_caption(&words);
        let mask = attribute_mask(&tags, &noun_chunks(&tags), words.len() + 1).unwrap();
        let count = mask.iter().copied().max().unwrap_or(0);
        (1..=count)
            .map(|number| {
                let marked = words.iter().zip(mask.iter().skip(1));
                let marked = marked.filter(|(_, chunk)| **chunk == number);
                marked.map(|(word, _)| *word).collect::<Vec<_>>().join(" ")
            })
            .collect()
    }

    #[test]
    fn captions_of_people_give_what_they_wear() {
        assert_eq!(
            attributes(
                "A young woman with long black hair is wearing a sleeveless white dress , brown boots and a dark-colored hat ."
            ),
            [
                "young woman",
                "long black hair",
                "sleeveless white dress",
                "brown boots",
                "dark-colored hat"
            ]
        );
        assert_eq!(
            attributes("He carries a large backpack over his left shoulder while walking forward"),
            ["large backpack", "left shoulder"]
        );
    }

    #[test]
    fn a_caption_without_looks_has_no_attribute() {
        assert!(attributes("the man holds a phone").is_empty());
        assert!(tag_caption::<&str>(&[]).is_empty());
    }
}
