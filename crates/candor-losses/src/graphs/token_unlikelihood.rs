use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor};
use candor_core::numerics::{log_sum_exp, one_hot_mask};
use candor_core::{ConfigError, InputError, check_shape, in_f32, reduce};

use super::token_check::check_tokens;

/// Configuration of [`TokenUnlikelihoodLoss`].
#[derive(Config, Debug)]
pub struct TokenUnlikelihoodLossConfig {
    /// The token that pads. Default: 0.
    #[config(default = 0)]
    pub pad: i64,
}

impl TokenUnlikelihoodLossConfig {
    /// Every setting is legal.
    ///
    /// # Errors
    ///
    /// None; the signature is that of all configurations.
    pub fn init(&self) -> Result<TokenUnlikelihoodLoss, ConfigError> {
        Ok(TokenUnlikelihoodLoss { pad: self.pad })
    }
}

/// Takes probability from the tokens of a wrong graph.
///
/// ```text
/// loss_bt = -log(1 - p_bt[negative_bt]),   0 where negative_bt is padding;   one value a row: its sum over t
/// ```
///
/// A baseline beside [`GraphMaxMarginLoss`](super::GraphMaxMarginLoss): it pushes a wrong token down however low it is.
/// Give padding for tokens that the gold graph has at the same place, or the two objectives work against one another.
///
/// # Edge cases
///
/// `1 - p` is taken over the other tokens in log space: a wrong token with logit 1e4 costs 1e4, not infinity.
///
/// # Source
///
/// Welleck et al.: Neural Text Generation with Unlikelihood Training, 2019, arXiv 1908.04319.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::graphs::TokenUnlikelihoodLossConfig;
///
/// let device = Device::flex();
/// let (logits, wrong) = (Tensor::zeros([1, 1, 4], &device), Tensor::<2, Int>::from_data([[2]], &device));
/// let loss = TokenUnlikelihoodLossConfig::new().init().unwrap();
/// let value = loss.forward(logits, wrong, Reduction::Mean); // -ln(3/4)
/// assert!((value.into_scalar::<f32>() + 0.75f32.ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct TokenUnlikelihoodLoss {
    pad: i64,
}

impl TokenUnlikelihoodLoss {
    /// The loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - logits: `[batch, tokens, vocabulary]`
    /// - negative: `[batch, tokens]`
    ///
    /// # Panics
    ///
    /// When there is not one label a token.
    pub fn forward(
        &self,
        logits: Tensor<3>,
        negative: Tensor<2, Int>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(self.forward_no_reduction(logits, negative), &reduction)
    }

    /// The loss of each graph, summed over its tokens: `[batch]`.
    ///
    /// # Panics
    ///
    /// When there is not one label a token.
    pub fn forward_no_reduction(&self, logits: Tensor<3>, negative: Tensor<2, Int>) -> Tensor<1> {
        let [batch, tokens, vocabulary] = logits.dims();
        check_shape!("TokenUnlikelihoodLoss", negative, [batch, tokens]);
        in_f32(logits, |logits| {
            let padding = negative.clone().equal_scalar(self.pad);
            let wrong = negative
                .mask_fill(padding.clone(), 0)
                .reshape([batch * tokens]);
            let logits = logits.reshape([batch * tokens, vocabulary]);
            let wrong = one_hot_mask(wrong, vocabulary);
            // Half of the lowest number: a difference of two of them must not be -inf.
            let lowest = f64::from(f32::MIN) / 2.0;
            let others = log_sum_exp(logits.clone().mask_fill(wrong, lowest), 1);
            let losses = log_sum_exp(logits, 1) - others;
            losses
                .reshape([batch, tokens])
                .mask_fill(padding, 0.0)
                .sum_dim(1)
                .reshape([batch])
        })
    }

    /// Looks for values the loss is not defined for; reads the labels to the host.
    ///
    /// # Errors
    ///
    /// Shapes that do not fit, an empty batch, fewer than two tokens in the vocabulary, a label outside of it that is not
    /// the padding.
    pub fn validate(
        &self,
        logits: &Tensor<3>,
        negative: &Tensor<2, Int>,
    ) -> Result<(), InputError> {
        const NAME: &str = "TokenUnlikelihoodLoss";
        let [batch, tokens, vocabulary] = logits.dims();
        InputError::check_dims(NAME, "negative", &negative.dims(), &[batch, tokens])?;
        InputError::check_not_empty(NAME, "negative", batch * tokens)?;
        if vocabulary < 2 {
            return Err(InputError::Undefined {
                component: NAME,
                reason: "there must be another token to give the probability to",
            });
        }
        check_tokens(NAME, "negative", negative, self.pad, vocabulary)
    }
}
