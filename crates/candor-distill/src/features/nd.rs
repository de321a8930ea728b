use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Device, Int, Tensor};
use candor_core::numerics::{one_hot_mask, safe_div, safe_sqrt};
use candor_core::{ConfigError, InputError, check_shape, host, in_f32, reduce};

use super::ClassMeans;

/// Configuration of [`NdLoss`].
#[derive(Config, Debug)]
pub struct NdLossConfig {
    /// Weight of the reduced loss, finite and >= 0. Default: 1; the authors tuned it from 0.5 to 4.
    #[config(default = 1.0)]
    pub weight: f64,
    /// Length up to which a row counts as dead, finite and > 0. Default: 1e-12.
    #[config(default = 1e-12)]
    pub eps: f64,
}

impl NdLossConfig {
    /// Checks the settings and puts the teacher's directions on the device.
    ///
    /// # Errors
    ///
    /// A weight that is negative, an eps that is not above zero, either not finite.
    pub fn init(&self, means: &ClassMeans, device: &Device) -> Result<NdLoss, ConfigError> {
        Ok(NdLoss {
            weight: ConfigError::non_negative("NdLossConfig", "weight", self.weight)?,
            eps: ConfigError::positive("NdLossConfig", "eps", self.eps)?,
            directions: means.directions(device),
        })
    }
}

/// Norm and direction: pulls a student's feature towards the direction of the teacher's class mean, and makes it
/// longer while it is shorter than the teacher's.
///
/// ```text
/// nd = 1 - <s, e> / max(‖s‖, ‖t‖),   s, t: student's and teacher's feature, e: direction of the label's class mean
/// ```
///
/// One dot product a row beside any logit distillation ([`KdPlusPlus`](super::KdPlusPlus)). While `‖s‖ < ‖t‖` the gradient
/// is `-e/‖t‖`; from there on it is orthogonal to `s`, so norms do not grow without limit. The feature is the
/// penultimate one, after pooling; where widths differ put a [`FeatureProjector`](super::FeatureProjector) between.
///
/// # Edge cases
///
/// Values in [0, 2]. A zero student row is ordinary: 1, with gradient `-e/‖t‖`. Where both features are zero the loss
/// is 1 with gradient 0. Half precision is computed in `f32`. NaN features give NaN.
///
/// # Source
///
/// Wang et al.: Improving Knowledge Distillation via Regularizing Feature Norm and Direction, 2023, arXiv 2305.17007.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_distill::features::{ClassMeans, NdLossConfig};
///
/// let device = Device::flex();
/// let means = ClassMeans::from_tensor(&Tensor::from_floats([[2.0, 0.0], [0.0, 2.0]], &device), "by hand").unwrap();
/// let nd = NdLossConfig::new().init(&means, &device).unwrap();
/// let (student, teacher) = (Tensor::from_floats([[1.0, 0.0]], &device), Tensor::from_floats([[4.0, 0.0]], &device));
/// let loss = nd.forward(student, teacher, Tensor::<1, Int>::from_data([0], &device), Reduction::Mean);
/// assert_eq!(loss.into_scalar::<f32>(), 0.75); // the right direction, a quarter of the length
/// ```
#[derive(Debug, Clone)]
pub struct NdLoss {
    weight: f64,
    eps: f64,
    directions: Tensor<2>,
}

impl NdLoss {
    /// The weighted loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - student_features, teacher_features: `[batch, width]`, width that of the class means
    /// - labels: `[batch]`, in `0..classes`
    ///
    /// # Panics
    ///
    /// When the shapes differ, or the width is not that of the class means.
    pub fn forward(
        &self,
        student_features: Tensor<2>,
        teacher_features: Tensor<2>,
        labels: Tensor<1, Int>,
        reduction: Reduction,
    ) -> Tensor<1> {
        let losses = self.forward_no_reduction(student_features, teacher_features, labels);
        reduce(losses, &reduction) * self.weight
    }

    /// The loss of each row, `[batch]`, without the weight.
    ///
    /// # Panics
    ///
    /// When the shapes differ, or the width is not that of the class means.
    pub fn forward_no_reduction(
        &self,
        student_features: Tensor<2>,
        teacher_features: Tensor<2>,
        labels: Tensor<1, Int>,
    ) -> Tensor<1> {
        let [batch, _] = student_features.dims();
        check_shape!("NdLoss", labels, [batch]);
        let directions = self.directions.clone().select(0, labels);
        self.rows(student_features, teacher_features, directions)
    }

