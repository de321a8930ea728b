use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor, activation};
use candor_core::numerics::{masked_mean, one_hot_mask};
use candor_core::{ConfigError, InputError, check_shape, in_f32, reduce};

use super::label_check::{check_binary_labels, check_labels, check_probabilities};
use super::{ConfusionMetric, SoftConfusion};

/// Configuration of [`AnyLoss`].
#[derive(Config, Debug)]
pub struct AnyLossConfig {
    /// The metric to train. Default: F1.
    #[config(default = "ConfusionMetric::F1")]
    pub metric: ConfusionMetric,
    /// Sharpness L of the amplification, finite and > 0. Default: 73, the authors'.
    ///
    /// 73 is the largest integer for which A(1) is below 1 in `f64`. In `f32` the bound is 33; beyond it the gradient
    /// of confident rows is an exact 0 instead of less than 1e-6, which training does not notice.
    #[config(default = 73.0)]
    pub sharpness: f64,
}

impl AnyLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A sharpness or β that is not finite and above zero.
    pub fn init(&self) -> Result<AnyLoss, ConfigError> {
        Ok(AnyLoss {
            metric: self.metric.check("AnyLossConfig")?,
            sharpness: Some(ConfigError::positive(
                "AnyLossConfig",
                "sharpness",
                self.sharpness,
            )?),
        })
    }

    /// The loss without amplification, `A(p) = p`: the well-known soft F1 and its kin. `sharpness` is not used.
    ///
    /// # Errors
    ///
    /// A β that is not finite and above zero.
    pub fn raw(&self) -> Result<AnyLoss, ConfigError> {
        Ok(AnyLoss {
            metric: self.metric.check("AnyLossConfig")?,
            sharpness: None,
        })
    }
}

/// A confusion-matrix metric as a loss: `1 - metric`, of probabilities amplified to nearly hard labels.
///
/// ```text
/// A(p) = sigmoid(L (p - 1/2))        loss = 1 - metric(TP, FN, FP, TN), each a sum of A(p)
/// ```
///
/// Choose it when you are judged by F1, balanced accuracy or another [`ConfusionMetric`] rather than by likelihood,
/// above all with few positives. What it trains are scores, no longer calibrated probabilities.
///
/// It is a loss of a whole batch, not a sum over rows, so there is no `forward_no_reduction` over rows, and like every
/// batch-level F1 it is biased under mini-batching. Initialise near p = 1/2 (a zero head): far from it the
/// gradient vanishes.
///
/// # Edge cases
///
/// A batch without positives or without negatives gives what [`ConfusionMetric`] says, mostly loss 1 and gradient 0.
/// Logits of ±1e4 have gradient 0. Values in [0, 1] (`Mcc`: [0, 2]). Half precision is summed in `f32`.
///
/// # Source
///
/// Han, Moniz, Chawla: AnyLoss: Transforming Classification Metrics into Loss Functions, 2024, arXiv 2405.14745.
/// The authors' gradient of the G-mean is four times too large; this one is exact.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::classification::AnyLossConfig;
///
/// let (p, y) = ([0.5, 0.5], [1, 0]); // A(p) = 1/2: TP = FP = FN = 1/2, F1 = 1/2
/// let device = Device::flex();
/// let (p, y) = (Tensor::from_floats(p, &device), Tensor::<1, Int>::from_data(y, &device));
/// let any_loss = AnyLossConfig::new().init().unwrap();
/// assert!((any_loss.forward(p, y).into_scalar::<f32>() - 0.5).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct AnyLoss {
    metric: ConfusionMetric,
    sharpness: Option<f64>,
}

impl AnyLoss {
    /// The binary loss, of shape `[1]`.
    ///
    /// # Shapes
    ///
    /// - probabilities: `[rows]`, of the positive class, in [0, 1]
    /// - labels: `[rows]`, 0 or 1
    ///
    /// # Panics
    ///
    /// When there is not one label a row.
    pub fn forward(&self, probabilities: Tensor<1>, labels: Tensor<1, Int>) -> Tensor<1> {
        self.forward_with(probabilities, labels, |confusion| {
            self.metric.evaluate(confusion)
        })
    }

    /// The binary loss of logits `[rows]`: `p = sigmoid(logit)`.
    ///
    /// # Panics
    ///
    /// When there is not one label a row.
    pub fn forward_logits(&self, logits: Tensor<1>, labels: Tensor<1, Int>) -> Tensor<1> {
        in_f32(logits, |logits| {
            self.forward(activation::sigmoid(logits), labels)
        })
    }

    /// The binary loss of a metric of your own: `1 - metric(confusion)`, `confusion` and result of shape `[1]`.
    ///
    /// # Panics
    ///
    /// When there is not one label a row.
    pub fn forward_with(
        &self,
        probabilities: Tensor<1>,
        labels: Tensor<1, Int>,
        metric: impl Fn(&SoftConfusion) -> Tensor<1>,
    ) -> Tensor<1> {
        let [rows] = probabilities.dims();
        check_shape!("AnyLoss", labels, [rows]);
        in_f32(probabilities, |probabilities| {
            let confusion =
                self.soften(probabilities.reshape([rows, 1]), labels.reshape([rows, 1]));
            -metric(&confusion) + 1.0
        })
    }

