use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Bool, Int, Tensor};
use candor_core::numerics::{
    LEFT_OUT, kl_divergence, label_log_odds, log_sigmoid, one_hot_mask, softmax_kl,
};
use candor_core::{ConfigError, InputError, check_shape, host, in_f32, reduce};

use super::hinton_kd::check_logit_pair;

/// Configuration of [`DkdLoss`].
#[derive(Config, Debug)]
pub struct DkdLossConfig {
    /// Weight α of the target-class term, finite and >= 0. Default: 1.
    #[config(default = 1.0)]
    pub alpha: f64,
    /// Weight β of the non-target term, finite and >= 0. Default: 8, the paper's for CIFAR-100.
    #[config(default = 8.0)]
    pub beta: f64,
    /// Temperature T, finite and > 0. Default: 4.
    #[config(default = 4.0)]
    pub temperature: f64,
}

impl DkdLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A weight that is negative, a temperature that is not above zero, any not finite.
    pub fn init(&self) -> Result<DkdLoss, ConfigError> {
        Ok(DkdLoss {
            alpha: ConfigError::non_negative("DkdLossConfig", "alpha", self.alpha)?,
            beta: ConfigError::non_negative("DkdLossConfig", "beta", self.beta)?,
            temperature: ConfigError::positive("DkdLossConfig", "temperature", self.temperature)?,
        })
    }
}

/// Decoupled distillation: the label's probability and the distribution of the other classes, weighted apart.
///
/// ```text
/// TCKD = T² KL of the pair (p_y, 1 - p_y)      NCKD = T² KL of the softmax over the other classes
/// loss = α TCKD + β NCKD, both at temperature T, from teacher to student
/// ```
///
/// In [`HintonKd`](super::HintonKd) the second term is multiplied by the teacher's `1 - p_y`, which silences it exactly
/// where the teacher is confident.
///
/// # Edge cases
///
/// Both logarithms come from the label's log-odds, so confident teachers do not underflow; in the second softmax the label's
/// exponential is 0. Two classes have no NCKD: it is 0. No gradient reaches
/// the teacher.
///
/// # Source
///
/// Zhao et al.: Decoupled Knowledge Distillation, 2022, arXiv 2203.08679.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_distill::logits::DkdLossConfig;
///
/// let device = Device::flex(); // the classes beside the label agree: only TCKD is left, a coin against certainty
/// let (student, teacher) = ([[0.0, 0.0]], [[900.0, 0.0]]);
/// let (student, teacher) = (Tensor::<2>::from_floats(student, &device), Tensor::from_floats(teacher, &device));
/// let dkd = DkdLossConfig::new().with_temperature(1.0).init().unwrap();
/// let loss = dkd.forward(student, teacher, Tensor::<1, Int>::from_data([0], &device), Reduction::Mean);
/// assert!((loss.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct DkdLoss {
    alpha: f64,
    beta: f64,
    temperature: f64,
}

/// The two parts of [`DkdLoss`] for each row, `[batch]`, before their weights.
#[derive(Debug, Clone)]
pub struct DkdTerms {
    /// TCKD: how differently both models trust the label.
    pub target_class: Tensor<1>,
    /// NCKD: how differently they rank the other classes.
    pub non_target_class: Tensor<1>,
}

impl DkdLoss {
    /// The loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - student_logits, teacher_logits: `[batch, classes]`
    /// - labels: `[batch]`, in `0..classes`
    ///
    /// # Panics
    ///
    /// When the shapes differ or there is not one label a row.
    pub fn forward(
        &self,
        student_logits: Tensor<2>,
        teacher_logits: Tensor<2>,
        labels: Tensor<1, Int>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(
            self.forward_no_reduction(student_logits, teacher_logits, labels),
            &reduction,
        )
    }

    /// The loss of each row, `[batch]`.
    ///
    /// # Panics
    ///
    /// When the shapes differ or there is not one label a row.
    pub fn forward_no_reduction(
        &self,
        student_logits: Tensor<2>,
        teacher_logits: Tensor<2>,
        labels: Tensor<1, Int>,
    ) -> Tensor<1> {
        in_f32(student_logits, |student_logits| {
            let terms = self.terms(student_logits, teacher_logits, labels);
            terms.target_class * self.alpha + terms.non_target_class * self.beta
        })
    }

    /// Both terms of each row, for logs and ablations.
    ///
    /// # Panics
    ///
    /// When the shapes differ or there is not one label a row.
    pub fn terms(
        &self,
        student_logits: Tensor<2>,
        teacher_logits: Tensor<2>,
        labels: Tensor<1, Int>,
    ) -> DkdTerms {
        let [batch, classes] = student_logits.dims();
        check_shape!("DkdLoss", teacher_logits, [batch, classes]);
        check_shape!("DkdLoss", labels, [batch]);
        let target = one_hot_mask(labels.clone(), classes);
        let sharpness = self.temperature.recip();
        let split = |logits: Tensor<2>| Decoupled::new(logits * sharpness, &labels, &target);
        let teacher = split(teacher_logits.detach().cast(student_logits.dtype()));
        let student = split(student_logits);
        let scale = self.temperature.powi(2);
        let target_class = kl_divergence(teacher.pair, student.pair, 1).reshape([batch]);
        DkdTerms {
            target_class: target_class * scale,
            non_target_class: softmax_kl(teacher.others, student.others, 1.0) * scale,
        }
    }

    /// Looks for values the loss is not defined for; reads all tensors to the host.
    ///
    /// # Errors
    ///
    /// Differing shapes, an empty batch, logits that are not finite, fewer than two classes, a label outside the classes.
    pub fn validate(
        &self,
        student_logits: &Tensor<2>,
        teacher_logits: &Tensor<2>,
        labels: &Tensor<1, Int>,
    ) -> Result<(), InputError> {
        check_logit_pair("DkdLoss", student_logits, teacher_logits)?;
        let [batch, classes] = student_logits.dims();
        InputError::check_dims("DkdLoss", "labels", &labels.dims(), &[batch])?;
        if classes < 2 {
            return Err(InputError::Undefined {
                component: "DkdLoss",
                reason: "there must be at least two classes",
            });
        }
        InputError::check_labels("DkdLoss", "labels", &host::ints(labels), classes)
    }
}

/// A row's logits, split at the label.
struct Decoupled {
    /// `[log p_y, log(1 - p_y)]`, `[batch, 2]`.
    pair: Tensor<2>,
    /// Logits of the other classes, `[batch, classes]`; the label's exponential is 0 beside theirs.
    others: Tensor<2>,
}

impl Decoupled {
    fn new(logits: Tensor<2>, labels: &Tensor<1, Int>, target: &Tensor<2, Bool>) -> Self {
        let odds = label_log_odds(logits.clone(), labels.clone()).unsqueeze_dim::<2>(1);
        Self {
            pair: log_sigmoid(Tensor::cat(vec![odds.clone(), -odds], 1)),
            others: logits.mask_fill(target.clone(), LEFT_OUT),
        }
    }
}
