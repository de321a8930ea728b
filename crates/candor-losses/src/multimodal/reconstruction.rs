use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::numerics::safe_div;
use candor_core::{ConfigError, InputError, check_shape, host, in_f32};

use super::patches::{patches_of, patchify};

const NAME: &str = "ReconstructionLoss";

/// Configuration of [`ReconstructionLoss`].
#[derive(Config, Debug)]
pub struct ReconstructionLossConfig {
    /// Side of a patch in pixels, >= 1. Default: 16.
    #[config(default = 16)]
    pub patch: usize,
    /// Whether each patch is first brought to mean 0 and variance 1. Default: false, as MARS has it.
    #[config(default = false)]
    pub normalize_target: bool,
}

impl ReconstructionLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A patch of size 0.
    pub fn init(&self) -> Result<ReconstructionLoss, ConfigError> {
        const CONFIG: &str = "ReconstructionLossConfig";
        Ok(ReconstructionLoss {
            patch: ConfigError::at_least_one(CONFIG, "patch", self.patch)?,
            normalize_target: self.normalize_target,
        })
    }
}

/// Squared error of the pixels of removed patches.
///
/// ```text
/// loss of a patch = mean over its values of (predicted - patch)²
/// loss = Σ loss of a patch · mask / Σ mask,   over the whole batch
/// normalised target: (patch - mean) / √(unbiased variance + 1e-6)
/// ```
///
/// # Edge cases
///
/// A constant patch has the normalised target 0. Without any removed patch the loss is 0 with gradient 0, and
/// [`validate`](Self::validate) refuses.
///
/// # Source
///
/// He et al.: Masked Autoencoders Are Scalable Vision Learners, 2021, arXiv 2111.06377; conditioned on text: arXiv 2407.04287.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::multimodal::ReconstructionLossConfig;
///
/// let device = Device::flex();
/// let images = Tensor::<4>::from_floats([[[[1.0, 5.0]]]], &device); // two patches of one pixel
/// let loss = ReconstructionLossConfig::new().with_patch(1).init().unwrap();
/// let mask = Tensor::<2>::from_floats([[0.0, 1.0]], &device);
/// assert_eq!(loss.forward(images, Tensor::zeros([1, 2, 1], &device), mask).into_scalar::<f32>(), 25.0);
/// ```
#[derive(Debug, Clone)]
pub struct ReconstructionLoss {
    patch: usize,
    normalize_target: bool,
}

impl ReconstructionLoss {
    /// The mean over the removed patches of the batch, of shape `[1]`.
    ///
    /// # Shapes
    ///
    /// - images: `[batch, channels, height, width]`
    /// - predicted: `[batch, patches, patch² channels]`, values in the order of [`patchify`]
    /// - mask: `[batch, patches]`, 1 at removed patches
    ///
    /// # Panics
    ///
    /// When the shapes do not fit, or the patch does not divide the image.
    pub fn forward(&self, images: Tensor<4>, predicted: Tensor<3>, mask: Tensor<2>) -> Tensor<1> {
        in_f32(predicted, |predicted| {
            let removed = mask.clone().cast(predicted.dtype()).sum();
            let losses = self.forward_no_reduction(images, predicted, mask);
            safe_div(losses.sum(), removed)
        })
    }

    /// The loss of each patch, `[batch, patches]`, 0 at visible ones.
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward).
    pub fn forward_no_reduction(
        &self,
        images: Tensor<4>,
        predicted: Tensor<3>,
        mask: Tensor<2>,
    ) -> Tensor<2> {
        let patches = patches_of(NAME, images, self.patch);
        let [batch, count, width] = patches.dims();
        check_shape!(NAME, predicted, [batch, count, width]);
        check_shape!(NAME, mask, [batch, count]);
        in_f32(predicted, |predicted| {
            let dtype = predicted.dtype();
            let target = patches.without_autodiff().cast(dtype);
            let target = if self.normalize_target {
                normalized(target)
            } else {
                target
            };
            let errors = (predicted - target).square().sum_dim(2) * (width as f64).recip();
            errors.squeeze_dim::<2>(2) * mask.without_autodiff().cast(dtype)
        })
    }

    /// Looks for values the loss is not defined for; reads the mask to the host.
    ///
    /// # Errors
    ///
    /// A patch that does not divide the image, shapes that differ, mask entries other than 0 and 1, nothing removed.
    pub fn validate(
        &self,
        images: &Tensor<4>,
        predicted: &Tensor<3>,
        mask: &Tensor<2>,
    ) -> Result<(), InputError> {
        let wanted = patchify(images.clone(), self.patch)?.dims();
        let [batch, count, _] = wanted;
        InputError::check_dims(NAME, "predicted", &predicted.dims(), &wanted)?;
        InputError::check_dims(NAME, "mask", &mask.dims(), &[batch, count])?;
        let mask = host::floats(mask);
        let binary = |entry: f64| entry == 0.0 || (entry - 1.0).abs() < f64::EPSILON;
        InputError::check_values(NAME, "mask", &mask, "0 or 1", binary)?;
        if mask.iter().all(|&entry| entry == 0.0) {
            return Err(InputError::Empty {
                component: NAME,
                argument: "mask",
                wanted: "at least one patch must be removed",
            });
        }
        Ok(())
    }
}

/// Each patch at mean 0 and variance 1.
fn normalized(patches: Tensor<3>) -> Tensor<3> {
    let [_, _, width] = patches.dims();
    let centred = patches.clone() - patches.sum_dim(2) * (width as f64).recip();
    // A patch of one value has no variance; its centred value is 0 anyway.
    let freedom = width.saturating_sub(1).max(1) as f64;
    let variance = centred.clone().square().sum_dim(2) * freedom.recip();
    centred / (variance + 1e-6).sqrt()
}
