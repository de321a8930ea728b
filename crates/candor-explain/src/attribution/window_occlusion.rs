use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{Attribution, ConfigError, ExplainError, Predictor, Target};

use super::Baseline;
use super::perturbation::{Batching, Draws, PerturbedModel};

/// Configuration of [`WindowOcclusion`].
#[derive(Config, Debug, PartialEq)]
pub struct WindowOcclusionConfig {
    /// Side of the square window in pixels: ≥ 1.
    pub window: usize,
    /// Pixels from one window to the next: 1 to the window's side, so that no pixel is left out.
    pub stride: usize,
    /// How many occluded images go into one call.
    #[config(default = "Batching::new()")]
    pub batching: Batching,
}

impl WindowOcclusionConfig {
    /// The method.
    ///
    /// # Errors
    ///
    /// An empty window, a stride of zero or beyond the window.
    pub fn init(&self) -> Result<WindowOcclusion, ConfigError> {
        let config = "WindowOcclusionConfig";
        let window = ConfigError::at_least_one(config, "window", self.window)?;
        if self.stride == 0 || self.stride > window {
            let legal = ">= 1 and at most the window";
            return Err(ConfigError::out_of_range(
                config,
                "stride",
                self.stride,
                legal,
            ));
        }
        Ok(WindowOcclusion {
            window,
            stride: self.stride,
            batching: self.batching,
        })
    }
}

/// What the score loses under a sliding window, averaged over the windows that cover a pixel.
///
/// ```text
/// attr_p = mean over windows W ∋ p of f(x) − f(x with W = r)
/// ```
///
/// Windows stand at `i · stride`, `1 + ⌈(size − window) / stride⌉` of them along a side, cut off at the border, and
/// go through all channels. A window larger than the image covers it whole.
///
/// Cost: windows + 1 evaluations an image; peak memory that of one call ([`Batching`]).
///
/// Source: Zeiler and Fergus 2014, arXiv 1311.2901, as in Captum's `Occlusion`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::Target;
/// use candor_explain::attribution::{Baseline, WindowOcclusionConfig};
///
/// // A row of three pixels, windows {0, 1} and {1, 2}: the middle one is covered by both.
/// let model = |image: Tensor<4>| image.sum_dims(&[1, 2, 3]).reshape([-1, 1]);
/// let image = Tensor::<4>::from_floats([[[[1.0, 2.0, 4.0]]]], &Device::flex());
/// let method = WindowOcclusionConfig::new(2, 1).init()?;
/// let explained = method.explain(&model, image, &Target::Output(0), &Baseline::Zeros)?;
/// assert_eq!(explained.row(0), [3.0, 4.5, 6.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct WindowOcclusion {
    window: usize,
    stride: usize,
    batching: Batching,
}

impl WindowOcclusion {
    /// Explains each image of a batch `[rows, channels, height, width]`.
    ///
    /// # Errors
    ///
    /// NaN or an infinity in inputs or baseline, shapes that do not fit, an output that does not exist, a score
    /// that is not finite.
    pub fn explain(
        &self,
        model: &impl Predictor<4>,
        inputs: Tensor<4>,
        target: &Target,
        baseline: &Baseline<4>,
    ) -> Result<Attribution<4>, ExplainError> {
        let [_, channels, height, width] = inputs.dims();
        let masked = PerturbedModel::new("WindowOcclusion", model, inputs, target, self.batching)?
            .multiplicative(baseline)?;
        let windows = Windows {
            method: self,
            image: [channels, height, width],
            down: self.stops(height),
            across: self.stops(width),
        };
        let cover = windows.cover();
        let values = masked.per_row(&windows, |_, scores| {
            let mut sums = vec![0.0; cover.len()];
            for (window, score) in scores[1..].iter().enumerate() {
                for pixel in windows.pixels(window) {
                    sums[pixel] += scores[0] - score;
                }
            }
            Ok(sums
                .iter()
                .zip(&cover)
                .map(|(sum, cover)| sum / cover)
                .collect::<Vec<_>>())
        })?;
        Ok(masked.spread(values.iter().map(Vec::as_slice)))
    }

    fn stops(&self, size: usize) -> usize {
        1 + size.saturating_sub(self.window).div_ceil(self.stride)
    }
}

/// The whole image, then the image without each window.
struct Windows<'a> {
    method: &'a WindowOcclusion,
    image: [usize; 3],
    down: usize,
    across: usize,
}

impl Windows<'_> {
    /// The entries of a window, through all channels.
    fn pixels(&self, window: usize) -> impl Iterator<Item = usize> {
        let [channels, height, width] = self.image;
        let span = |stop: usize, size: usize| {
            let start = stop * self.method.stride;
            start..(start + self.method.window).min(size)
        };
        let (rows, columns) = (
            span(window / self.across, height),
            span(window % self.across, width),
        );
        (0..channels).flat_map(move |channel| {
            let columns = columns.clone();
            rows.clone().flat_map(move |row| {
                let start = (channel * height + row) * width;
                columns.clone().map(move |column| start + column)
            })
        })
    }

    /// How many windows cover each entry.
    fn cover(&self) -> Vec<f64> {
        let mut cover = vec![0.0; self.width()];
        for window in 0..self.count() - 1 {
            self.pixels(window).for_each(|pixel| cover[pixel] += 1.0);
        }
        cover
    }
}

impl Draws for Windows<'_> {
    fn count(&self) -> usize {
        self.down * self.across + 1
    }

    fn width(&self) -> usize {
        self.image.iter().product()
    }

    fn write(&self, _row: usize, draw: usize, xi: &mut [f64]) {
        xi.fill(1.0);
        if let Some(window) = draw.checked_sub(1) {
            self.pixels(window).for_each(|pixel| xi[pixel] = 0.0);
        }
    }
}
