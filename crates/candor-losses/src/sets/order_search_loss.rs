use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor, activation};
use candor_core::numerics::log_sum_exp;
use candor_core::{ConfigError, DrawKey, InputError, check_shape, host, in_f32, reduce};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// What [`OrderSearchLoss`] makes of the log-probabilities `l_k` of the candidate orders of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderObjective {
    /// `-max_k l_k`: the paper's objective. Of equal orders the first counts.
    Best,
    /// `-mean_k l_k`: every order alike, for the first steps of training.
    Uniform,
    /// `-l_k*` of one drawn order, `k*` with probability `softmax(l)`.
    Sampled,
    /// `-Σ_k softmax(l)_k l_k` with constant weights: the mean of `Sampled` over its draws.
    Expected,
    /// `-log Σ_k exp(l_k)`: with all orders listed, minus the log-probability of the set.
    Marginal,
}

/// Configuration of [`OrderSearchLoss`].
#[derive(Config, Debug)]
pub struct OrderSearchLossConfig {
    /// What is made of the orders. Default: `Sampled`.
    #[config(default = "OrderObjective::Sampled")]
    pub objective: OrderObjective,
    /// Steps of training with `Uniform` before, >= 0; see [`OrderSearchLoss::at_step`]. Default: 1000.
    #[config(default = 1000)]
    pub pretrain_steps: usize,
}

impl OrderSearchLossConfig {
    /// Builds the loss; every setting is legal.
    ///
    /// # Errors
    ///
    /// None today.
    pub fn init(&self) -> Result<OrderSearchLoss, ConfigError> {
        Ok(OrderSearchLoss {
            objective: self.objective,
            pretrain_steps: self.pretrain_steps,
        })
    }
}

/// Trains an autoregressive model of a set without fixing the order of its elements.
///
/// ```text
/// l_k = log p(elements in order π_k | input)          the sum of the steps' log-probabilities
/// Marginal <= Best <= Expected <= Uniform             whatever the l_k
/// ```
///
/// | objective | gradient with respect to l_k |
/// |---|---|
/// | `Best` | -1 at the largest |
/// | `Uniform` | -1/K |
/// | `Sampled` | -1 at the drawn one |
/// | `Expected`, `Marginal` | `-softmax(l)_k` |
///
/// 1. Pre-train with `Uniform` (or one random order an example): from a random start the search locks in whatever
///    order the first weights prefer. [`at_step`](Self::at_step) does this.
/// 2. List the candidate orders of each example ([`all_orders`](super::all_orders) of a small set, drawn ones of a large
///    one), score them, and [`draw`](Self::draw) one for `Sampled`.
/// 3. Evaluate with the best order that is found. Compare models by `Marginal`: a model of all orders spends
///    probability on n! of them, so its best order costs up to log n! more.
///
/// # Edge cases
///
/// One order: every objective is `-l`. Log-probabilities of -1e4 give finite losses; weights underflow to 0.
/// `Sampled` without a draw is its mean, `Expected`.
///
/// # Source
///
/// Vinyals, Bengio, Kudlur: Order Matters: Sequence to sequence for sets, 2016, arXiv 1511.06391. `Expected` and
/// `Marginal` are its siblings.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::sets::{OrderObjective, OrderSearchLossConfig};
///
/// let order_log_probs = Tensor::<2>::from_floats([[-1.0, -3.0]], &Device::flex());
/// let uniform = OrderSearchLossConfig::new().with_objective(OrderObjective::Uniform).init().unwrap();
/// let loss = uniform.forward(order_log_probs, None, Reduction::Mean);
/// assert_eq!(loss.into_scalar::<f32>(), 2.0);
/// ```
#[derive(Debug, Clone)]
pub struct OrderSearchLoss {
    objective: OrderObjective,
    pretrain_steps: usize,
}

impl OrderSearchLoss {
    /// The loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - order_log_probs: `[batch, orders]`
    /// - chosen: `[batch]`, the drawn order of each example in `0..orders`; only `Sampled` reads it
    ///
    /// # Panics
    ///
    /// When there is not one choice a row.
    pub fn forward(
        &self,
        order_log_probs: Tensor<2>,
        chosen: Option<Tensor<1, Int>>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(
            self.forward_no_reduction(order_log_probs, chosen),
            &reduction,
        )
    }

