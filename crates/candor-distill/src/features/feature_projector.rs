use burn::config::Config;
use burn::module::Module;
use burn::nn::{
    BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Initializer, Linear, LinearConfig,
};
use burn::tensor::{Device, Tensor};
use candor_core::{ConfigError, check_shape};

/// Configuration of [`FeatureProjector`].
#[derive(Config, Debug)]
pub struct FeatureProjectorConfig {
    /// Width of the student's features, >= 1.
    pub student_width: usize,
    /// Width of the teacher's features, >= 1.
    pub teacher_width: usize,
    /// Probability of dropping an entry, in [0, 1). Default: 0.5, the authors'.
    #[config(default = 0.5)]
    pub dropout: f64,
}

impl FeatureProjectorConfig {
    /// Checks the settings and makes the layers: batch norm 1 and 0, linear bias 0.
    ///
    /// # Errors
    ///
    /// A width of zero, a dropout outside [0, 1).
    pub fn init(&self, device: &Device) -> Result<FeatureProjector, ConfigError> {
        const NAME: &str = "FeatureProjectorConfig";
        let student = ConfigError::at_least_one(NAME, "student_width", self.student_width)?;
        let teacher = ConfigError::at_least_one(NAME, "teacher_width", self.teacher_width)?;
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(ConfigError::out_of_range(
                NAME,
                "dropout",
                self.dropout,
                "in [0, 1)",
            ));
        }
        let mut linear = LinearConfig::new(student, teacher).init(device);
        linear.bias = Some(Initializer::Zeros.init([teacher], device));
        Ok(FeatureProjector {
            norm: BatchNormConfig::new(student).init(device),
            dropout: DropoutConfig::new(self.dropout).init(),
            linear,
        })
    }
}

/// Bridges a student's feature width to the teacher's: batch norm, dropout, linear.
///
/// Trained beside the student, it feeds [`NdLoss`](super::NdLoss) only; the student's classifier keeps the raw feature, and
/// the projector is thrown away after training.
///
/// # Source
///
/// Wang et al., 2023, arXiv 2305.17007, and its repository.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_distill::features::FeatureProjectorConfig;
///
/// let device = Device::flex();
/// let projector = FeatureProjectorConfig::new(8, 32).init(&device).unwrap();
/// assert_eq!(projector.forward(Tensor::zeros([4, 8], &device)).dims(), [4, 32]);
/// ```
#[derive(Module, Debug)]
pub struct FeatureProjector {
    norm: BatchNorm,
    dropout: Dropout,
    linear: Linear,
}

impl FeatureProjector {
    /// Features `[batch, student_width]` to `[batch, teacher_width]`.
    ///
    /// On an autodiff device the batch's own statistics are used, so that training needs two rows or more.
    ///
    /// # Panics
    ///
    /// When the features have another width.
    pub fn forward(&self, student_features: Tensor<2>) -> Tensor<2> {
        let [width, _] = self.linear.weight.dims();
        check_shape!("FeatureProjector", student_features, [_, width]);
        self.linear
            .forward(self.dropout.forward(self.norm.forward(student_features)))
    }
}
