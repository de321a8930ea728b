use burn::config::Config;
use burn::tensor::{Bool, Int, Tensor, activation};
use candor_core::numerics::{label_log_probs, safe_div};
use candor_core::{ConfigError, InputError, check_shape, in_f32};
use serde::{Deserialize, Serialize};

use super::token_check::check_tokens;

/// How padding counts in [`GraphMaxMarginLoss`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PadMode {
    /// Means over what is not padding.
    Masked,
    /// Means over all cells, as the authors' code has it: the loss depends on how far the batch is padded, and a cell
    /// that is padding in both graphs adds the constant β.
    AsPublished,
}

/// Configuration of [`GraphMaxMarginLoss`].
#[derive(Config, Debug)]
pub struct GraphMaxMarginLossConfig {
    /// Weight α of the margin, finite and >= 0. Default: 1.
    #[config(default = 1.0)]
    pub alpha: f64,
    /// Margin β, finite and >= 0. Default: 1.
    #[config(default = 1.0)]
    pub beta: f64,
    /// The token that pads; it need not be in the vocabulary. Default: 0.
    #[config(default = 0)]
    pub pad: i64,
    /// How padding counts. Default: [`PadMode::Masked`].
    #[config(default = "PadMode::Masked")]
    pub pad_mode: PadMode,
}

impl GraphMaxMarginLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// An α or β that is negative or not finite.
    pub fn init(&self) -> Result<GraphMaxMarginLoss, ConfigError> {
        const NAME: &str = "GraphMaxMarginLossConfig";
        Ok(GraphMaxMarginLoss {
            alpha: ConfigError::non_negative(NAME, "alpha", self.alpha)?,
            beta: ConfigError::non_negative(NAME, "beta", self.beta)?,
            pad: self.pad,
            pad_mode: self.pad_mode,
        })
    }
}

/// The terms of [`GraphMaxMarginLoss`], each of shape `[1]`.
#[derive(Debug, Clone)]
pub struct MarginParts {
    /// Cross-entropy + α margin.
    pub loss: Tensor<1>,
    /// Cross-entropy of the gold graph.
    pub cross_entropy: Tensor<1>,
    /// Mean hinge, without α.
    pub margin: Tensor<1>,
}

/// Cross-entropy of a gold graph's tokens, and a margin by which they must beat those of a wrong graph.
///
/// ```text
/// ce(y)_bt = -log softmax(logits_bt)[y_bt], 0 where y_bt is padding
/// hinge_bt = max(0, β + ce(gold)_bt - ce(negative)_bt)   for t < min(T, T')
/// loss     = mean ce(gold) + α mean hinge
/// ```
///
/// The logits come from teacher forcing on the gold graph and score both: the negative is never fed to the decoder.
/// [`SequenceMarginLoss`](super::SequenceMarginLoss) is the form that feeds it.
///
/// The loss is one of the whole batch: it has no value a row. The means are over cells that are not padding (for the
/// hinge: in either graph), or over all of them, see [`PadMode`].
///
/// # Edge cases
///
/// Where both tokens are real the hinge is of the difference of two logits, so that logits of ±5e4 cost no digit. At the
/// kink the gradient is 0. A negative that is all padding has margin 0 when masked.
///
/// # Source
///
/// Saha, Yadav, Bansal: Explanation Graph Generation via Pre-trained Language Models: An Empirical Study with Contrastive
/// Learning, 2022, arXiv 2204.04813.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::graphs::GraphMaxMarginLossConfig;
///
/// let device = Device::flex();
/// let (gold, wrong) = (Tensor::<2, Int>::from_data([[1]], &device), Tensor::from_data([[2]], &device));
/// let loss = GraphMaxMarginLossConfig::new().init().unwrap();
/// let parts = loss.parts(Tensor::zeros([1, 1, 4], &device), gold, wrong); // four tokens alike: ln 4, and β
/// assert!((parts.loss.into_scalar::<f32>() - (4f32.ln() + 1.0)).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct GraphMaxMarginLoss {
    alpha: f64,
    beta: f64,
    pad: i64,
    pad_mode: PadMode,
}

impl GraphMaxMarginLoss {
    /// The loss, `[1]`.
    ///
    /// # Shapes
    ///
    /// - logits: `[batch, tokens, vocabulary]`
    /// - gold: `[batch, tokens]`, in the vocabulary or the padding
    /// - negative: `[batch, tokens']`, in the vocabulary or the padding
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn forward(
        &self,
        logits: Tensor<3>,
        gold: Tensor<2, Int>,
        negative: Tensor<2, Int>,
    ) -> Tensor<1> {
        self.parts(logits, gold, negative).loss
    }

    /// The loss and its terms.
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn parts(
        &self,
        logits: Tensor<3>,
        gold: Tensor<2, Int>,
        negative: Tensor<2, Int>,
    ) -> MarginParts {
        let [batch, tokens, _] = logits.dims();
        check_shape!("GraphMaxMarginLoss", gold, [batch, tokens]);
        check_shape!("GraphMaxMarginLoss", negative, [batch, _]);
        let terms = in_f32(logits, |logits| self.terms(logits, gold, negative));
        let term = |index: usize| terms.clone().slice_dim(0, index..index + 1);
        MarginParts {
            loss: term(0),
            cross_entropy: term(1),
            margin: term(2),
        }
    }

