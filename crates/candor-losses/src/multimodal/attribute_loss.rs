use burn::config::Config;
use burn::tensor::{Bool, Int, Tensor};
use candor_core::numerics::safe_div;
use candor_core::{ConfigError, InputError, check_shape, host, in_f32};
use serde::{Deserialize, Serialize};

use super::precision::at_least_f32;
use super::two_way::two_way_cross_entropy;

const NAME: &str = "AttributeLoss";

/// What counts once in the mean of [`AttributeLoss`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeReduction {
    /// A text that has attributes: their mean first, then the mean over such texts.
    PerSample,
    /// An attribute, whatever text it is in.
    PerChunk,
}

/// Configuration of [`AttributeLoss`].
#[derive(Config, Debug)]
pub struct AttributeLossConfig {
    /// What counts once. Default: `PerSample`, as published.
    #[config(default = "AttributeReduction::PerSample")]
    pub reduction: AttributeReduction,
}

impl AttributeLossConfig {
    /// Every setting is legal.
    ///
    /// # Errors
    ///
    /// None.
    pub fn init(&self) -> Result<AttributeLoss, ConfigError> {
        Ok(AttributeLoss {
            reduction: self.reduction,
        })
    }
}

/// Match or no match of each attribute of a text, by the head that decides about the whole text.
///
/// ```text
/// state of an attribute = mean of the fused token states marked with its number
/// loss = cross-entropy of head(state), label 1 in matching pairs and 0 in all others
/// ```
///
/// All attributes of a wrong pair are labelled 0, though some may be true of its image: the label noise is the method's.
///
/// # Edge cases
///
/// Numbers may have gaps. A text without attributes counts in nothing; a batch without any costs 0 with gradient 0.
/// States outside of attributes may hold anything. Widths of the two kinds of pairs may differ.
///
/// # Source
///
/// Ergasti, Fontanini, Ferrari, Bertozzi, Prati: MARS, 2024, arXiv 2407.04287.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::multimodal::AttributeLossConfig;
///
/// let device = Device::flex();
/// let chunks = Tensor::<2, Int>::from_data([[0, 1, 1]], &device);
/// let tokens = Tensor::<3>::zeros([1, 3, 4], &device);
/// let head = |states: Tensor<2>| Tensor::zeros([states.dims()[0], 2], &states.device());
/// let loss = AttributeLossConfig::new().init().unwrap().forward(tokens.clone(), chunks.clone(), tokens, chunks, head);
/// assert!((loss.into_scalar::<f32>() - 2f32.ln()).abs() < 1e-6); // a head that knows nothing
/// ```
#[derive(Debug, Clone)]
pub struct AttributeLoss {
    reduction: AttributeReduction,
}

impl AttributeLoss {
    /// The loss of all pairs, of shape `[1]`.
    ///
    /// # Shapes
    ///
    /// - matching_tokens: `[pairs, tokens, width]`, fused states of texts with their own images
    /// - matching_chunks: `[pairs, tokens]`, from [`attribute_mask`](super::attribute_mask)
    /// - wrong_tokens, wrong_chunks: likewise of pairs that do not match, with the attributes of the text in the pair
    /// - head: states `[rows, width]` to logits `[rows, 2]`, class 1 = match
    ///
    /// # Panics
    ///
    /// When there is not one chunk number a token, or the head gives other than two logits a row.
    pub fn forward(
        &self,
        matching_tokens: Tensor<3>,
        matching_chunks: Tensor<2, Int>,
        wrong_tokens: Tensor<3>,
        wrong_chunks: Tensor<2, Int>,
        head: impl Fn(Tensor<2>) -> Tensor<2>,
    ) -> Tensor<1> {
        let dtype = matching_tokens.dtype();
        let matching = Attributes::of(matching_tokens, matching_chunks, true, &head);
        let wrong = Attributes::of(wrong_tokens, wrong_chunks, false, &head);
        let all = Attributes {
            cost: Tensor::cat(vec![matching.cost, wrong.cost], 0),
            count: Tensor::cat(vec![matching.count, wrong.count], 0),
        };
        let loss = match self.reduction {
            AttributeReduction::PerSample => {
                let texts = all.count.clone().greater_scalar(0.0).float();
                let texts = texts.cast(all.count.dtype()).sum();
                safe_div(all.mean_per_text().sum(), texts)
            }
            AttributeReduction::PerChunk => safe_div(all.cost.sum(), all.count.sum()),
        };
        loss.cast(dtype)
    }

