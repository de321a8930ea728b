use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Device, Int, Tensor};
use candor_core::numerics::safe_div;
use candor_core::{ConfigError, InputError, check_shape, host, in_f32, reduce};

use super::ClassMeans;
use super::nd::row_norms;

/// Configuration of [`ClassMeanCosineLoss`].
#[derive(Config, Debug)]
pub struct ClassMeanCosineLossConfig {}

impl ClassMeanCosineLossConfig {
    /// Puts the teacher's directions on the device.
    ///
    /// # Errors
    ///
    /// None: there is nothing to set, and class means always have directions.
    pub fn init(
        &self,
        means: &ClassMeans,
        device: &Device,
    ) -> Result<ClassMeanCosineLoss, ConfigError> {
        Ok(ClassMeanCosineLoss {
            directions: means.directions(device),
        })
    }
}

/// Direction only: `1 - cos(student's feature, teacher's class mean of the label)`.
///
/// The baseline that [`NdLoss`](super::NdLoss) adds the norm to.
///
/// # Edge cases
///
/// A zero row has loss 1 and gradient 0. Half precision is computed in `f32`.
///
/// # Source
///
/// Wang et al., 2023, arXiv 2305.17007, as an ablation.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_distill::features::{ClassMeanCosineLossConfig, ClassMeans};
///
/// let device = Device::flex();
/// let means = ClassMeans::from_tensor(&Tensor::from_floats([[2.0, 0.0], [0.0, 2.0]], &device), "by hand").unwrap();
/// let cosine = ClassMeanCosineLossConfig::new().init(&means, &device).unwrap();
/// let student = Tensor::from_floats([[3.0, 4.0]], &device);
/// let loss = cosine.forward(student, Tensor::<1, Int>::from_data([0], &device), Reduction::Mean);
/// assert!((loss.into_scalar::<f32>() - 0.4).abs() < 1e-6); // 1 - 3/5
/// ```
#[derive(Debug, Clone)]
pub struct ClassMeanCosineLoss {
    directions: Tensor<2>,
}

impl ClassMeanCosineLoss {
    /// The loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - student_features: `[batch, width]`, width that of the class means
    /// - labels: `[batch]`, in `0..classes`
    ///
    /// # Panics
    ///
    /// When the width is not that of the class means or there is not one label a row.
    pub fn forward(
        &self,
        student_features: Tensor<2>,
        labels: Tensor<1, Int>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(
            self.forward_no_reduction(student_features, labels),
            &reduction,
        )
    }

    /// The loss of each row, `[batch]`.
    ///
    /// # Panics
    ///
    /// When the width is not that of the class means or there is not one label a row.
    pub fn forward_no_reduction(
        &self,
        student_features: Tensor<2>,
        labels: Tensor<1, Int>,
    ) -> Tensor<1> {
        let [batch, _] = student_features.dims();
        let [_, width] = self.directions.dims();
        check_shape!("ClassMeanCosineLoss", student_features, [batch, width]);
        check_shape!("ClassMeanCosineLoss", labels, [batch]);
        in_f32(student_features, |student| {
            let directions = self
                .directions
                .clone()
                .select(0, labels)
                .cast(student.dtype());
            let norms = row_norms(student.clone());
            (-safe_div((student * directions).sum_dim(1), norms) + 1.0).reshape([batch])
        })
    }

    /// Looks for values the loss is not defined for; reads the labels to the host.
    ///
    /// # Errors
    ///
    /// A width other than the class means', an empty batch, another number of labels, a label outside the classes.
    pub fn validate(
        &self,
        student_features: &Tensor<2>,
        labels: &Tensor<1, Int>,
    ) -> Result<(), InputError> {
        const NAME: &str = "ClassMeanCosineLoss";
        let [batch, _] = student_features.dims();
        let [classes, width] = self.directions.dims();
        InputError::check_not_empty(NAME, "student_features", batch)?;
        InputError::check_dims(
            NAME,
            "student_features",
            &student_features.dims(),
            &[batch, width],
        )?;
        InputError::check_dims(NAME, "labels", &labels.dims(), &[batch])?;
        InputError::check_labels(NAME, "labels", &host::ints(labels), classes)
    }
}
