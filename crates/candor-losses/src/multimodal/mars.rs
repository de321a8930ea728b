use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{ConfigError, WeightedSum};

const CONFIG: &str = "MarsLossConfig";

/// Configuration of [`MarsLoss`]: the weight of each term, finite and >= 0.
#[derive(Config, Debug)]
pub struct MarsLossConfig {
    /// Of [`MomentumContrastiveLoss`](super::MomentumContrastiveLoss). Default: 0.5.
    #[config(default = 0.5)]
    pub contrastive: f64,
    /// Of [`ImageTextMatching`](super::ImageTextMatching). Default: 1.
    #[config(default = 1.0)]
    pub matching: f64,
    /// Of [`MlmDistillLoss`](super::MlmDistillLoss). Default: 1.
    #[config(default = 1.0)]
    pub masked_language: f64,
    /// Of positive relation detection. Default: 0.5.
    #[config(default = 0.5)]
    pub relation: f64,
    /// Of [`ReplacedTokenLabels`](super::ReplacedTokenLabels). Default: 0.5.
    #[config(default = 0.5)]
    pub replaced_token: f64,
    /// Of [`ReconstructionLoss`](super::ReconstructionLoss). Default: 1.
    #[config(default = 1.0)]
    pub reconstruction: f64,
    /// Of [`AttributeLoss`](super::AttributeLoss). Default: 2.
    #[config(default = 2.0)]
    pub attribute: f64,
}

impl MarsLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A weight that is negative or not finite.
    pub fn init(&self) -> Result<MarsLoss, ConfigError> {
        let weights = [
            ("contrastive", self.contrastive),
            ("matching", self.matching),
            ("masked_language", self.masked_language),
            ("relation", self.relation),
            ("replaced_token", self.replaced_token),
            ("reconstruction", self.reconstruction),
            ("attribute", self.attribute),
        ];
        for (field, weight) in weights {
            ConfigError::non_negative(CONFIG, field, weight)?;
        }
        Ok(MarsLoss { weights })
    }
}

/// The terms of [`MarsLoss`], each of shape `[1]`.
#[derive(Debug, Clone)]
pub struct MarsTerms {
    /// Images and texts of one person close, others apart.
    pub contrastive: Tensor<1>,
    /// Match or no match of a pair.
    pub matching: Tensor<1>,
    /// Masked words.
    pub masked_language: Tensor<1>,
    /// Whether the text was swapped for another of the same person: cross-entropy of a two-way head, from burn-nn.
    pub relation: Tensor<1>,
    /// Which words were replaced.
    pub replaced_token: Tensor<1>,
    /// Pixels of removed patches.
    pub reconstruction: Tensor<1>,
    /// Match or no match of each attribute.
    pub attribute: Tensor<1>,
}

/// The objective of MARS, a weighted sum of seven terms.
///
/// ```text
/// 0.5 contrastive + matching + masked language + 0.5 relation + 0.5 replaced token + reconstruction + 2 attribute
/// ```
///
/// With reconstruction and attribute at 0 it is RaSa; with relation and replaced token at 0 as well, ALBEF.
///
/// # Source
///
/// Ergasti et al.: MARS, 2024, arXiv 2407.04287.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::multimodal::{MarsLossConfig, MarsTerms};
///
/// let [a, b, c, d, e, f, g] = std::array::from_fn(|_| Tensor::<1>::ones([1], &Device::flex()));
/// let terms = MarsTerms {
///     contrastive: a, matching: b, masked_language: c, relation: d, replaced_token: e, reconstruction: f, attribute: g,
/// };
/// let loss = MarsLossConfig::new().init()?.forward(terms);
/// assert_eq!(loss.into_scalar::<f32>(), 6.5);
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct MarsLoss {
    weights: [(&'static str, f64); 7],
}

impl MarsLoss {
    /// The weighted sum, of shape `[1]`.
    pub fn forward(&self, terms: MarsTerms) -> Tensor<1> {
        let [first, rest @ ..] = terms.in_order();
        let [(_, weight), others @ ..] = self.weights;
        rest.into_iter()
            .zip(others)
            .fold(first * weight, |sum, (term, (_, weight))| {
                sum + term * weight
            })
    }

    /// The terms with their names and weights, for logging.
    ///
    /// # Errors
    ///
    /// None: the weights are checked.
    pub fn terms(&self, terms: MarsTerms) -> Result<WeightedSum, ConfigError> {
        self.weights
            .into_iter()
            .zip(terms.in_order())
            .try_fold(WeightedSum::new(), |sum, ((name, weight), term)| {
                sum.term(name, weight, term)
            })
    }
}

impl MarsTerms {
    /// In the order of [`MarsLossConfig`]'s fields.
    fn in_order(self) -> [Tensor<1>; 7] {
        [
            self.contrastive,
            self.matching,
            self.masked_language,
            self.relation,
            self.replaced_token,
            self.reconstruction,
            self.attribute,
        ]
    }
}
