use burn::config::Config;
use burn::tensor::{Int, Tensor, activation};
use candor_core::numerics::{normalize_rows, safe_sqrt, softplus};
use candor_core::{ConfigError, InputError, check_shape, in_f32};

use super::row_check::check_rows;
use super::triplets::Triplets;

/// Configuration of [`TripletMarginLoss`].
#[derive(Config, Debug)]
pub struct TripletMarginLossConfig {
    /// How much farther the negative must be, finite and >= 0. Default: 0.05.
    #[config(default = 0.05)]
    pub margin: f64,
    /// Whether the negative's distance is the smaller of those to anchor and positive. Default: it is not.
    #[config(default = false)]
    pub swap: bool,
    /// Whether the hinge is a softplus, which never stops pulling. Default: it is not.
    #[config(default = false)]
    pub smooth: bool,
}

impl TripletMarginLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A margin that is negative or not finite.
    pub fn init(&self) -> Result<TripletMarginLoss, ConfigError> {
        Ok(TripletMarginLoss {
            margin: ConfigError::non_negative("TripletMarginLossConfig", "margin", self.margin)?,
            swap: self.swap,
            smooth: self.smooth,
        })
    }
}

/// Triplet loss: a row of another class must be farther from an anchor than a row of its own, by a margin.
///
/// ```text
/// d    = Euclidean distance of normalised rows
/// loss = max(0, d(anchor, positive) - d(anchor, negative) + margin)
/// ```
///
/// Which triplets are trained is the caller's: a [`TripletMiner`](super::TripletMiner) finds hard ones,
/// [`Triplets::all`] lists every one. [`forward`](Self::forward) averages over the triplets whose loss is above zero: with
/// few of them left, a mean over all would shrink the step.
///
/// # Edge cases
///
/// Coinciding rows have distance and gradient 0; so has a row of zeros, which has no direction. No triplet, or none above
/// zero: loss 0.
///
/// # Source
///
/// Schroff et al.: FaceNet, 2015, arXiv 1503.03832; the mean over what is above zero is pytorch-metric-learning's.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::metric_learning::{TripletMarginLossConfig, Triplets};
///
/// let device = Device::flex();
/// let rows = Tensor::<2>::from_floats([[1.0, 0.0], [-2.0, 0.0], [3.0, 0.0]], &device);
/// let labels = Tensor::<1, Int>::from_data([0, 0, 1], &device);
/// let loss = TripletMarginLossConfig::new().with_margin(0.5).init().unwrap();
/// let value = loss.forward(rows, &Triplets::all(&labels)); // (2 - 0 + 0.5) and (2 - 2 + 0.5)
/// assert!((value.into_scalar::<f32>() - 1.5).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct TripletMarginLoss {
    margin: f64,
    swap: bool,
    smooth: bool,
}

impl TripletMarginLoss {
    /// The mean `[1]` over the triplets whose loss is above zero; 0 where there is none.
    ///
    /// # Shapes
    ///
    /// - embeddings: `[rows, width]`, the rows that the triplets name
    pub fn forward(&self, embeddings: Tensor<2>, triplets: &Triplets) -> Tensor<1> {
        in_f32(embeddings, |embeddings| {
            let losses = self.forward_no_reduction(embeddings, triplets);
            let active = losses
                .clone()
                .without_autodiff()
                .greater_scalar(0.0)
                .float();
            let count = active.sum().clamp_min(1.0).cast(losses.dtype());
            losses.sum() / count
        })
    }

    /// The loss of each triplet, `[triplets]`; 0 of one that is not kept.
    ///
    /// # Panics
    ///
    /// When the triplets' parts differ in length.
    pub fn forward_no_reduction(&self, embeddings: Tensor<2>, triplets: &Triplets) -> Tensor<1> {
        let [count] = triplets.anchors.dims();
        let kept = triplets.kept.clone();
        check_shape!("TripletMarginLoss", kept, [count]);
        in_f32(embeddings, |embeddings| {
            let unit = normalize_rows(embeddings, 1e-12);
            let [anchors, positives, negatives] =
                [&triplets.anchors, &triplets.positives, &triplets.negatives]
                    .map(|places| unit.clone().select(0, places.clone()));
            let to_positive = distances(anchors.clone(), positives.clone());
            let to_negative = distances(anchors, negatives.clone());
            let to_negative = if self.swap {
                to_negative.min_pair(distances(positives, negatives))
            } else {
                to_negative
            };
            let violation = to_positive - to_negative + self.margin;
            let losses = if self.smooth {
                softplus(violation)
            } else {
                activation::relu(violation)
            };
            losses.mask_fill(kept.bool_not(), 0.0)
        })
    }

    /// Looks for rows that no triplet can be made of.
    ///
    /// # Errors
    ///
    /// No row, another number of labels than rows.
    pub fn validate(
        &self,
        embeddings: &Tensor<2>,
        labels: &Tensor<1, Int>,
    ) -> Result<(), InputError> {
        check_rows("TripletMarginLoss", "embeddings", embeddings, labels)
    }
}

/// The distance of each row to its counterpart, with no slope where they coincide.
fn distances(left: Tensor<2>, right: Tensor<2>) -> Tensor<1> {
    let [rows, _] = left.dims();
    let squares = (left - right).square().sum_dim(1).reshape([rows]);
    safe_sqrt(squares, 1e-24)
}
