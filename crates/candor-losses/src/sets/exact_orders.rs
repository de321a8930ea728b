use candor_core::InputError;

use super::order_scorer::{OrderScorer, checked_step, log_sum_exp};

const NAME: &str = "exact_orders";
/// 8! = 40 320 orders.
pub(super) const HARD_LIMIT: usize = 8;

/// What all orders of a set came to.
#[derive(Debug, Clone, PartialEq)]
pub struct ExactOrders {
    /// The most probable order; of equal ones the first in lexicographic order.
    pub order: Vec<usize>,
    /// Its log-probability.
    pub log_prob: f64,
    /// Mean of `-log p` over all orders; infinite when one is impossible.
    pub uniform_nll: f64,
    /// Minus the log-probability of the set, the sum over all orders.
    pub marginal_nll: f64,
}

/// Scores all `n!` orders of a set of `n` elements, `n <= max_exact <= 8`.
///
/// Orders that share a beginning share its cost: the scorer is asked once for each of the `Σ n!/k!` prefixes.
///
/// # Errors
///
/// No element, more than `max_exact` or 8, a scorer that returns another number of values, NaN or `+inf`, a set whose
/// every order has probability 0.
///
/// # Source
///
/// Vinyals, Bengio, Kudlur 2016, arXiv 1511.06391.
///
/// ```
/// use candor_losses::sets::{MarkovScorer, exact_orders};
///
/// // Token 0 begins with probability 9/10, whatever follows is 1/2.
/// let scorer = MarkovScorer::from_logits(&[9f64.ln(), 0.0], &[0.0; 4], &[1, 0]).unwrap();
/// let found = exact_orders(&scorer, 2, 7).unwrap();
/// assert_eq!(found.order, [1, 0]);
/// assert!((found.log_prob - 0.45f64.ln()).abs() < 1e-12);
/// assert!((found.marginal_nll - 2f64.ln()).abs() < 1e-12); // (9/10 + 1/10) / 2
/// ```
pub fn exact_orders(
    scorer: &impl OrderScorer,
    n: usize,
    max_exact: usize,
) -> Result<ExactOrders, InputError> {
    check_size(n, max_exact.min(HARD_LIMIT))?;
    let mut walk = Walk {
        scorer,
        prefix: Vec::with_capacity(n),
        best: None,
        log_probs: Vec::new(),
    };
    walk.visit(&(0..n).collect::<Vec<_>>(), 0.0)?;
    let Some((order, log_prob)) = walk.best else {
        return Err(InputError::Undefined {
            component: NAME,
            reason: "every order has probability zero",
        });
    };
    let count = walk.log_probs.len() as f64;
    Ok(ExactOrders {
        order,
        log_prob,
        uniform_nll: -walk
            .log_probs
            .iter()
            .map(|value| value / count)
            .sum::<f64>(),
        marginal_nll: -log_sum_exp(&walk.log_probs),
    })
}

/// All orders of `n` elements, `n <= 8`, in lexicographic order: the candidates of an exact search.
///
/// # Errors
///
/// No element, or more than 8.
///
/// ```
/// use candor_losses::sets::all_orders;
///
/// assert_eq!(all_orders(2).unwrap(), [[0, 1], [1, 0]]);
/// assert_eq!(all_orders(5).unwrap().len(), 120);
/// ```
pub fn all_orders(n: usize) -> Result<Vec<Vec<usize>>, InputError> {
    check_size(n, HARD_LIMIT)?;
    let longer = |orders: Vec<Vec<usize>>, _| {
        let extend = |order: Vec<usize>| {
            let rest: Vec<usize> = (0..n).filter(|element| !order.contains(element)).collect();
            rest.into_iter()
                .map(move |element| [order.as_slice(), &[element]].concat())
        };
        orders.into_iter().flat_map(extend).collect()
    };
    Ok((0..n).fold(vec![Vec::new()], longer))
}

fn check_size(n: usize, most: usize) -> Result<(), InputError> {
    InputError::check_not_empty(NAME, "n", n)?;
    InputError::check_values(
        NAME,
        "n",
        &[n as f64],
        "at most max_exact, and at most 8",
        |n| n <= most as f64,
    )
}

/// Goes through all orders depth first.
struct Walk<'a, S> {
    scorer: &'a S,
    prefix: Vec<usize>,
    best: Option<(Vec<usize>, f64)>,
    log_probs: Vec<f64>,
}

impl<S: OrderScorer> Walk<'_, S> {
    fn visit(&mut self, remaining: &[usize], log_prob: f64) -> Result<(), InputError> {
        if remaining.is_empty() {
            self.arrive(log_prob);
            return Ok(());
        }
        let steps = checked_step(NAME, self.scorer, &self.prefix, remaining)?;
        for (&element, step) in remaining.iter().zip(steps) {
            let rest: Vec<usize> = remaining
                .iter()
                .copied()
                .filter(|&other| other != element)
                .collect();
            self.prefix.push(element);
            self.visit(&rest, log_prob + step)?;
            self.prefix.pop();
        }
        Ok(())
    }

    fn arrive(&mut self, log_prob: f64) {
        let bar = self
            .best
            .as_ref()
            .map_or(f64::NEG_INFINITY, |(_, best)| *best);
        if log_prob > bar {
            self.best = Some((self.prefix.clone(), log_prob));
        }
        self.log_probs.push(log_prob);
    }
}
