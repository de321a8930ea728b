use burn::config::Config;
use candor_core::{ConfigError, DrawKey, InputError};

use super::ancestral_order::{AncestralOrder, ancestral_order_keyed};
use super::exact_orders::{ExactOrders, HARD_LIMIT, exact_orders};
use super::order_scorer::OrderScorer;

/// Configuration of [`OrderSearch`].
#[derive(Config, Debug)]
pub struct OrderSearchConfig {
    /// The largest set whose every order is scored, 1 to 8. Default: 7, which is 5040 orders.
    #[config(default = 7)]
    pub max_exact: usize,
    /// Orders drawn for a larger set, >= 1. Default: 1.
    #[config(default = 1)]
    pub samples: usize,
}

impl OrderSearchConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// `max_exact` outside 1 to 8, no sample.
    pub fn init(&self) -> Result<OrderSearch, ConfigError> {
        const NAME: &str = "OrderSearchConfig";
        if !(1..=HARD_LIMIT).contains(&self.max_exact) {
            return Err(ConfigError::out_of_range(
                NAME,
                "max_exact",
                self.max_exact,
                "in 1..=8",
            ));
        }
        Ok(OrderSearch {
            max_exact: self.max_exact,
            samples: ConfigError::at_least_one(NAME, "samples", self.samples)?,
        })
    }
}

/// An order and the log-probability that the model gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundOrder {
    /// The elements, first to last.
    pub order: Vec<usize>,
    /// `log p` of the set in this order.
    pub log_prob: f64,
}

/// Looks for the order in which a model finds a set most probable: exactly for small sets, by sampling for larger ones.
///
/// A host-side procedure over an [`OrderScorer`]. For training on the device list candidate orders and use
/// [`OrderSearchLoss`](super::OrderSearchLoss); for a first-order scorer
/// [`best_markov_order`](super::best_markov_order) is exact up to 16 elements.
///
/// # Source
///
/// Vinyals, Bengio, Kudlur 2016, arXiv 1511.06391.
///
/// ```
/// use candor_core::DrawKey;
/// use candor_losses::sets::{MarkovScorer, OrderSearchConfig};
///
/// let scorer = MarkovScorer::from_logits(&[9f64.ln(), 0.0], &[0.0; 4], &[1, 0]).unwrap();
/// let search = OrderSearchConfig::new().init().unwrap();
/// assert_eq!(search.best(&scorer, 2, DrawKey::new(0)).unwrap().order, [1, 0]); // token 0 first
/// ```
#[derive(Debug, Clone)]
pub struct OrderSearch {
    max_exact: usize,
    samples: usize,
}

impl OrderSearch {
    /// The best order found: of all for up to `max_exact` elements, else of `samples` ancestral ones.
    ///
    /// # Errors
    ///
    /// As [`exact_orders`] and [`ancestral_order`](super::ancestral_order).
    pub fn best(
        &self,
        scorer: &impl OrderScorer,
        n: usize,
        key: DrawKey,
    ) -> Result<FoundOrder, InputError> {
        if n <= self.max_exact {
            let ExactOrders {
                order, log_prob, ..
            } = self.exact(scorer, n)?;
            return Ok(FoundOrder { order, log_prob });
        }
        let drawn = self.sample(scorer, n, key)?;
        let best = drawn.into_iter().reduce(|best, next| {
            if next.log_prob > best.log_prob {
                next
            } else {
                best
            }
        });
        let best = best.ok_or(InputError::Undefined {
            component: "OrderSearch",
            reason: "no order was drawn",
        })?;
        Ok(FoundOrder {
            order: best.order,
            log_prob: best.log_prob,
        })
    }

    /// All orders of up to `max_exact` elements.
    ///
    /// # Errors
    ///
    /// As [`exact_orders`].
    pub fn exact(&self, scorer: &impl OrderScorer, n: usize) -> Result<ExactOrders, InputError> {
        exact_orders(scorer, n, self.max_exact)
    }

    /// `samples` ancestral orders; sample `s` draws from `key.draw(key.draw + s)`.
    ///
    /// # Errors
    ///
    /// As [`ancestral_order`](super::ancestral_order).
    pub fn sample(
        &self,
        scorer: &impl OrderScorer,
        n: usize,
        key: DrawKey,
    ) -> Result<Vec<AncestralOrder>, InputError> {
        (0..self.samples as u64)
            .map(|sample| ancestral_order_keyed(scorer, n, key.draw(key.draw + sample)))
            .collect()
    }
}
