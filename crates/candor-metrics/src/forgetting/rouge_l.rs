use serde::{Deserialize, Serialize};

/// ROUGE-L: the longest common subsequence of a reference and a hypothesis, in tokens.
///
/// ```text
/// recall = L / |reference|,   precision = L / |hypothesis|,   f1 = 2 · precision · recall / (precision + recall)
/// ```
///
/// All are 0 where a side is empty. TOFU reports the recall. Time O(mn), memory O(n).
///
/// Source: Lin (2004), ROUGE: a package for automatic evaluation of summaries, ACL workshop.
///
/// ```
/// use candor_metrics::forgetting::{RougeL, rouge_tokens};
///
/// let (reference, answer) = (rouge_tokens("The cat sat down."), rouge_tokens("a CAT sat"));
/// let rouge = RougeL::of(&reference, &answer);
/// assert_eq!((rouge.lcs, rouge.recall), (2, 0.5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RougeL {
    /// Length of the longest common subsequence.
    pub lcs: usize,
    /// Its share of the reference.
    pub recall: f64,
    /// Its share of the hypothesis.
    pub precision: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
}

impl RougeL {
    /// Compares two sequences of tokens of any kind (words, ids).
    pub fn of<T: PartialEq>(reference: &[T], hypothesis: &[T]) -> Self {
        let lcs = longest_common_subsequence(reference, hypothesis);
        let share = |whole: usize| {
            if lcs == 0 {
                0.0
            } else {
                lcs as f64 / whole as f64
            }
        };
        Self {
            lcs,
            recall: share(reference.len()),
            precision: share(hypothesis.len()),
            // 2L/(m + n) is the harmonic mean of L/m and L/n.
            f1: 2.0 * share(reference.len() + hypothesis.len()),
        }
    }
}

/// Words for [`RougeL`]: lower case; every run of characters outside `[a-z0-9]` separates. No stemming (the reference
/// package stems words of more than three letters).
///
/// ```
/// use candor_metrics::forgetting::rouge_tokens;
///
/// assert_eq!(rouge_tokens("Don't stop -- 24/7!"), ["don", "t", "stop", "24", "7"]);
/// ```
pub fn rouge_tokens(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn longest_common_subsequence<T: PartialEq>(left: &[T], right: &[T]) -> usize {
    let mut lengths = vec![0; right.len() + 1];
    for token in left {
        // What stood at the slot to the left before this row overwrote it.
        let mut diagonal = 0;
        for (index, other) in right.iter().enumerate() {
            let above = lengths[index + 1];
            lengths[index + 1] = if token == other {
                diagonal + 1
            } else {
                lengths[index].max(above)
            };
            diagonal = above;
        }
    }
    lengths[right.len()]
}
