use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor};
use candor_core::numerics::label_log_probs;
use candor_core::{ConfigError, check_shape, reduce};

use super::{NdLoss, warm_up_factor};

/// Configuration of [`KdPlusPlus`].
#[derive(Config, Debug)]
pub struct KdPlusPlusConfig {
    /// Weight of the cross-entropy, finite and >= 0. Default: 1.
    #[config(default = 1.0)]
    pub class_weight: f64,
    /// Weight of the base distillation loss, finite and >= 0. Default: 1.
    #[config(default = 1.0)]
    pub distill_weight: f64,
    /// Epochs over which the base distillation loss is faded in; 0 for none. Default: 20.
    #[config(default = 20)]
    pub warm_up: usize,
}

impl KdPlusPlusConfig {
    /// Checks the settings; the weight of the feature term is that of `nd`.
    ///
    /// # Errors
    ///
    /// A weight that is negative or not finite.
    pub fn init(&self, nd: NdLoss) -> Result<KdPlusPlus, ConfigError> {
        const NAME: &str = "KdPlusPlusConfig";
        Ok(KdPlusPlus {
            class_weight: ConfigError::non_negative(NAME, "class_weight", self.class_weight)?,
            distill_weight: ConfigError::non_negative(NAME, "distill_weight", self.distill_weight)?,
            warm_up: self.warm_up,
            nd,
        })
    }
}

/// Any logit distillation, improved by the norm and direction of features: KD++, DKD++ and their like.
///
/// ```text
/// total = class_weight · cross-entropy + warm-up(epoch) · distill_weight · base + nd weight · ND
/// warm-up(epoch) = min(1, epoch / warm_up)
/// ```
///
/// The base loss is whatever you computed: [`HintonKd`](crate::logits::HintonKd) makes it KD++,
/// [`DkdLoss`](crate::logits::DkdLoss) DKD++. The warm-up fades in the base alone; ND is on from the first step.
///
/// # Source
///
/// Wang et al.: Improving Knowledge Distillation via Regularizing Feature Norm and Direction, 2023, arXiv 2305.17007. For
/// CIFAR-100 the authors used base weights of 1 to 4 and ND weights of 0.5 to 2.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_distill::features::{ClassMeans, KdPlusPlusConfig, NdLossConfig};
///
/// let device = Device::flex();
/// let table = Tensor::<2>::from_floats([[1.0, 0.0], [0.0, 1.0]], &device);
/// let nd = NdLossConfig::new().init(&ClassMeans::from_tensor(&table, "by hand").unwrap(), &device).unwrap();
/// let (logits, base) = (Tensor::zeros([2, 2], &device), Tensor::<1>::ones([1], &device));
/// let labels = Tensor::<1, Int>::from_data([0, 1], &device);
/// let terms = KdPlusPlusConfig::new().init(nd).unwrap().forward(logits, table.clone(), table, labels, base, 10);
/// assert!((terms.total.into_scalar::<f32>() - (2f32.ln() + 0.5 * 1.0 + 0.0)).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct KdPlusPlus {
    class_weight: f64,
    distill_weight: f64,
    warm_up: usize,
    nd: NdLoss,
}

/// The total of [`KdPlusPlus`] and its parts, each of shape `[1]`.
#[derive(Debug, Clone)]
pub struct KdPlusPlusTerms {
    /// What to minimise.
    pub total: Tensor<1>,
    /// Mean cross-entropy, before its weight.
    pub cross_entropy: Tensor<1>,
    /// The base distillation loss times its weight, before the warm-up.
    pub distill: Tensor<1>,
    /// Mean ND loss, before its weight.
    pub nd: Tensor<1>,
}

impl KdPlusPlus {
    /// The objective of one step in an epoch, counted from 0.
    ///
    /// # Shapes
    ///
    /// - student_logits: `[batch, classes]`
    /// - student_features, teacher_features: `[batch, width]`
    /// - labels: `[batch]`, in `0..classes`
    /// - distill: `[1]`, the reduced base loss
    ///
    /// # Panics
    ///
    /// When the shapes do not fit one another or the class means.
    pub fn forward(
        &self,
        student_logits: Tensor<2>,
        student_features: Tensor<2>,
        teacher_features: Tensor<2>,
        labels: Tensor<1, Int>,
        distill: Tensor<1>,
        epoch: usize,
    ) -> KdPlusPlusTerms {
        let [batch, _] = student_logits.dims();
        check_shape!("KdPlusPlus", labels, [batch]);
        check_shape!("KdPlusPlus", distill, [1]);
        let fit = label_log_probs(student_logits, labels.clone());
        let cross_entropy = -reduce(fit, &Reduction::Mean);
        let rows = self
            .nd
            .forward_no_reduction(student_features, teacher_features, labels);
        let nd = reduce(rows, &Reduction::Mean);
        let distill = distill * self.distill_weight;
        let total = cross_entropy.clone() * self.class_weight
            + distill.clone() * warm_up_factor(epoch, self.warm_up)
            + nd.clone() * self.nd.weight();
        KdPlusPlusTerms {
            total,
            cross_entropy,
            distill,
            nd,
        }
    }
}
