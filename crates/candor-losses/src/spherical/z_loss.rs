use burn::config::Config;
use burn::tensor::{DType, Int, Tensor};
use candor_core::numerics::softplus;
use candor_core::{ConfigError, in_f32};

use super::{OutputSummary, SphericalLoss, SphericalSlopes};

/// What the sheet adds to a deviation before dividing by it.
const DEVIATION_FLOOR: f64 = 1e-12;

/// Configuration of [`ZLoss`].
#[derive(Config, Debug)]
pub struct ZLossConfig {
    /// Sharpness α of the softplus (the paper's `a`), finite and > 0. Default: 1; tune from 0.05 to 5.
    #[config(default = 1.0)]
    pub sharpness: f64,
    /// Margin that the label's z-score should reach (the paper's `b`), finite. Default: 0; tune up to √classes.
    #[config(default = 0.0)]
    pub margin: f64,
}

impl ZLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A sharpness that is not finite and above zero, a margin that is not finite.
    pub fn init(&self) -> Result<ZLoss, ConfigError> {
        const NAME: &str = "ZLossConfig";
        Ok(ZLoss {
            sharpness: ConfigError::positive(NAME, "sharpness", self.sharpness)?,
            margin: ConfigError::finite(NAME, "margin", self.margin)?,
        })
    }
}

/// A classification loss on the z-score of the label's output: blind to the scale and the shift of the outputs.
///
/// ```text
/// μ = mean(o)    σ² = mean((o - μ)²)    z = (o_label - μ) / (σ + 1e-12)
/// loss = softplus(α (margin - z)) / α
/// ```
///
/// z lies within ±√(D - 1). What counts is how far the label stands out, so the loss follows the top-k error rather than
/// the likelihood; z-scores are no probabilities. As it does not see the scale, gradient descent only ever lets
/// weights grow, and needs no weight decay for its sake.
///
/// Not to be confused with the `(log Z)²` that steadies a softmax, which is also called z-loss.
///
/// # Edge cases
///
/// Equal logits have z = 0 and gradient 0. Of two classes z is ±1 whatever the logits, so the loss is piecewise
/// constant with gradient 0: use three classes or more. Logits of ±1e4 give a finite loss and gradient.
///
/// [`forward_summaries`](SphericalLoss::forward_summaries) and [`slopes`](SphericalLoss::slopes) have only `q/D - μ²` for the
/// variance: below 1e-12 of `q/D` (1e-6 in `f32`) that is rounding, and counts as zero.
///
/// # Source
///
/// de Brébisson, Vincent: The Z-loss: a shift and scale invariant classification loss belonging to the Spherical Family,
/// 2016, arXiv 1604.08859.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::spherical::{SphericalLoss, ZLossConfig};
///
/// let device = Device::flex();
/// let logits = Tensor::<2>::from_floats([[3.0, -1.0, -1.0, -1.0]], &device); // μ = 0, σ = √3, z = √3
/// let labels = Tensor::<1, Int>::from_data([0], &device);
/// let loss = ZLossConfig::new().init().unwrap().forward(logits, labels, Reduction::Mean);
/// assert!((loss.into_scalar::<f32>() - (-3f32.sqrt()).exp().ln_1p()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct ZLoss {
    sharpness: f64,
    margin: f64,
}

impl ZLoss {
    fn of_z_scores(&self, z: Tensor<1>) -> Tensor<1> {
        softplus((-z + self.margin) * self.sharpness) * self.sharpness.recip()
    }
}

impl SphericalLoss for ZLoss {
    fn name(&self) -> &'static str {
        "ZLoss"
    }

    fn slopes(&self, summary: OutputSummary) -> SphericalSlopes {
        let classes = summary.classes as f64;
        let (mean, power) = (summary.sum / classes, summary.squares / classes);
        let variance = power - mean * mean;
        let flat = variance <= rounding(DType::F64) * power;
        let deviation = if flat { 1.0 } else { variance.sqrt() };
        let spread = deviation + DEVIATION_FLOOR;
        let z = if flat {
            0.0
        } else {
            (summary.label - mean) / spread
        };
        let urge = self.sharpness * (self.margin - z);
        let loss = (urge.max(0.0) + (-urge.abs()).exp().ln_1p()) / self.sharpness;
        let by_z = if flat { 0.0 } else { -sigmoid(urge) };
        let by_output = by_z / spread;
        SphericalSlopes {
            loss,
            label: by_output,
            squares: -by_output * z / (2.0 * classes * deviation),
            sum: by_output / classes * (z * mean / deviation - 1.0),
        }
    }

    fn forward_summaries(
        &self,
        label_outputs: Tensor<1>,
        squares: Tensor<1>,
        sums: Tensor<1>,
        classes: usize,
    ) -> Tensor<1> {
        let share = (classes as f64).recip();
        let rounding = rounding(squares.dtype());
        let (mean, power) = (sums * share, squares * share);
        let variance = power.clone() - mean.clone().square();
        let flat = variance.clone().lower_equal(power.detach() * rounding);
        let deviation = variance.mask_fill(flat.clone(), 1.0).sqrt();
        let z = (label_outputs - mean) / (deviation + DEVIATION_FLOOR);
        self.of_z_scores(z.mask_fill(flat, 0.0))
    }

    fn forward_rows(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        let (centred, inverse_spread) = centred(logits);
        let of_labels = centred.gather(1, labels.unsqueeze_dim(1));
        self.of_z_scores((of_labels * inverse_spread).squeeze_dim(1))
    }
}

/// The outputs of each row less their mean, over their deviation plus 1e-12; `[batch, classes]`, as the logits.
///
/// A row of equal outputs has z-scores of 0 with gradient 0. The mean of a row is 0, its mean square 1.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::spherical::z_scores;
///
/// let logits = Tensor::<2>::from_floats([[1.0, 3.0], [5.0, 5.0]], &Device::flex());
/// assert_eq!(z_scores(logits).into_data().to_vec::<f32>().unwrap(), [-1.0, 1.0, 0.0, 0.0]);
/// ```
pub fn z_scores(logits: Tensor<2>) -> Tensor<2> {
    in_f32(logits, |logits| {
        let (centred, inverse_spread) = centred(logits);
        centred * inverse_spread
    })
}

/// Outputs less their mean `[batch, classes]`, and `1 / (σ + 1e-12)` `[batch, 1]`, which is 0 where σ is.
fn centred(logits: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let share = (logits.dims()[1] as f64).recip();
    let mean = |rows: Tensor<2>| rows.sum_dim(1) * share;
    // The mean of equal outputs rounds to another number, and its rounding error would be their deviation; less one
    // of them, equal outputs are exactly zero.
    let origin = logits.clone().detach().max_dim(1);
    let shifted = logits - origin;
    let centred = shifted.clone() - mean(shifted);
    let variance = mean(centred.clone().square());
    let flat = variance.clone().equal_scalar(0.0);
    let spread = variance.mask_fill(flat.clone(), 1.0).sqrt() + DEVIATION_FLOOR;
    (centred, spread.recip().mask_fill(flat, 0.0))
}

/// How large a share of the mean square a variance may be by rounding alone: sums of a thousand numbers and more, and
/// the Q and w̄ of a layer, are wrong by many units in the last place.
fn rounding(dtype: DType) -> f64 {
    if dtype == DType::F64 { 1e-12 } else { 1e-6 }
}

fn sigmoid(value: f64) -> f64 {
    if value >= 0.0 {
        (1.0 + (-value).exp()).recip()
    } else {
        value.exp() / (1.0 + value.exp())
    }
}