    /// The weighted loss with every class counting the same, `[1]`: the mean over the classes present of their means.
    ///
    /// This is how the paper writes it; what its authors ran is the mean of [`forward`](Self::forward).
    ///
    /// # Panics
    ///
    /// When the shapes differ, or the width is not that of the class means.
    pub fn forward_class_balanced(
        &self,
        student_features: Tensor<2>,
        teacher_features: Tensor<2>,
        labels: Tensor<1, Int>,
    ) -> Tensor<1> {
        let [batch, _] = student_features.dims();
        let [classes, _] = self.directions.dims();
        let losses = self.forward_no_reduction(student_features, teacher_features, labels.clone());
        in_f32(losses, |losses| {
            let members = one_hot_mask(labels, classes).float().cast(losses.dtype());
            let sizes = members.clone().sum_dim(0);
            let present = sizes
                .clone()
                .greater_scalar(0.5)
                .float()
                .cast(losses.dtype())
                .sum();
            let sums = losses.reshape([1, batch]).matmul(members);
            safe_div(sums, sizes).sum() / present * self.weight
        })
    }

    /// The weighted loss towards given directions, one a row, reduced to `[1]`.
    ///
    /// For mixed-up labels, whose direction is the blend of two class means. Directions are taken as they are: give
    /// them length one.
    ///
    /// # Panics
    ///
    /// When a shape differs from that of the student's features.
    pub fn forward_with_directions(
        &self,
        student_features: Tensor<2>,
        teacher_features: Tensor<2>,
        directions: Tensor<2>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(
            self.rows(student_features, teacher_features, directions),
            &reduction,
        ) * self.weight
    }

    /// Looks for values the loss is not defined for; reads the labels to the host.
    ///
    /// # Errors
    ///
    /// Differing shapes, a width other than the class means' (add a [`FeatureProjector`](super::FeatureProjector)), an
    /// empty batch, a label outside the classes.
    pub fn validate(
        &self,
        student_features: &Tensor<2>,
        teacher_features: &Tensor<2>,
        labels: &Tensor<1, Int>,
    ) -> Result<(), InputError> {
        let [batch, _] = student_features.dims();
        let [classes, width] = self.directions.dims();
        InputError::check_not_empty("NdLoss", "student_features", batch)?;
        InputError::check_dims(
            "NdLoss",
            "student_features",
            &student_features.dims(),
            &[batch, width],
        )?;
        InputError::check_dims(
            "NdLoss",
            "teacher_features",
            &teacher_features.dims(),
            &[batch, width],
        )?;
        InputError::check_dims("NdLoss", "labels", &labels.dims(), &[batch])?;
        InputError::check_labels("NdLoss", "labels", &host::ints(labels), classes)
    }

    pub(super) fn weight(&self) -> f64 {
        self.weight
    }

    fn rows(
        &self,
        student_features: Tensor<2>,
        teacher_features: Tensor<2>,
        directions: Tensor<2>,
    ) -> Tensor<1> {
        let [batch, _] = student_features.dims();
        let [_, width] = self.directions.dims();
        check_shape!(
            "NdLoss (a FeatureProjector bridges widths)",
            student_features,
            [batch, width]
        );
        check_shape!("NdLoss", teacher_features, [batch, width]);
        check_shape!("NdLoss", directions, [batch, width]);
        in_f32(student_features, |student| {
            let teacher = teacher_features.detach().cast(student.dtype());
            let (student_norms, teacher_norms) = (row_norms(student.clone()), row_norms(teacher));
            let longer = student_norms.clone().greater_equal(teacher_norms.clone());
            let norms = teacher_norms.mask_where(longer, student_norms);
            let dead = norms.clone().lower_equal_scalar(self.eps);
            let directions = directions.cast(student.dtype());
            let along = (student * directions).sum_dim(1);
            (-safe_div(along, norms.mask_fill(dead, 0.0)) + 1.0).reshape([batch])
        })
    }
}

/// Length of each row, `[batch, 1]`, with gradient 0 for rows shorter than 1e-12.
pub(super) fn row_norms(features: Tensor<2>) -> Tensor<2> {
    safe_sqrt(features.square().sum_dim(1), 1e-24)
}