    /// The multi-label loss: one binary loss a label, reduced over the labels.
    ///
    /// # Shapes
    ///
    /// - probabilities: `[rows, labels]`, each in [0, 1]
    /// - labels: `[rows, labels]`, 0 or 1
    /// - output: `[1]`; `BatchMean` divides by the number of labels, as `Mean` does
    ///
    /// # Panics
    ///
    /// When the shapes differ.
    pub fn forward_multi_label(
        &self,
        probabilities: Tensor<2>,
        labels: Tensor<2, Int>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(
            self.forward_multi_label_no_reduction(probabilities, labels),
            &reduction,
        )
    }

    /// The loss of each label, `[labels]`.
    ///
    /// # Panics
    ///
    /// When the shapes differ.
    pub fn forward_multi_label_no_reduction(
        &self,
        probabilities: Tensor<2>,
        labels: Tensor<2, Int>,
    ) -> Tensor<1> {
        let [rows, width] = probabilities.dims();
        check_shape!("AnyLoss", labels, [rows, width]);
        in_f32(probabilities, |probabilities| {
            -self.metric.evaluate(&self.soften(probabilities, labels)) + 1.0
        })
    }

    /// The multi-class loss: one class against the rest, averaged over the classes present in the batch.
    ///
    /// # Shapes
    ///
    /// - logits: `[rows, classes]`
    /// - labels: `[rows]`, in `0..classes`
    /// - output: `[1]`
    ///
    /// # Panics
    ///
    /// When there is not one label a row.
    pub fn forward_multi_class(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        let [rows, classes] = logits.dims();
        check_shape!("AnyLoss", labels, [rows]);
        in_f32(logits, |logits| {
            let one_hot = one_hot_mask(labels, classes).int();
            let present = one_hot.clone().sum_dim(0).greater_scalar(0).squeeze_dim(0);
            let confusion = self.soften(activation::softmax(logits, 1), one_hot);
            masked_mean(-self.metric.evaluate(&confusion) + 1.0, present, 0)
        })
    }

    /// The amplified probabilities A(p), of the shape of the input.
    pub fn amplify<const D: usize>(&self, probabilities: Tensor<D>) -> Tensor<D> {
        match self.sharpness {
            Some(sharpness) => activation::sigmoid((probabilities - 0.5) * sharpness),
            None => probabilities,
        }
    }

    /// The soft confusion matrix of a binary batch, entries of shape `[1]`.
    ///
    /// # Panics
    ///
    /// When there is not one label a row.
    pub fn confusion(&self, probabilities: Tensor<1>, labels: Tensor<1, Int>) -> SoftConfusion {
        let [rows] = probabilities.dims();
        check_shape!("AnyLoss", labels, [rows]);
        self.soften(probabilities.reshape([rows, 1]), labels.reshape([rows, 1]))
    }

    /// Looks for values that the binary and the multi-label loss are not defined for; reads both tensors to the host.
    ///
    /// # Errors
    ///
    /// Differing shapes, an empty batch, a label other than 0 and 1, a probability outside [0, 1] by more than 1e-6.
    pub fn validate<const D: usize>(
        &self,
        probabilities: &Tensor<D>,
        labels: &Tensor<D, Int>,
    ) -> Result<(), InputError> {
        check_probabilities("AnyLoss", probabilities)?;
        check_binary_labels("AnyLoss", &probabilities.dims(), labels)
    }

    /// As [`validate`](Self::validate), for the arguments of [`forward_logits`](Self::forward_logits).
    ///
    /// # Errors
    ///
    /// Differing shapes, an empty batch, a label other than 0 and 1.
    pub fn validate_logits<const D: usize>(
        &self,
        logits: &Tensor<D>,
        labels: &Tensor<D, Int>,
    ) -> Result<(), InputError> {
        check_binary_labels("AnyLoss", &logits.dims(), labels)
    }

    /// As [`validate`](Self::validate), for the arguments of [`forward_multi_class`](Self::forward_multi_class).
    ///
    /// # Errors
    ///
    /// Differing lengths, an empty batch, fewer than two classes, a label outside the classes.
    pub fn validate_multi_class(
        &self,
        logits: &Tensor<2>,
        labels: &Tensor<1, Int>,
    ) -> Result<(), InputError> {
        check_labels("AnyLoss", logits, labels)
    }

    fn soften(&self, probabilities: Tensor<2>, labels: Tensor<2, Int>) -> SoftConfusion {
        let complement = self.complement(probabilities.clone());
        SoftConfusion::new(self.amplify(probabilities), complement, labels)
    }

    /// 1 - A(p), as a sigmoid of its own: the difference would round to 0 for confident rows.
    fn complement(&self, probabilities: Tensor<2>) -> Tensor<2> {
        match self.sharpness {
            Some(sharpness) => activation::sigmoid((probabilities - 0.5) * -sharpness),
            None => -probabilities + 1.0,
        }
    }
}
