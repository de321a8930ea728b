use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor, activation};
use candor_core::{ConfigError, InputError, check_shape, host, in_f32, reduce};

const NAME: &str = "MomentumContrastiveLoss";

/// Configuration of [`MomentumContrastiveLoss`].
#[derive(Config, Debug)]
pub struct MomentumContrastiveLossConfig {
    /// Weight α of the momentum model's soft targets, in [0, 1]. Default: 0.4.
    #[config(default = 0.4)]
    pub alpha: f64,
}

impl MomentumContrastiveLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// An α outside [0, 1].
    pub fn init(&self) -> Result<MomentumContrastiveLoss, ConfigError> {
        if !(0.0..=1.0).contains(&self.alpha) {
            let config = "MomentumContrastiveLossConfig";
            return Err(ConfigError::out_of_range(
                config,
                "alpha",
                self.alpha,
                "in [0, 1]",
            ));
        }
        Ok(MomentumContrastiveLoss { alpha: self.alpha })
    }
}

/// What [`MomentumContrastiveLoss`] compares. Features are unit vectors.
#[derive(Debug, Clone)]
pub struct ContrastiveInputs {
    /// Of the images, `[batch, width]`.
    pub image: Tensor<2>,
    /// Of their texts, `[batch, width]`.
    pub text: Tensor<2>,
    /// Of the images by the momentum model, `[batch, width]`; no gradient.
    pub image_momentum: Tensor<2>,
    /// Of the texts by the momentum model, `[batch, width]`; no gradient.
    pub text_momentum: Tensor<2>,
    /// Earlier momentum features of images, `[queue, width]`; no gradient.
    pub image_queue: Tensor<2>,
    /// Earlier momentum features of texts, `[queue, width]`; no gradient.
    pub text_queue: Tensor<2>,
    /// Who each pair shows, `[batch]`.
    pub ids: Tensor<1, Int>,
    /// Who the queues' entries show, `[queue]`; [`EMPTY`](super::FeatureQueue::EMPTY) matches nobody.
    pub queue_ids: Tensor<1, Int>,
}

/// The four directions of a [`MomentumContrastiveLoss`], each the mean over the batch, of shape `[1]`.
#[derive(Debug, Clone)]
pub struct ContrastiveParts {
    /// Mean of the four.
    pub loss: Tensor<1>,
    /// Images among texts.
    pub image_to_text: Tensor<1>,
    /// Texts among images.
    pub text_to_image: Tensor<1>,
    /// Images among images.
    pub image_to_image: Tensor<1>,
    /// Texts among texts.
    pub text_to_text: Tensor<1>,
}

/// Images and texts of one identity close, others apart, among the batch and a queue (ITC with momentum distillation).
///
/// ```text
/// keys   = [momentum features; queue]           logits = features · keys / temperature
/// hard   = 1 where the identities are equal, over the number of such keys
/// target = α softmax(momentum features · keys / temperature) + (1 - α) hard,   no gradient
/// loss   = mean over i2t, t2i, i2i, t2t of  -Σ target log_softmax(logits)
/// ```
///
/// A learnable temperature gets its gradient through the logits alone; keep it in [0.001, 0.5] by
/// [`clamp_temperature`](Self::clamp_temperature), starting from 0.07. α ramps up over the first epoch:
/// [`ramped`](Self::ramped).
///
/// # Edge cases
///
/// Each row is its own positive, so that `hard` is always defined. Empty places of the queue are negatives. Half precision
/// is computed in `f32`. The queue is not copied.
///
/// # Source
///
/// Li et al.: Align before Fuse, 2021, arXiv 2107.07651; with identities: Bai et al.: RaSa, 2023, arXiv 2305.13653.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::multimodal::{ContrastiveInputs, MomentumContrastiveLossConfig};
///
/// let device = Device::flex();
/// let [one, none] = [Tensor::<2>::ones([1, 1], &device), Tensor::<2>::zeros([1, 1], &device)];
/// let [id, empty] = [0, -100].map(|id| Tensor::<1, Int>::from_data([id], &device));
/// let inputs = ContrastiveInputs {
///     image: one.clone(), text: one.clone(), image_momentum: one.clone(), text_momentum: one,
///     image_queue: none.clone(), text_queue: none, ids: id, queue_ids: empty,
/// };
/// let hard = MomentumContrastiveLossConfig::new().with_alpha(0.0).init().unwrap();
/// let loss = hard.forward(inputs, Tensor::ones([1], &device), Reduction::Mean); // softmax of (1, 0)
/// assert!((loss.into_scalar::<f32>() - (1.0 + (-1f32).exp()).ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct MomentumContrastiveLoss {
    alpha: f64,
}

impl MomentumContrastiveLoss {
    /// The same loss with α scaled by how far the ramp has come: 0 at the start, 1 (all of α) at its end and after.
    pub fn ramped(&self, progress: f64) -> Self {
        Self {
            alpha: self.alpha * progress.clamp(0.0, 1.0),
        }
    }

    /// A temperature within the published range [0.001, 0.5]; outside of it the gradient is 0.
    pub fn clamp_temperature(temperature: Tensor<1>) -> Tensor<1> {
        temperature.clamp(0.001, 0.5)
    }

    /// The loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - inputs: see [`ContrastiveInputs`]
    /// - temperature: `[1]`, > 0
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn forward(
        &self,
        inputs: ContrastiveInputs,
        temperature: Tensor<1>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(self.forward_no_reduction(inputs, temperature), &reduction)
    }

