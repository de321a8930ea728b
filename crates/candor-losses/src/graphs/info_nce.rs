use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor};
use candor_core::numerics::{label_log_probs, normalize_rows};
use candor_core::{ConfigError, InputError, check_shape, host, in_f32, reduce};

/// Norms below this are not divided by.
const NORM_FLOOR: f64 = 1e-12;

/// Configuration of [`GraphInfoNceLoss`].
#[derive(Config, Debug)]
pub struct GraphInfoNceLossConfig {
    /// Temperature τ, finite and > 0. Default: 0.1.
    #[config(default = 0.1)]
    pub tau: f64,
    /// Weight beside the cross-entropy in [`GraphInfoNceLoss::total`], finite and >= 0. Default: 0.1.
    #[config(default = 0.1)]
    pub info_nce_weight: f64,
}

impl GraphInfoNceLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A τ that is not positive, a weight that is negative, either not finite.
    pub fn init(&self) -> Result<GraphInfoNceLoss, ConfigError> {
        const NAME: &str = "GraphInfoNceLossConfig";
        Ok(GraphInfoNceLoss {
            tau: ConfigError::positive(NAME, "tau", self.tau)?,
            weight: ConfigError::non_negative(NAME, "info_nce_weight", self.info_nce_weight)?,
        })
    }
}

/// InfoNCE over graphs: the gold graph's embedding shall point where a right graph's does, and not where wrong ones do.
///
/// ```text
/// z = [a·p, a·n_1, …, a·n_M] / τ     all rows divided by max(‖·‖, 1e-12)
/// loss = log Σ exp(z) - z_0
/// ```
///
/// An embedding is the [mean of the decoder's hidden states](super::masked_mean_pool) when it is fed the graph. Each anchor
/// has negatives of its own; other rows of the batch are not used as such.
///
/// # Edge cases
///
/// Without negatives the loss is 0. A zero row has cosine 0 with everything. Similarities lie within ±1/τ, so nothing
/// overflows as long as the squares of the embeddings do not.
///
/// # Source
///
/// Saha, Yadav, Bansal: Explanation Graph Generation via Pre-trained Language Models: An Empirical Study with Contrastive
/// Learning, 2022, arXiv 2204.04813.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::graphs::GraphInfoNceLossConfig;
///
/// let device = Device::flex();
/// let (anchor, negatives) = (Tensor::<2>::ones([1, 4], &device), Tensor::<3>::ones([1, 3, 4], &device));
/// let loss = GraphInfoNceLossConfig::new().init().unwrap();
/// let value = loss.forward(anchor.clone(), anchor, negatives, Reduction::Mean); // four alike: ln 4
/// assert!((value.into_scalar::<f32>() - 4f32.ln()).abs() < 1e-5);
/// ```
#[derive(Debug, Clone)]
pub struct GraphInfoNceLoss {
    tau: f64,
    weight: f64,
}

impl GraphInfoNceLoss {
    /// The loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - anchor: `[batch, width]`, the gold graphs
    /// - positive: `[batch, width]`
    /// - negatives: `[batch, negatives, width]`
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn forward(
        &self,
        anchor: Tensor<2>,
        positive: Tensor<2>,
        negatives: Tensor<3>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(
            self.forward_no_reduction(anchor, positive, negatives),
            &reduction,
        )
    }

    /// The loss of each anchor, `[batch]`.
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn forward_no_reduction(
        &self,
        anchor: Tensor<2>,
        positive: Tensor<2>,
        negatives: Tensor<3>,
    ) -> Tensor<1> {
        let [batch, width] = anchor.dims();
        check_shape!("GraphInfoNceLoss", positive, [batch, width]);
        check_shape!("GraphInfoNceLoss", negatives, [batch, _, width]);
        in_f32(anchor, |anchor| {
            let precision = anchor.dtype();
            let similarities =
                self.similarities(anchor, positive.cast(precision), negatives.cast(precision));
            let first = Tensor::<1, Int>::zeros([batch], &similarities.device());
            -label_log_probs(similarities, first)
        })
    }

    /// `cross_entropy + info_nce_weight · mean`, the authors' objective, of a cross-entropy `[1]`.
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn total(
        &self,
        cross_entropy: Tensor<1>,
        anchor: Tensor<2>,
        positive: Tensor<2>,
        negatives: Tensor<3>,
    ) -> Tensor<1> {
        check_shape!("GraphInfoNceLoss", cross_entropy, [1]);
        let mean = self.forward(anchor, positive, negatives, Reduction::Mean);
        cross_entropy.clone() + mean.cast(cross_entropy.dtype()) * self.weight
    }

    /// The positive's similarity, then those of the negatives, over τ: `[batch, 1 + negatives]`.
    fn similarities(
        &self,
        anchor: Tensor<2>,
        positive: Tensor<2>,
        negatives: Tensor<3>,
    ) -> Tensor<2> {
        let [batch, count, width] = negatives.dims();
        let anchor = normalize_rows(anchor, NORM_FLOOR);
        let positive = normalize_rows(positive, NORM_FLOOR);
        let right = (anchor.clone() * positive).sum_dim(1);
        if count == 0 {
            return right * self.tau.recip();
        }
        let negatives = normalize_rows(negatives.reshape([batch * count, width]), NORM_FLOOR)
            .reshape([batch, count, width]);
        let wrong = negatives.matmul(anchor.unsqueeze_dim(2)).squeeze_dim(2);
        Tensor::cat(vec![right, wrong], 1) * self.tau.recip()
    }

    /// Looks for values the loss is not defined for; reads the embeddings to the host.
    ///
    /// # Errors
    ///
    /// Shapes that do not fit, an empty batch, an entry that is not finite.
    pub fn validate(
        &self,
        anchor: &Tensor<2>,
        positive: &Tensor<2>,
        negatives: &Tensor<3>,
    ) -> Result<(), InputError> {
        const NAME: &str = "GraphInfoNceLoss";
        let [batch, width] = anchor.dims();
        let [_, count, _] = negatives.dims();
        InputError::check_dims(NAME, "positive", &positive.dims(), &[batch, width])?;
        InputError::check_dims(NAME, "negatives", &negatives.dims(), &[batch, count, width])?;
        InputError::check_not_empty(NAME, "anchor", batch * width)?;
        InputError::check_finite(NAME, "anchor", &host::floats(anchor))?;
        InputError::check_finite(NAME, "positive", &host::floats(positive))?;
        InputError::check_finite(NAME, "negatives", &host::floats(negatives))
    }
}
