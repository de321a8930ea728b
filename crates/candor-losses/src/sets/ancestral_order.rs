use candor_core::{DrawKey, InputError};
use rand::RngExt;

use super::order_scorer::{OrderScorer, checked_step, log_sum_exp};

const NAME: &str = "ancestral_order";

/// An order drawn element by element.
#[derive(Debug, Clone, PartialEq)]
pub struct AncestralOrder {
    /// The elements in the order they were drawn.
    pub order: Vec<usize>,
    /// Log-probability with which this order is drawn.
    pub log_proposal: f64,
    /// Log-probability that the model gives it, never more.
    pub log_prob: f64,
}

/// Draws an order of as many elements as there are `uniforms`, with one pass of the model instead of `n!`.
///
/// ```text
/// w_j = p(y_j | prefix) / Σ over the remaining elements        the next element is drawn from w
/// log_proposal = Σ log w,  log_prob = Σ log p
/// ```
///
/// The remaining elements stay in the order of their indices; the next one is the number of cumulative weights that
/// are <= the step's uniform number, and never beyond the last.
///
/// Only nearly proportional to the order's probability: what a step gives to tokens outside the set is left out. Weigh
/// by `log_prob - log_proposal` where that matters.
///
/// # Errors
///
/// No uniform number, one outside [0, 1], a scorer that returns another number of values, NaN or `+inf`, a step
/// at which every remaining element has probability 0.
///
/// # Source
///
/// Vinyals, Bengio, Kudlur 2016, arXiv 1511.06391.
///
/// ```
/// use candor_losses::sets::{MarkovScorer, ancestral_order};
///
/// // Three tokens, all alike; the set holds two of them.
/// let scorer = MarkovScorer::from_logits(&[0.0; 3], &[0.0; 9], &[0, 2]).unwrap();
/// let drawn = ancestral_order(&scorer, &[0.7, 0.1]).unwrap();
/// assert_eq!(drawn.order, [1, 0]);
/// assert!((drawn.log_proposal + 2f64.ln()).abs() < 1e-12); // 1/2, then the only one left
/// assert!((drawn.log_prob + 9f64.ln()).abs() < 1e-12);
/// ```
pub fn ancestral_order(
    scorer: &impl OrderScorer,
    uniforms: &[f64],
) -> Result<AncestralOrder, InputError> {
    InputError::check_not_empty(NAME, "uniforms", uniforms.len())?;
    let legal = |u: f64| (0.0..=1.0).contains(&u);
    InputError::check_values(NAME, "uniforms", uniforms, "in [0, 1]", legal)?;
    let mut remaining: Vec<usize> = (0..uniforms.len()).collect();
    let mut drawn = AncestralOrder {
        order: Vec::with_capacity(uniforms.len()),
        log_proposal: 0.0,
        log_prob: 0.0,
    };
    for &uniform in uniforms {
        let log_probs = checked_step(NAME, scorer, &drawn.order, &remaining)?;
        let total = log_sum_exp(&log_probs);
        if total == f64::NEG_INFINITY {
            return Err(InputError::Undefined {
                component: NAME,
                reason: "every remaining element has probability zero",
            });
        }
        let choice = pick(&log_probs, total, uniform);
        let log_prob = log_probs.get(choice).copied().unwrap_or(total);
        drawn.log_prob += log_prob;
        drawn.log_proposal += log_prob - total;
        drawn.order.push(remaining.remove(choice));
    }
    Ok(drawn)
}

/// [`ancestral_order`] of `n` elements with the uniform numbers of a key.
///
/// # Errors
///
/// As [`ancestral_order`].
pub fn ancestral_order_keyed(
    scorer: &impl OrderScorer,
    n: usize,
    key: DrawKey,
) -> Result<AncestralOrder, InputError> {
    let mut rng = key.rng();
    let uniforms: Vec<f64> = (0..n).map(|_| rng.random()).collect();
    ancestral_order(scorer, &uniforms)
}

/// How many cumulative weights are <= the uniform number, capped at the last element that has any probability.
fn pick(log_probs: &[f64], total: f64, uniform: f64) -> usize {
    let mut cumulative = 0.0;
    let passed = log_probs
        .iter()
        .take_while(|&&log_prob| {
            cumulative += (log_prob - total).exp();
            cumulative <= uniform
        })
        .count();
    let possible = |&log_prob: &f64| log_prob > f64::NEG_INFINITY;
    let last = log_probs.iter().rposition(possible);
    passed.min(last.unwrap_or(0))
}
