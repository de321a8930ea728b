use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor};
use candor_core::numerics::{label_log_probs, softmax_kl};
use candor_core::{ConfigError, InputError, check_shape, host, in_f32, reduce};

/// Configuration of [`HintonKd`].
#[derive(Config, Debug)]
pub struct HintonKdConfig {
    /// Temperature T, finite and > 0. Default: 4.
    #[config(default = 4.0)]
    pub temperature: f64,
    /// Share α of the distillation beside the labels, in [0, 1]; only
    /// [`forward_with_labels`](HintonKd::forward_with_labels) uses it. Default: 0.9.
    #[config(default = 0.9)]
    pub alpha: f64,
}

impl HintonKdConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A temperature that is not finite and above zero, an α outside [0, 1].
    pub fn init(&self) -> Result<HintonKd, ConfigError> {
        if !(0.0..=1.0).contains(&self.alpha) {
            return Err(ConfigError::out_of_range(
                "HintonKdConfig",
                "alpha",
                self.alpha,
                "in [0, 1]",
            ));
        }
        Ok(HintonKd {
            temperature: ConfigError::positive("HintonKdConfig", "temperature", self.temperature)?,
            alpha: self.alpha,
        })
    }
}

/// The classic distillation loss: KL from the teacher's softened class probabilities to the student's.
///
/// ```text
/// loss = T² Σ p (log p - log q),   p = softmax(teacher / T), q = softmax(student / T)
/// ```
///
/// The factor T² keeps the gradient's size when T changes. `Mean` divides by the rows, not by rows times classes.
///
/// # Edge cases
///
/// Logits of ±1e4 stay finite. No gradient reaches the teacher. Half precision is computed in `f32`.
///
/// # Source
///
/// Hinton, Vinyals, Dean: Distilling the Knowledge in a Neural Network, 2015, arXiv 1503.02531.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Tensor};
/// use candor_distill::logits::HintonKdConfig;
///
/// let device = Device::flex();
/// let (student, teacher) = ([[0.0, 0.0]], [[900.0, 0.0]]); // a coin against certainty costs ln 2
/// let kd = HintonKdConfig::new().with_temperature(1.0).init().unwrap();
/// let (student, teacher) = (Tensor::<2>::from_floats(student, &device), Tensor::from_floats(teacher, &device));
/// assert!((kd.forward(student, teacher, Reduction::Mean).into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct HintonKd {
    temperature: f64,
    alpha: f64,
}

impl HintonKd {
    /// The distillation loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - student_logits, teacher_logits: `[batch, classes]`
    ///
    /// # Panics
    ///
    /// When the shapes differ.
    pub fn forward(
        &self,
        student_logits: Tensor<2>,
        teacher_logits: Tensor<2>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(
            self.forward_no_reduction(student_logits, teacher_logits),
            &reduction,
        )
    }

    /// The distillation loss of each row, `[batch]`.
    ///
    /// # Panics
    ///
    /// When the shapes differ.
    pub fn forward_no_reduction(
        &self,
        student_logits: Tensor<2>,
        teacher_logits: Tensor<2>,
    ) -> Tensor<1> {
        let [batch, classes] = student_logits.dims();
        check_shape!("HintonKd", teacher_logits, [batch, classes]);
        in_f32(student_logits, |student_logits| {
            softmax_kl(teacher_logits, student_logits, self.temperature) * self.temperature.powi(2)
        })
    }

    /// Labels and teacher together, reduced to `[1]`: `(1 - α) cross-entropy + α distillation`.
    ///
    /// # Panics
    ///
    /// When the shapes differ or there is not one label a row.
    pub fn forward_with_labels(
        &self,
        student_logits: Tensor<2>,
        teacher_logits: Tensor<2>,
        labels: Tensor<1, Int>,
        reduction: Reduction,
    ) -> Tensor<1> {
        let [batch, _] = student_logits.dims();
        check_shape!("HintonKd", labels, [batch]);
        let fit = label_log_probs(student_logits.clone(), labels);
        let distillation = self.forward_no_reduction(student_logits, teacher_logits);
        reduce(
            distillation * self.alpha - fit * (1.0 - self.alpha),
            &reduction,
        )
    }

    /// Looks for values the loss is not defined for; reads both tensors to the host.
    ///
    /// # Errors
    ///
    /// Differing shapes, an empty batch, logits that are not finite.
    pub fn validate(
        &self,
        student_logits: &Tensor<2>,
        teacher_logits: &Tensor<2>,
    ) -> Result<(), InputError> {
        check_logit_pair("HintonKd", student_logits, teacher_logits)
    }
}

/// Refuses differing shapes, an empty batch and logits that are not finite.
pub(super) fn check_logit_pair(
    component: &'static str,
    student_logits: &Tensor<2>,
    teacher_logits: &Tensor<2>,
) -> Result<(), InputError> {
    let wanted = student_logits.dims();
    InputError::check_dims(component, "teacher_logits", &teacher_logits.dims(), &wanted)?;
    InputError::check_not_empty(
        component,
        "student_logits",
        student_logits.shape().num_elements(),
    )?;
    InputError::check_finite(component, "student_logits", &host::floats(student_logits))?;
    InputError::check_finite(component, "teacher_logits", &host::floats(teacher_logits))
}
