use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{IndexingUpdateOp, Int, Tensor};
use candor_core::linear::{LinearLogits, linear_statistics};
use candor_core::{ConfigError, InputError, MemoryBudget, check_shape, in_f32};

use super::similarities::{own_numbers, prepared};

const NAME: &str = "SupConLoss";

/// Configuration of [`SupConLoss`].
#[derive(Config, Debug)]
pub struct SupConLossConfig {
    /// Temperature τ, finite and > 0. Default: 0.1.
    #[config(default = 0.1)]
    pub temperature: f64,
    /// Bytes of similarities held at once. Default: 48 MiB on processors, 256 MiB on others.
    pub budget: Option<MemoryBudget>,
}

impl SupConLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A temperature that is not finite and above zero.
    pub fn init(&self) -> Result<SupConLoss, ConfigError> {
        Ok(SupConLoss {
            temperature: ConfigError::positive(
                "SupConLossConfig",
                "temperature",
                self.temperature,
            )?,
            budget: self.budget,
        })
    }
}

/// Supervised contrastive loss: every other row of the anchor's class is a positive.
///
/// ```text
/// z = rows divided by their length,  P(i) = the other rows of i's class
/// loss_i = log Σ_{j ≠ i} exp(z_i · z_j / τ) - mean_{j in P(i)} z_i · z_j / τ,   0 where P(i) is empty
/// ```
///
/// `Mean` is over the anchors that have a positive ([`num_valid`](Self::num_valid)), and 0 without any. For several views of
/// an example, stack them and repeat the labels. The authors' code multiplies by τ / 0.07; this does not.
///
/// # Edge cases
///
/// Labels may be any integers. A batch of one class is legal. A zero row stays zero.
///
/// # Source
///
/// Khosla et al.: Supervised Contrastive Learning, 2020, arXiv 2004.11362 (the form with the sum outside of the logarithm).
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::contrastive::SupConLossConfig;
///
/// let device = Device::flex();
/// let embeddings = Tensor::<2>::from_floats([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]], &device);
/// let labels = Tensor::<1, Int>::from_data([7, 7, 1], &device);
/// let loss = SupConLossConfig::new().with_temperature(1.0).init()?;
/// let value: f32 = loss.forward(embeddings, labels, Reduction::Mean).into_scalar();
/// assert!((value - (1.0 + (-1f32).exp()).ln()).abs() < 1e-6); // the third row has no positive
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct SupConLoss {
    temperature: f64,
    budget: Option<MemoryBudget>,
}

impl SupConLoss {
    /// The loss, reduced to `[1]`; `Mean`, `Auto` and `BatchMean` divide by the anchors that have a positive.
    ///
    /// # Shapes
    ///
    /// - embeddings: `[batch, width]`
    /// - labels: `[batch]`
    ///
    /// # Panics
    ///
    /// When there is not one label a row, or the batch is empty.
    pub fn forward(
        &self,
        embeddings: Tensor<2>,
        labels: Tensor<1, Int>,
        reduction: Reduction,
    ) -> Tensor<1> {
        in_f32(embeddings, |embeddings| {
            let classes = self.classes(&embeddings, labels);
            let valid = classes.is_valid();
            let sum = self.losses(embeddings, classes).sum();
            match reduction {
                Reduction::Sum => sum,
                Reduction::Mean | Reduction::Auto | Reduction::BatchMean => {
                    let count = valid.sum().clamp_min(1.0).cast(sum.dtype());
                    sum / count
                }
            }
        })
    }

    /// The loss of each anchor, `[batch]`, 0 without a positive.
    ///
    /// # Panics
    ///
    /// When there is not one label a row, or the batch is empty.
    pub fn forward_no_reduction(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        in_f32(embeddings, |embeddings| {
            let classes = self.classes(&embeddings, labels);
            self.losses(embeddings, classes)
        })
    }