    /// Loss, cross-entropy and margin, `[3]`.
    fn terms(
        &self,
        logits: Tensor<3>,
        gold: Tensor<2, Int>,
        negative: Tensor<2, Int>,
    ) -> Tensor<1> {
        let [batch, tokens, vocabulary] = logits.dims();
        let compared = tokens.min(negative.dims()[1]);
        let cells = Cells::new(gold, negative, self.pad);
        let logits = logits.reshape([batch * tokens, vocabulary]);
        let cost = -label_log_probs(logits.clone(), cells.gold.clone().reshape([batch * tokens]));
        let cost = cost.reshape([batch, tokens]);
        let lead = cells.lead_of_the_negative(logits);
        let real = cells.in_gold.clone();
        let cross_entropy = self.mean(cost.clone().mask_fill(real.clone().bool_not(), 0.0), real);
        let hinge =
            activation::relu(cells.difference(cost, lead) + self.beta).slice_dim(1, 0..compared);
        let margin = match self.pad_mode {
            PadMode::AsPublished => hinge.mean().reshape([1]),
            PadMode::Masked => {
                let both = cells.in_both().slice_dim(1, 0..compared);
                self.mean(hinge.mask_fill(both.clone().bool_not(), 0.0), both)
            }
        };
        let loss = cross_entropy.clone() + margin.clone() * self.alpha;
        Tensor::cat(vec![loss, cross_entropy, margin], 0)
    }

    /// The mean of cells that are 0 where they do not count, as [`PadMode`] has it; 0 where none counts.
    fn mean(&self, cells: Tensor<2>, counts: Tensor<2, Bool>) -> Tensor<1> {
        match self.pad_mode {
            PadMode::AsPublished => cells.mean(),
            PadMode::Masked => {
                let count = counts.float().cast(cells.dtype()).sum();
                safe_div(cells.sum(), count)
            }
        }
    }

    /// Looks for values the loss is not defined for; reads the labels to the host.
    ///
    /// # Errors
    ///
    /// Shapes that do not fit, an empty batch or graph, a label that is neither in the vocabulary nor the padding.
    pub fn validate(
        &self,
        logits: &Tensor<3>,
        gold: &Tensor<2, Int>,
        negative: &Tensor<2, Int>,
    ) -> Result<(), InputError> {
        const NAME: &str = "GraphMaxMarginLoss";
        let [batch, tokens, vocabulary] = logits.dims();
        InputError::check_dims(NAME, "gold", &gold.dims(), &[batch, tokens])?;
        let [rows, length] = negative.dims();
        InputError::check_dims(NAME, "negative", &[rows, length], &[batch, length])?;
        InputError::check_not_empty(NAME, "gold", batch * tokens)?;
        InputError::check_not_empty(NAME, "negative", length)?;
        check_tokens(NAME, "gold", gold, self.pad, vocabulary)?;
        check_tokens(NAME, "negative", negative, self.pad, vocabulary)
    }
}

/// The two graphs cell by cell, `[batch, tokens]`, with tokens that may be looked up everywhere.
struct Cells {
    gold: Tensor<2, Int>,
    negative: Tensor<2, Int>,
    in_gold: Tensor<2, Bool>,
    in_negative: Tensor<2, Bool>,
}

impl Cells {
    /// The negative is cut or padded to the gold's length. Where a token is padding, that of the other graph is looked
    /// up, and the first of the vocabulary where both are: no padding is asked for its logit.
    fn new(gold: Tensor<2, Int>, negative: Tensor<2, Int>, pad: i64) -> Self {
        let negative = to_length(negative, gold.dims()[1], pad);
        let (in_gold, in_negative) = (
            gold.clone().not_equal_scalar(pad),
            negative.clone().not_equal_scalar(pad),
        );
        let either = |own: &Tensor<2, Int>, other: &Tensor<2, Int>| {
            let own = own.clone();
            let padding = own.clone().equal_scalar(pad);
            let filled = own.mask_where(padding, other.clone());
            let neither = filled.clone().equal_scalar(pad);
            filled.mask_fill(neither, 0)
        };
        Self {
            gold: either(&gold, &negative),
            negative: either(&negative, &gold),
            in_gold,
            in_negative,
        }
    }

    fn in_both(&self) -> Tensor<2, Bool> {
        self.in_gold.clone().bool_and(self.in_negative.clone())
    }

    /// The negative token's logit less the gold one's, of logits `[batch * tokens, vocabulary]`.
    fn lead_of_the_negative(&self, logits: Tensor<2>) -> Tensor<2> {
        let [batch, tokens] = self.gold.dims();
        let logit = |labels: &Tensor<2, Int>| {
            let labels = labels.clone().reshape([batch * tokens, 1]);
            logits.clone().gather(1, labels)
        };
        (logit(&self.negative) - logit(&self.gold)).reshape([batch, tokens])
    }

    /// `ce(gold) - ce(negative)`, from the cost of the token looked up for gold and the negative's lead over it.
    ///
    /// Both real: the lead. One real: its cost, counted for or against. None: 0.
    fn difference(&self, cost: Tensor<2>, lead: Tensor<2>) -> Tensor<2> {
        let both = self.in_both();
        let sign = self.in_gold.clone().float() - self.in_negative.clone().float();
        let balanced = sign.clone().equal_scalar(0.0);
        cost.clone().mask_fill(balanced, 0.0) * sign.cast(cost.dtype())
            + lead.mask_fill(both.bool_not(), 0.0)
    }
}

/// Rows cut, or filled up with padding, to a length.
fn to_length(labels: Tensor<2, Int>, length: usize, pad: i64) -> Tensor<2, Int> {
    let [batch, seen] = labels.dims();
    if seen >= length {
        return labels.slice_dim(1, 0..length);
    }
    let filling = Tensor::full([batch, length - seen], pad, &labels.device());
    Tensor::cat(vec![labels, filling], 1)
}