    /// The mean over the four directions of each pair, `[batch]`.
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn forward_no_reduction(
        &self,
        inputs: ContrastiveInputs,
        temperature: Tensor<1>,
    ) -> Tensor<1> {
        let [i2t, t2i, i2i, t2t] = self.directions(inputs, temperature);
        (i2t + t2i + i2i + t2t) * 0.25
    }

    /// The four directions one by one, for logging, and their mean.
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn forward_parts(
        &self,
        inputs: ContrastiveInputs,
        temperature: Tensor<1>,
    ) -> ContrastiveParts {
        let [image_to_text, text_to_image, image_to_image, text_to_text] = self
            .directions(inputs, temperature)
            .map(|rows| reduce(rows, &Reduction::Mean));
        let sum = image_to_text.clone()
            + text_to_image.clone()
            + image_to_image.clone()
            + text_to_text.clone();
        ContrastiveParts {
            loss: sum * 0.25,
            image_to_text,
            text_to_image,
            image_to_image,
            text_to_text,
        }
    }

    /// Looks for values the loss is not defined for; reads the temperature and the identities to the host.
    ///
    /// # Errors
    ///
    /// A temperature that is not finite and above zero, an empty batch, an identity below 0.
    pub fn validate(
        &self,
        inputs: &ContrastiveInputs,
        temperature: &Tensor<1>,
    ) -> Result<(), InputError> {
        let legal = |value: f64| value.is_finite() && value > 0.0;
        let temperature = host::floats(temperature);
        InputError::check_values(NAME, "temperature", &temperature, "finite and > 0", legal)?;
        let ids = host::ints(&inputs.ids);
        InputError::check_not_empty(NAME, "ids", ids.len())?;
        let ids: Vec<f64> = ids.into_iter().map(|id| id as f64).collect();
        InputError::check_values(NAME, "ids", &ids, ">= 0", |id| id >= 0.0)
    }

    /// Image to text, text to image, image to image, text to text; each `[batch]`.
    fn directions(&self, inputs: ContrastiveInputs, temperature: Tensor<1>) -> [Tensor<1>; 4] {
        let same = same_identity(inputs.ids, inputs.queue_ids);
        let (images, texts) = (
            Keys::new(inputs.image_momentum, inputs.image_queue),
            Keys::new(inputs.text_momentum, inputs.text_queue),
        );
        let direction = |features: &Tensor<2>, queries: &Keys, keys: &Keys| {
            self.direction(features, queries, keys, &same, &temperature)
        };
        [
            direction(&inputs.image, &images, &texts),
            direction(&inputs.text, &texts, &images),
            direction(&inputs.image, &images, &images),
            direction(&inputs.text, &texts, &texts),
        ]
    }

    /// One direction; `queries` has the momentum features of `features`.
    fn direction(
        &self,
        features: &Tensor<2>,
        queries: &Keys,
        keys: &Keys,
        same: &Tensor<2>,
        temperature: &Tensor<1>,
    ) -> Tensor<1> {
        let [batch, width] = features.dims();
        for key in [&queries.momentum, &keys.momentum] {
            check_shape!(NAME, key, [batch, width]);
        }
        let [_, count] = same.dims();
        let (queue, places) = (&keys.queue, count - batch);
        check_shape!(NAME, queue, [places, width]);
        in_f32(features.clone(), |features| {
            let dtype = features.dtype();
            let temperature = temperature.clone().cast(dtype).unsqueeze_dim::<2>(1);
            let fixed = temperature.clone().without_autodiff();
            let same = same.clone().cast(dtype);
            let mut target = same.clone() / same.sum_dim(1);
            if self.alpha > 0.0 {
                let momentum = queries.momentum.clone().cast(dtype) / fixed;
                let soft = activation::softmax(keys.logits(momentum), 1);
                target = soft * self.alpha + target * (1.0 - self.alpha);
            }
            let log_probs = activation::log_softmax(keys.logits(features / temperature), 1);
            -(target * log_probs).sum_dim(1).squeeze_dim::<1>(1)
        })
    }
}

/// What the features of one kind are compared with.
struct Keys {
    momentum: Tensor<2>,
    queue: Tensor<2>,
}

impl Keys {
    fn new(momentum: Tensor<2>, queue: Tensor<2>) -> Self {
        Self {
            momentum: momentum.without_autodiff(),
            queue: queue.without_autodiff(),
        }
    }

    /// Products with all keys, those of the batch first, `[batch, batch + queue]`. Joined after the product: the queue is
    /// far larger.
    fn logits(&self, features: Tensor<2>) -> Tensor<2> {
        let dtype = features.dtype();
        let with = |keys: &Tensor<2>| {
            features
                .clone()
                .matmul(keys.clone().cast(dtype).transpose())
        };
        Tensor::cat(vec![with(&self.momentum), with(&self.queue)], 1)
    }
}

/// 1 at the keys of each row's identity, `[batch, batch + queue]`.
fn same_identity(ids: Tensor<1, Int>, queue_ids: Tensor<1, Int>) -> Tensor<2> {
    let [batch] = ids.dims();
    let all = Tensor::cat(vec![ids.clone(), queue_ids], 0);
    let [count] = all.dims();
    let row = ids.unsqueeze_dim::<2>(1).expand([batch, count]);
    let column = all.unsqueeze_dim::<2>(0).expand([batch, count]);
    row.equal(column).float().without_autodiff()
}
