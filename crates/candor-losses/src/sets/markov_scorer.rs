use candor_core::InputError;

use super::order_scorer::{OrderScorer, log_sum_exp};

const NAME: &str = "MarkovScorer";

/// A first-order model of a set of tokens: the next token depends on the last one only.
///
/// ```text
/// p(first = v) = softmax(start)_v        p(next = w | last = v) = softmax(transition_v)_w
/// ```
///
/// Equal tokens may occur several times. [`best_markov_order`](super::best_markov_order) finds its best order of up to
/// 16 elements.
///
/// ```
/// use candor_losses::sets::{MarkovScorer, OrderScorer};
///
/// // Two tokens, everything equally likely; the set holds token 1 and token 0.
/// let scorer = MarkovScorer::from_logits(&[0.0, 0.0], &[0.0; 4], &[1, 0]).unwrap();
/// assert!((scorer.step_log_probs(&[], &[0, 1])[0] + 2f64.ln()).abs() < 1e-12);
/// ```
#[derive(Debug, Clone)]
pub struct MarkovScorer {
    /// Log-probability of each element as the first.
    start: Vec<f64>,
    /// Log-probability of each element after each other, one row a last element.
    transition: Vec<Vec<f64>>,
}

impl MarkovScorer {
    /// The scorer of a set of `tokens` from logits `start` `[tokens]` and `transition` `[tokens, tokens]`, row-major.
    ///
    /// # Errors
    ///
    /// No token in the set, a token outside the vocabulary, a transition table that is not square, a logit that is
    /// not finite.
    pub fn from_logits(
        start_logits: &[f64],
        transition_logits: &[f64],
        tokens: &[usize],
    ) -> Result<Self, InputError> {
        let vocabulary = start_logits.len();
        InputError::check_not_empty(NAME, "tokens", tokens.len())?;
        let wanted = vocabulary * vocabulary;
        InputError::check_dims(
            NAME,
            "transition_logits",
            &[transition_logits.len()],
            &[wanted],
        )?;
        InputError::check_finite(NAME, "start_logits", start_logits)?;
        InputError::check_finite(NAME, "transition_logits", transition_logits)?;
        let labels: Vec<i64> = tokens.iter().map(|&token| token as i64).collect();
        InputError::check_labels(NAME, "tokens", &labels, vocabulary)?;
        let of_tokens = |logits: &[f64]| -> Vec<f64> {
            let normaliser = log_sum_exp(logits);
            let log_prob = |&token: &usize| logits.get(token).map(|logit| logit - normaliser);
            tokens.iter().filter_map(log_prob).collect()
        };
        let rows: Vec<&[f64]> = transition_logits.chunks(vocabulary).collect();
        let row = |&token: &usize| rows.get(token).map(|logits| of_tokens(logits));
        Ok(Self {
            start: of_tokens(start_logits),
            transition: tokens.iter().filter_map(row).collect(),
        })
    }

    /// How many elements the set has.
    pub fn elements(&self) -> usize {
        self.start.len()
    }

    /// Log-probability of every element as the next: after `last`, or as the first.
    pub(super) fn next(&self, last: Option<usize>) -> &[f64] {
        match last {
            None => &self.start,
            Some(last) => self.transition.get(last).map_or(&[], Vec::as_slice),
        }
    }
}

impl OrderScorer for MarkovScorer {
    fn step_log_probs(&self, prefix: &[usize], remaining: &[usize]) -> Vec<f64> {
        let next = self.next(prefix.last().copied());
        let log_prob = |&element: &usize| next.get(element).copied();
        remaining.iter().filter_map(log_prob).collect()
    }
}