    /// The mean over the attributes of each text, `[pairs]`, all pairs matching or all wrong; 0 for a text without any.
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward).
    pub fn forward_no_reduction(
        &self,
        tokens: Tensor<3>,
        chunks: Tensor<2, Int>,
        matching: bool,
        head: impl Fn(Tensor<2>) -> Tensor<2>,
    ) -> Tensor<1> {
        let dtype = tokens.dtype();
        Attributes::of(tokens, chunks, matching, &head)
            .mean_per_text()
            .cast(dtype)
    }

    /// Looks for values the loss is not defined for, in one kind of pairs; reads the numbers to the host.
    ///
    /// # Errors
    ///
    /// Not one number a token, no pair, a negative number.
    pub fn validate(&self, tokens: &Tensor<3>, chunks: &Tensor<2, Int>) -> Result<(), InputError> {
        let [pairs, length, _] = tokens.dims();
        InputError::check_dims(NAME, "chunks", &chunks.dims(), &[pairs, length])?;
        InputError::check_not_empty(NAME, "tokens", pairs * length)?;
        let numbers: Vec<f64> = host::ints(chunks).iter().map(|&n| n as f64).collect();
        InputError::check_values(NAME, "chunks", &numbers, ">= 0", |number| number >= 0.0)
    }
}

/// What the attributes of each text cost together, and how many there are; both `[pairs]`, of single precision at least.
struct Attributes {
    cost: Tensor<1>,
    count: Tensor<1>,
}

impl Attributes {
    fn of(
        tokens: Tensor<3>,
        chunks: Tensor<2, Int>,
        matching: bool,
        head: &impl Fn(Tensor<2>) -> Tensor<2>,
    ) -> Self {
        let [pairs, length, width] = tokens.dims();
        check_shape!(NAME, chunks, [pairs, length]);
        let Membership {
            outside,
            same,
            first,
        } = Membership::of(chunks);
        // Numbers of attributes are on the device, so there is a row a token and not one an attribute; the first token of
        // an attribute speaks for all of it.
        let states = in_f32(tokens, |tokens| {
            let same = same.cast(tokens.dtype());
            let sizes = same.clone().sum_dim(2).clamp_min(1.0);
            let inside = tokens.mask_fill(
                outside.unsqueeze_dim::<3>(2).expand([pairs, length, width]),
                0.0,
            );
            same.matmul(inside) / sizes
        });
        let rows = pairs * length;
        let logits = at_least_f32(head(states.reshape([rows, width])));
        check_shape!(NAME, logits, [rows, 2]);
        let losses = two_way_cross_entropy(NAME, logits, matching).reshape([pairs, length]);
        let first = first.cast(losses.dtype());
        Self {
            cost: (losses * first.clone()).sum_dim(1).squeeze_dim(1),
            count: first.sum_dim(1).squeeze_dim(1),
        }
    }

    fn mean_per_text(&self) -> Tensor<1> {
        safe_div(self.cost.clone(), self.count.clone())
    }
}

/// Which tokens are together in an attribute.
struct Membership {
    /// Tokens of no attribute, `[pairs, tokens]`.
    outside: Tensor<2, Bool>,
    /// 1 where two tokens are of one attribute, `[pairs, tokens, tokens]`.
    same: Tensor<3>,
    /// 1 at the first token of each attribute, `[pairs, tokens]`.
    first: Tensor<2>,
}

impl Membership {
    fn of(chunks: Tensor<2, Int>) -> Self {
        let [pairs, length] = chunks.dims();
        let square = [pairs, length, length];
        let outside = chunks.clone().lower_equal_scalar(0);
        let row = chunks.clone().unsqueeze_dim::<3>(2).expand(square);
        let column = chunks.unsqueeze_dim::<3>(1).expand(square);
        let same = row
            .equal(column)
            .float()
            .mask_fill(outside.clone().unsqueeze_dim::<3>(2).expand(square), 0.0);
        let earlier: Tensor<2> = same.clone().tril(-1).sum_dim(2).squeeze_dim(2);
        let first = earlier
            .equal_scalar(0.0)
            .float()
            .mask_fill(outside.clone(), 0.0);
        Self {
            outside,
            same,
            first,
        }
    }
}
