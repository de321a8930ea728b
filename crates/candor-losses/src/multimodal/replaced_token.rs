use burn::tensor::{Int, Tensor};
use candor_core::numerics::safe_div;
use candor_core::{check_shape, in_f32, numerics::softplus};

const NAME: &str = "ReplacedTokenLabels";

/// A text in which a model has rewritten words, and which words differ from the original.
///
/// ```text
/// ids   = predicted with the class token at position 0, 0 outside the attention
/// label = 1 where ids differ from the original, 0 where not, -100 (ignored) where ids is padding or the class token
/// ```
///
/// Mask the text with probability 0.3 ([`TokenMasking`](super::TokenMasking)), let the momentum model fill *all* positions by sampling, and give
/// the result here. The loss is the cross-entropy of a two-way head on the fused states of `input_ids`.
///
/// # Edge cases
///
/// A word filled with the class token is ignored. Without any label [`loss`](Self::loss) is 0 with gradient 0.
///
/// # Source
///
/// Bai et al.: RaSa, 2023, arXiv 2305.13653.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_core::host;
/// use candor_losses::multimodal::ReplacedTokenLabels;
///
/// let row = |ids: [i64; 4]| Tensor::<2, Int>::from_data([ids], &Device::flex());
/// let replaced = ReplacedTokenLabels::new(row([9, 7, 4, 2]), row([101, 7, 8, 0]), row([1, 1, 1, 0]), 101, 0);
/// assert_eq!(host::ints(&replaced.input_ids), [101, 7, 4, 0]);
/// assert_eq!(host::ints(&replaced.labels), [-100, 0, 1, -100]);
/// ```
#[derive(Debug, Clone)]
pub struct ReplacedTokenLabels {
    /// The rewritten text, `[batch, tokens]`.
    pub input_ids: Tensor<2, Int>,
    /// 1 = replaced, 0 = original, [`IGNORED`](Self::IGNORED), `[batch, tokens]`.
    pub labels: Tensor<2, Int>,
}

impl ReplacedTokenLabels {
    /// The label of a position that counts in nothing.
    pub const IGNORED: i64 = -100;

    /// Compares what a model filled in with the original.
    ///
    /// # Shapes
    ///
    /// - predicted, original: `[batch, tokens]`
    /// - attention: `[batch, tokens]`, 1 at words, 0 at padding
    ///
    /// # Panics
    ///
    /// When the shapes differ.
    pub fn new(
        predicted: Tensor<2, Int>,
        original: Tensor<2, Int>,
        attention: Tensor<2, Int>,
        class_id: i64,
        pad_id: i64,
    ) -> Self {
        let [batch, tokens] = predicted.dims();
        check_shape!(NAME, original, [batch, tokens]);
        check_shape!(NAME, attention, [batch, tokens]);
        let filled = predicted.slice_fill([0..batch, 0..1.min(tokens)], class_id);
        let changed = filled.clone().not_equal(original).int();
        let labels = changed * attention.clone();
        let input_ids = filled * attention;
        let ignored = input_ids
            .clone()
            .equal_scalar(pad_id)
            .bool_or(input_ids.clone().equal_scalar(class_id));
        Self {
            input_ids,
            labels: labels.mask_fill(ignored, Self::IGNORED),
        }
    }

    /// The mean cross-entropy over the labelled positions, of shape `[1]`.
    ///
    /// # Shapes
    ///
    /// - logits: `[batch, tokens, 2]`, class 1 = replaced
    ///
    /// # Panics
    ///
    /// When there are not two logits a token.
    pub fn loss(&self, logits: Tensor<3>) -> Tensor<1> {
        let [batch, tokens] = self.labels.dims();
        check_shape!(NAME, logits, [batch, tokens, 2]);
        let ignored = self.labels.clone().equal_scalar(Self::IGNORED);
        in_f32(logits, |logits| {
            let dtype = logits.dtype();
            let replaced = self.labels.clone().equal_scalar(1).float().cast(dtype);
            let counted = ignored.clone().bool_not().float().cast(dtype).sum();
            let margin: Tensor<2> =
                (logits.clone().slice_dim(2, 1..2) - logits.slice_dim(2, 0..1)).squeeze_dim(2);
            // The sign turns towards the wrong class.
            let losses = softplus(margin * (replaced * -2.0 + 1.0)).mask_fill(ignored, 0.0);
            safe_div(losses.sum(), counted)
        })
    }
}
