use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::Tensor;
use candor_core::{ConfigError, InputError, host, in_f32, reduce};

use super::nd::row_norms;

/// Configuration of [`FeatureNormLoss`].
#[derive(Config, Debug)]
pub struct FeatureNormLossConfig {
    /// By how much a step wants the norm to grow, finite and > 0. Default: 1.
    #[config(default = 1.0)]
    pub step: f64,
}

impl FeatureNormLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A step that is not finite and above zero.
    pub fn init(&self) -> Result<FeatureNormLoss, ConfigError> {
        Ok(FeatureNormLoss {
            step: ConfigError::positive("FeatureNormLossConfig", "step", self.step)?,
        })
    }
}

/// Length only: asks every feature to be `step` longer than it is (stepwise increasing feature norm).
///
/// ```text
/// loss = (stopgrad(‖s‖) + step - ‖s‖)²        always step², gradient -2 step s/‖s‖
/// ```
///
/// # Edge cases
///
/// The value says nothing of the training; watch the norms. A zero row has gradient 0.
///
/// # Source
///
/// Xu et al.: Larger Norm More Transferable, 2019, arXiv 1811.07456; used as a baseline in arXiv 2305.17007.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Tensor};
/// use candor_distill::features::FeatureNormLossConfig;
///
/// let student = Tensor::<2>::from_floats([[3.0, 4.0]], &Device::flex().autodiff()).require_grad();
/// let loss = FeatureNormLossConfig::new().init().unwrap().forward(student.clone(), Reduction::Mean);
/// let gradient = student.grad(&loss.backward()).unwrap().into_data().to_vec::<f32>().unwrap();
/// assert!((gradient[0] + 1.2).abs() < 1e-6 && (gradient[1] + 1.6).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct FeatureNormLoss {
    step: f64,
}

impl FeatureNormLoss {
    /// The loss of features `[batch, width]`, reduced to `[1]`.
    pub fn forward(&self, student_features: Tensor<2>, reduction: Reduction) -> Tensor<1> {
        reduce(self.forward_no_reduction(student_features), &reduction)
    }

    /// The loss of each row, `[batch]`.
    pub fn forward_no_reduction(&self, student_features: Tensor<2>) -> Tensor<1> {
        let [batch, _] = student_features.dims();
        in_f32(student_features, |student| {
            let norms = row_norms(student);
            // The norms cancel first: added to a long norm, a small step would lose its digits.
            ((norms.clone().detach() - norms) + self.step)
                .square()
                .reshape([batch])
        })
    }

    /// Looks for values the loss is not defined for; reads the features to the host.
    ///
    /// # Errors
    ///
    /// An empty batch, a feature that is not finite.
    pub fn validate(&self, student_features: &Tensor<2>) -> Result<(), InputError> {
        const NAME: &str = "FeatureNormLoss";
        InputError::check_not_empty(NAME, "student_features", student_features.dims()[0])?;
        InputError::check_finite(NAME, "student_features", &host::floats(student_features))
    }
}
