use burn::config::Config;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use candor_core::{ConfigError, DrawKey, InputError, check_shape, host};
use rand::RngExt;

use super::patches::pick_tokens;

const NAME: &str = "PatchMasking";

/// Configuration of [`PatchMasking`].
#[derive(Config, Debug)]
pub struct PatchMaskingConfig {
    /// Share of the patches that is removed, in (0, 1). Default: 0.75.
    #[config(default = 0.75)]
    pub mask_ratio: f64,
}

impl PatchMaskingConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A ratio outside (0, 1).
    pub fn init(&self) -> Result<PatchMasking, ConfigError> {
        let ratio = self.mask_ratio;
        if ratio > 0.0 && ratio < 1.0 {
            Ok(PatchMasking { mask_ratio: ratio })
        } else {
            let config = "PatchMaskingConfig";
            Err(ConfigError::out_of_range(
                config,
                "mask_ratio",
                ratio,
                "in (0, 1)",
            ))
        }
    }
}

/// Removes a random share of each image's patches.
///
/// ```text
/// kept    = floor(patches (1 - ratio)) patches of least noise, in the order of their noise
/// restore = where each patch stands in the order of all patches by noise
/// mask    = 1 at removed patches, 0 at kept ones
/// ```
///
/// # Edge cases
///
/// Patches of equal noise keep their order. The order is found on the host: this prepares data, no gradient passes.
///
/// # Source
///
/// He et al.: Masked Autoencoders Are Scalable Vision Learners, 2021, arXiv 2111.06377.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::host;
/// use candor_losses::multimodal::PatchMaskingConfig;
///
/// let noise = Tensor::<2>::from_floats([[0.9, 0.1, 0.5, 0.7]], &Device::flex());
/// let masked = PatchMaskingConfig::new().init().unwrap().by_noise(&noise)?; // keeps one of four
/// assert_eq!(host::ints(&masked.kept), [1]);
/// assert_eq!(host::ints(&masked.restore), [3, 0, 1, 2]);
/// assert_eq!(host::floats(&masked.mask), [1.0, 0.0, 1.0, 1.0]);
/// # Ok::<(), candor_core::InputError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PatchMasking {
    mask_ratio: f64,
}

/// Which patches were kept and which removed.
#[derive(Debug, Clone)]
pub struct MaskedPatches {
    /// Positions of the kept patches, in the order that [`unshuffle`](super::unshuffle) wants them, `[batch, kept]`.
    pub kept: Tensor<2, Int>,
    /// Where each patch stands among kept and removed ones, `[batch, patches]`.
    pub restore: Tensor<2, Int>,
    /// 1 at removed patches, `[batch, patches]`.
    pub mask: Tensor<2>,
}

impl PatchMasking {
    /// How many of so many patches are kept.
    ///
    /// # Errors
    ///
    /// When none would be kept, or none removed.
    pub fn kept(&self, patches: usize) -> Result<usize, InputError> {
        // Without the tiny part, 8 (1 - 0.75) and its like may fall below the whole number they are.
        let kept = (patches as f64 * (1.0 - self.mask_ratio) + 1e-9).floor() as usize;
        if kept == 0 || kept >= patches {
            return Err(InputError::Undefined {
                component: NAME,
                reason: "at least one patch must be kept and at least one removed",
            });
        }
        Ok(kept)
    }

    /// Removes the patches of most noise `[batch, patches]`; reads the noise to the host.
    ///
    /// # Errors
    ///
    /// No image, too few patches, noise that is NaN.
    pub fn by_noise(&self, noise: &Tensor<2>) -> Result<MaskedPatches, InputError> {
        let device = noise.device().without_autodiff();
        self.by_host_noise(&host::floats(noise), noise.dims(), noise.dtype(), &device)
    }

    /// Removes patches by the draws of a key; image i of the batch draws from the key's row + i.
    ///
    /// # Errors
    ///
    /// No image, too few patches.
    pub fn draw(
        &self,
        batch: usize,
        patches: usize,
        key: DrawKey,
        device: &Device,
    ) -> Result<MaskedPatches, InputError> {
        let noise: Vec<f64> = (0..batch as u64)
            .flat_map(|row| {
                let mut rng = key.row(key.row + row).rng();
                (0..patches).map(|_| rng.random()).collect::<Vec<f64>>()
            })
            .collect();
        self.by_host_noise(&noise, [batch, patches], DType::F32, device)
    }

    fn by_host_noise(
        &self,
        noise: &[f64],
        [batch, patches]: [usize; 2],
        dtype: DType,
        device: &Device,
    ) -> Result<MaskedPatches, InputError> {
        let count = self.kept(patches)?;
        InputError::check_not_empty(NAME, "noise", batch)?;
        InputError::check_values(NAME, "noise", noise, "a number", |value| !value.is_nan())?;
        let (mut kept, mut restore, mut mask) = (Vec::new(), Vec::new(), Vec::new());
        for row in noise.chunks(patches) {
            let order = order_of(row);
            let places = order_of(&order);
            kept.extend(order.iter().take(count).map(|&patch| patch as i64));
            mask.extend(places.iter().map(|&place| f64::from(place >= count)));
            restore.extend(places.into_iter().map(|place| place as i64));
        }
        Ok(MaskedPatches {
            kept: Tensor::from_data(TensorData::new(kept, [batch, count]), device),
            restore: Tensor::from_data(TensorData::new(restore, [batch, patches]), device),
            mask: Tensor::from_data(TensorData::new(mask, [batch, patches]), (device, dtype)),
        })
    }
}

/// The indices in ascending order of their values; equal ones keep their order.
fn order_of<T: PartialOrd>(values: &[T]) -> Vec<usize> {
    let mut indexed: Vec<(usize, &T)> = values.iter().enumerate().collect();
    indexed.sort_by(|(_, a), (_, b)| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    indexed.into_iter().map(|(index, _)| index).collect()
}

impl MaskedPatches {
    /// The kept ones of all patches' tokens `[batch, patches, width]`, `[batch, kept, width]`.
    ///
    /// # Panics
    ///
    /// When the batch or the number of patches is another.
    pub fn visible(&self, tokens: Tensor<3>) -> Tensor<3> {
        let [batch, patches] = self.restore.dims();
        check_shape!(NAME, tokens, [batch, patches, _]);
        pick_tokens(tokens, self.kept.clone())
    }
}