    /// The loss of each example, `[batch]`.
    ///
    /// # Panics
    ///
    /// When there is not one choice a row.
    pub fn forward_no_reduction(
        &self,
        order_log_probs: Tensor<2>,
        chosen: Option<Tensor<1, Int>>,
    ) -> Tensor<1> {
        let [batch, _] = order_log_probs.dims();
        if let Some(chosen) = &chosen {
            check_shape!("OrderSearchLoss", chosen, [batch]);
        }
        in_f32(order_log_probs, |log_probs| {
            let gain: Tensor<2> = match (self.objective, chosen) {
                (OrderObjective::Best, _) => {
                    let best = log_probs.clone().without_autodiff().argmax(1);
                    log_probs.gather(1, best)
                }
                (OrderObjective::Uniform, _) => log_probs.mean_dim(1),
                (OrderObjective::Sampled, Some(chosen)) => {
                    log_probs.gather(1, chosen.reshape([batch, 1]))
                }
                (OrderObjective::Sampled, None) | (OrderObjective::Expected, _) => {
                    let weights = activation::softmax(log_probs.clone().detach(), 1);
                    (weights * log_probs).sum_dim(1)
                }
                (OrderObjective::Marginal, _) => log_sum_exp(log_probs, 1),
            };
            -gain.reshape([batch])
        })
    }

    /// The loss of one step of training, counted from zero: `Uniform` within the first `pretrain_steps`, then its own.
    ///
    /// ```
    /// use candor_losses::sets::{OrderObjective, OrderSearchLossConfig};
    ///
    /// let loss = OrderSearchLossConfig::new().with_pretrain_steps(10).init().unwrap();
    /// assert_eq!(loss.at_step(9).objective(), OrderObjective::Uniform);
    /// assert_eq!(loss.at_step(10).objective(), OrderObjective::Sampled);
    /// ```
    pub fn at_step(&self, step: usize) -> Self {
        let objective = if step < self.pretrain_steps {
            OrderObjective::Uniform
        } else {
            self.objective
        };
        Self {
            objective,
            pretrain_steps: 0,
        }
    }

    /// What is made of the orders.
    pub fn objective(&self) -> OrderObjective {
        self.objective
    }

    /// Draws an order a row, `[batch]`, with probability `softmax(order_log_probs)`.
    ///
    /// One of `uniforms` `[batch]`, in [0, 1), decides a row: the order is the number of cumulative probabilities that
    /// are <= it. Stays on the device; no gradient flows.
    ///
    /// # Panics
    ///
    /// When there is not one uniform number a row.
    pub fn draw(&self, order_log_probs: Tensor<2>, uniforms: Tensor<1>) -> Tensor<1, Int> {
        let [batch, orders] = order_log_probs.dims();
        check_shape!("OrderSearchLoss", uniforms, [batch]);
        let probs = activation::softmax(order_log_probs.without_autodiff(), 1);
        let uniforms = uniforms.without_autodiff().cast(probs.dtype());
        let passed = probs
            .cumsum(1)
            .lower_equal(uniforms.reshape([batch, 1]).expand([batch, orders]));
        let last = orders.saturating_sub(1) as i64;
        passed.int().sum_dim(1).clamp_max(last).reshape([batch])
    }

    /// [`draw`](Self::draw) with the uniform numbers of a key: row `i` of the batch draws from `key.row(key.row + i)`.
    pub fn draw_keyed(&self, order_log_probs: Tensor<2>, key: DrawKey) -> Tensor<1, Int> {
        let [batch, _] = order_log_probs.dims();
        let uniforms = (0..batch as u64)
            .map(|row| key.row(key.row + row).rng().random::<f64>())
            .collect();
        let uniforms = host::tensor_like(uniforms, [batch], &order_log_probs);
        self.draw(order_log_probs, uniforms)
    }

    /// Looks for values the loss is not defined for; reads both arguments to the host.
    ///
    /// # Errors
    ///
    /// An empty batch or no order, another number of choices than rows, a choice outside the orders, a
    /// log-probability that is not finite.
    pub fn validate(
        &self,
        order_log_probs: &Tensor<2>,
        chosen: Option<&Tensor<1, Int>>,
    ) -> Result<(), InputError> {
        const NAME: &str = "OrderSearchLoss";
        let [batch, orders] = order_log_probs.dims();
        InputError::check_not_empty(NAME, "order_log_probs", batch * orders)?;
        InputError::check_finite(NAME, "order_log_probs", &host::floats(order_log_probs))?;
        let Some(chosen) = chosen else {
            return Ok(());
        };
        InputError::check_dims(NAME, "chosen", &chosen.dims(), &[batch])?;
        InputError::check_labels(NAME, "chosen", &host::ints(chosen), orders)
    }
}
