use candor_core::InputError;

use super::markov_scorer::MarkovScorer;
use super::order_search::FoundOrder;

const NAME: &str = "best_markov_order";
/// 2^16 subsets of 16 last elements: 8 MiB.
const LIMIT: usize = 16;

/// The best order of a first-order scorer, by Held and Karp's recursion: exact for up to 16 elements.
///
/// ```text
/// best(S, j) = max over i in S \ j of best(S \ j, i) + log p(j | i)        O(2^n n²) time, O(2^n n) memory
/// ```
///
/// # Errors
///
/// More than 16 elements.
///
/// # Source
///
/// Held, Karp: A dynamic programming approach to sequencing problems, 1962.
///
/// ```
/// use candor_losses::sets::{MarkovScorer, best_markov_order};
///
/// // After token 0 comes token 1 with probability 9/10.
/// let scorer = MarkovScorer::from_logits(&[0.0, 0.0], &[0.0, 9f64.ln(), 0.0, 0.0], &[1, 0]).unwrap();
/// let found = best_markov_order(&scorer).unwrap();
/// assert_eq!(found.order, [1, 0]);
/// assert!((found.log_prob - 0.45f64.ln()).abs() < 1e-12);
/// ```
pub fn best_markov_order(scorer: &MarkovScorer) -> Result<FoundOrder, InputError> {
    let n = scorer.elements();
    let legal = |n: f64| n <= LIMIT as f64;
    InputError::check_values(NAME, "elements", &[n as f64], "at most 16", legal)?;
    let table = Table::filled(scorer);
    let all = (1usize << n) - 1;
    let Some((last, log_prob)) = table.best_last(all, |_| 0.0) else {
        return Err(InputError::Empty {
            component: NAME,
            argument: "elements",
            wanted: "at least one is needed",
        });
    };
    Ok(FoundOrder {
        order: table.trace(scorer, all, last),
        log_prob,
    })
}

/// The best log-probability of every subset, by its last element.
struct Table {
    n: usize,
    values: Vec<f64>,
}

impl Table {
    fn filled(scorer: &MarkovScorer) -> Self {
        let n = scorer.elements();
        let mut table = Self {
            n,
            values: vec![f64::NEG_INFINITY; n << n],
        };
        for subset in 1..1usize << n {
            for last in members(subset) {
                let before = subset & !(1 << last);
                let value = if before == 0 {
                    step(scorer, None, last)
                } else {
                    let onwards = |from| step(scorer, Some(from), last);
                    let best = table.best_last(before, onwards);
                    best.map_or(f64::NEG_INFINITY, |(_, value)| value)
                };
                if let Some(entry) = table.values.get_mut(subset * n + last) {
                    *entry = value;
                }
            }
        }
        table
    }

    /// The last element of a subset with the largest value, what comes after it counted in.
    fn best_last(&self, subset: usize, onwards: impl Fn(usize) -> f64) -> Option<(usize, f64)> {
        members(subset)
            .filter_map(|last| {
                let value = self.values.get(subset * self.n + last)?;
                Some((last, value + onwards(last)))
            })
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
    }

    /// The order that ends in `last`.
    fn trace(&self, scorer: &MarkovScorer, mut subset: usize, mut last: usize) -> Vec<usize> {
        let mut order = vec![last];
        subset &= !(1 << last);
        while let Some((before, _)) = self.best_last(subset, |from| step(scorer, Some(from), last))
        {
            order.push(before);
            subset &= !(1 << before);
            last = before;
        }
        order.reverse();
        order
    }
}

fn members(subset: usize) -> impl Iterator<Item = usize> {
    (0..LIMIT).filter(move |element| subset >> element & 1 == 1)
}

fn step(scorer: &MarkovScorer, last: Option<usize>, next: usize) -> f64 {
    let log_probs = scorer.next(last);
    log_probs.get(next).copied().unwrap_or(f64::NEG_INFINITY)
}
