use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor};
use candor_core::numerics::label_log_probs;
use candor_core::{ConfigError, InputError, check_shape, in_f32, reduce};

use super::distances::{rooted, squared_differences};
use super::row_check::check_queries;

/// Configuration of [`ProtoCrossEntropyLoss`].
#[derive(Config, Debug)]
pub struct ProtoCrossEntropyLossConfig {
    /// Whether the distance is squared, as in the paper. Default: it is.
    #[config(default = true)]
    pub squared: bool,
    /// What distances are divided by, finite and > 0. Default: 1.
    #[config(default = 1.0)]
    pub temperature: f64,
}

impl ProtoCrossEntropyLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A temperature that is not finite and above zero.
    pub fn init(&self) -> Result<ProtoCrossEntropyLoss, ConfigError> {
        const NAME: &str = "ProtoCrossEntropyLossConfig";
        Ok(ProtoCrossEntropyLoss {
            squared: self.squared,
            temperature: ConfigError::positive(NAME, "temperature", self.temperature)?,
        })
    }
}

/// The objective of prototypical networks: cross-entropy over the distances of a query to the prototypes.
///
/// ```text
/// logit_k = -‖q - c_k‖² / T           (squared)
/// logit_k = -√(‖q - c_k‖² + 1e-6) / T (not squared)
/// loss    = log Σ_k exp(logit_k) - logit_label
/// ```
///
/// Gradients reach queries and prototypes, through [`prototypes`](super::prototypes) also the support rows.
///
/// # Edge cases
///
/// A query on a prototype has a finite gradient in both forms. Memory is queries x prototypes x width.
///
/// # Source
///
/// Snell, Swersky, Zemel: Prototypical Networks for Few-shot Learning, 2017, arXiv 1703.05175; the form with the root
/// from the code of arXiv 2305.09062.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::metric_learning::ProtoCrossEntropyLossConfig;
///
/// let device = Device::flex();
/// let (queries, labels) = (Tensor::zeros([1, 2], &device), Tensor::<1, Int>::from_data([0], &device));
/// let prototypes = Tensor::<2>::from_floats([[1.0, 0.0], [0.0, 1.0]], &device); // both as far away
/// let loss = ProtoCrossEntropyLossConfig::new().init().unwrap().forward(queries, labels, prototypes, Reduction::Mean);
/// assert!((loss.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct ProtoCrossEntropyLoss {
    squared: bool,
    temperature: f64,
}

impl ProtoCrossEntropyLoss {
    /// The loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - queries: `[queries, width]`
    /// - labels: `[queries]`, in `0..way`
    /// - prototypes: `[way, width]`
    ///
    /// # Panics
    ///
    /// When there is not one label a query, or prototypes are not as wide as queries.
    pub fn forward(
        &self,
        queries: Tensor<2>,
        labels: Tensor<1, Int>,
        prototypes: Tensor<2>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(
            self.forward_no_reduction(queries, labels, prototypes),
            &reduction,
        )
    }

    /// The loss of each query, `[queries]`.
    ///
    /// # Panics
    ///
    /// When there is not one label a query, or prototypes are not as wide as queries.
    pub fn forward_no_reduction(
        &self,
        queries: Tensor<2>,
        labels: Tensor<1, Int>,
        prototypes: Tensor<2>,
    ) -> Tensor<1> {
        let [rows, _] = queries.dims();
        check_shape!("ProtoCrossEntropyLoss", labels, [rows]);
        in_f32(queries, |queries| {
            -label_log_probs(self.logits(queries, prototypes), labels)
        })
    }

    /// The logits `[queries, way]`, to classify by or to calibrate.
    ///
    /// # Panics
    ///
    /// When prototypes are not as wide as queries.
    pub fn logits(&self, queries: Tensor<2>, prototypes: Tensor<2>) -> Tensor<2> {
        let [_, width] = queries.dims();
        check_shape!("ProtoCrossEntropyLoss", prototypes, [_, width]);
        in_f32(queries, |queries| {
            let prototypes = prototypes.cast(queries.dtype());
            let squares = squared_differences(queries, prototypes);
            let distances = if self.squared {
                squares
            } else {
                rooted(squares)
            };
            distances * -self.temperature.recip()
        })
    }

    /// Looks for values the loss is not defined for; reads the labels to the host.
    ///
    /// # Errors
    ///
    /// No query, differing lengths or widths, fewer than two prototypes, a label that names none.
    pub fn validate(
        &self,
        queries: &Tensor<2>,
        labels: &Tensor<1, Int>,
        prototypes: &Tensor<2>,
    ) -> Result<(), InputError> {
        check_queries("ProtoCrossEntropyLoss", queries, labels, prototypes)
    }
}