    /// How many anchors have a positive, `[1]`: with none, the loss did nothing.
    pub fn num_valid(&self, labels: Tensor<1, Int>) -> Tensor<1> {
        Classes::new(labels, self.budget.unwrap_or_default())
            .is_valid()
            .sum()
    }

    /// Looks for what the loss is not defined for.
    ///
    /// # Errors
    ///
    /// Another number of labels than rows, an empty batch, no width.
    pub fn validate(
        &self,
        embeddings: &Tensor<2>,
        labels: &Tensor<1, Int>,
    ) -> Result<(), InputError> {
        let [batch, width] = embeddings.dims();
        InputError::check_dims(NAME, "labels", &labels.dims(), &[batch])?;
        InputError::check_not_empty(NAME, "embeddings", batch * width)
    }

    fn classes(&self, embeddings: &Tensor<2>, labels: Tensor<1, Int>) -> Classes {
        let [batch, _] = embeddings.dims();
        check_shape!(NAME, labels, [batch]);
        Classes::new(labels, self.budget.unwrap_or_default())
    }

    fn losses(&self, embeddings: Tensor<2>, classes: Classes) -> Tensor<1> {
        let [batch, _] = embeddings.dims();
        let rows = prepared(embeddings, true);
        let scaled = rows.clone() * (1.0 / self.temperature);
        let pull = (scaled.clone() * classes.mean_of_others(rows.clone()))
            .sum_dim(1)
            .reshape([batch]);
        let logits = LinearLogits::new(scaled, rows).without_own_class();
        let logits = match self.budget {
            Some(budget) => logits.with_budget(budget),
            None => logits,
        };
        let push = linear_statistics(logits, classes.first.clone()).log_sum_exp;
        (push - pull).mask_fill(classes.is_valid().equal_scalar(0.0), 0.0)
    }
}

/// Which rows belong together.
struct Classes {
    /// The first row with each row's label, `[rows]`.
    first: Tensor<1, Int>,
    /// How many rows of each row's class there are beside it, `[rows]`.
    others: Tensor<1>,
}

impl Classes {
    /// Finds each row's class on the device, some rows at a time.
    fn new(labels: Tensor<1, Int>, budget: MemoryBudget) -> Self {
        let [rows] = labels.dims();
        let device = labels.device().without_autodiff();
        let (across, numbers) = (
            labels.clone().reshape([1, rows]),
            own_numbers(rows, &device),
        );
        let numbers = numbers.reshape([1, rows]);
        // Of each row at once: two matrices of integers and one of flags.
        let chunks = budget.chunks(rows, 20 * rows).map(|range| {
            let count = range.len();
            let down = labels.clone().slice_dim(0, range).reshape([count, 1]);
            let differs = across.clone().expand([count, rows]);
            let differs = differs.not_equal(down.expand([count, rows]));
            let same = numbers.clone().expand([count, rows]);
            let same = same.mask_fill(differs, rows as i64);
            same.min_dim(1).reshape([count])
        });
        let first = Tensor::cat(chunks.collect(), 0);
        let ones = Tensor::<1>::ones([rows], &device);
        let sizes = ones
            .zeros_like()
            .select_assign(0, first.clone(), ones, IndexingUpdateOp::Add);
        Self {
            others: sizes.select(0, first.clone()) - 1.0,
            first,
        }
    }

    /// 1 for each row that has another of its class, else 0.
    fn is_valid(&self) -> Tensor<1> {
        self.others.clone().clamp_max(1.0)
    }

    /// The mean over the other rows of each row's class, `[rows, width]`; 0 where there is none.
    fn mean_of_others(&self, rows: Tensor<2>) -> Tensor<2> {
        let [count, _] = rows.dims();
        let sums = rows.zeros_like().select_assign(
            0,
            self.first.clone(),
            rows.clone(),
            IndexingUpdateOp::Add,
        );
        let others = self.others.clone().clamp_min(1.0).cast(rows.dtype());
        (sums.select(0, self.first.clone()) - rows) / others.reshape([count, 1])
    }
}
