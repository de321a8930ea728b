use burn::config::Config;
use burn::module::{Initializer, Module};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Dropout, DropoutConfig, Linear, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use candor_core::{ConfigError, DrawKey, Predictor, check_shape};

use crate::mlp::{check_dropout, empty_linear};
use crate::{Architecture, Features, seeded};

/// Configuration of a [`Cnn`].
///
/// The defaults fit the embedded digits: `1 x 8 x 8` pixels and 10 classes make 38,282 parameters; see
/// [`Module::num_params`] for yours.
#[derive(Config, Debug, PartialEq)]
pub struct CnnConfig {
    /// Channels, height and width of an image. Default: `[1, 8, 8]`.
    #[config(default = "[1, 8, 8]")]
    pub image: [usize; 3],
    /// Output channels of the two convolutions. Default: `[16, 32]`.
    #[config(default = "[16, 32]")]
    pub channels: [usize; 2],
    /// Width of the penultimate layer. Default: 64.
    #[config(default = 64)]
    pub hidden: usize,
    /// How many scores an image gets. Default: 10.
    #[config(default = 10)]
    pub classes: usize,
    /// Probability of dropping a penultimate activation in training. Default: 0, nothing is dropped.
    #[config(default = 0.0)]
    pub dropout: f64,
}

impl CnnConfig {
    /// Builds the network with parameters that depend on `seed` alone.
    ///
    /// Weights and biases are uniform in ±1/√fan_in, burn-nn's default. For training, pass
    /// `&device.autodiff()`.
    ///
    /// # Errors
    ///
    /// A size of zero, an image that is less than two pixels high or wide, or a dropout probability outside
    /// `[0, 1)`.
    pub fn init_seeded(&self, device: &Device, seed: u64) -> Result<Cnn, ConfigError> {
        Ok(Cnn::uninitialised(self, device)?.reinitialised(Cnn::DEPTH, seed))
    }

    /// Checks every field and gives the width of the flattened feature map.
    fn check(&self) -> Result<usize, ConfigError> {
        let [channels, height, width] = self.image;
        ConfigError::at_least_one("CnnConfig", "image", channels)?;
        for side in [height, width] {
            if side < 2 {
                let legal = "at least 2 pixels high and wide";
                return Err(ConfigError::out_of_range("CnnConfig", "image", side, legal));
            }
        }
        for count in self.channels {
            ConfigError::at_least_one("CnnConfig", "channels", count)?;
        }
        ConfigError::at_least_one("CnnConfig", "hidden", self.hidden)?;
        ConfigError::at_least_one("CnnConfig", "classes", self.classes)?;
        check_dropout("CnnConfig", self.dropout)?;
        (height / 2)
            .checked_mul(width / 2)
            .and_then(|pixels| pixels.checked_mul(self.channels[1]))
            .ok_or_else(|| ConfigError::contradiction("CnnConfig", "image and channels overflow"))
    }
}

/// Small convolutional network for small images.
///
/// ```text
/// conv3x3(pad 1) relu conv3x3(pad 1) relu maxpool2 flatten linear relu dropout linear
/// ```
///
/// Pooling drops the last row or column of an odd side. Dropout acts on autodiff devices only, and not in the
/// model that [`Module::valid`] gives. The number of parameters is [`Module::num_params`].
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_models::CnnConfig;
///
/// let device = Device::flex();
/// let model = CnnConfig::new().init_seeded(&device, 0)?;
/// let features = model.forward_features(Tensor::zeros([2, 1, 8, 8], &device));
/// assert_eq!((features.penultimate.dims(), features.logits.dims()), ([2, 64], [2, 10]));
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Module, Debug)]
pub struct Cnn {
    first: Conv2d,
    second: Conv2d,
    pool: MaxPool2d,
    hidden: Linear,
    dropout: Dropout,
    output: Linear,
    #[module(skip)]
    config: CnnConfig,
}

impl Cnn {
    const DEPTH: usize = 4;

    /// Scores and penultimate features of a batch `[batch, channels, height, width]`.
    ///
    /// # Panics
    ///
    /// When the images have another size than the configured one.
    pub fn forward_features(&self, images: Tensor<4>) -> Features {
        let [channels, height, width] = self.config.image;
        check_shape!("Cnn", images, [_, channels, height, width]);
        let maps = relu(self.first.forward(images));
        let maps = relu(self.second.forward(maps));
        let flat: Tensor<2> = self.pool.forward(maps).flatten(1, 3);
        let penultimate = self.dropout.forward(relu(self.hidden.forward(flat)));
        Features {
            logits: self.output.forward(penultimate.clone()),
            penultimate,
        }
    }

    /// Scores `[batch, classes]` of a batch `[batch, channels, height, width]`.
    ///
    /// # Panics
    ///
    /// When the images have another size than the configured one.
    pub fn logits(&self, images: Tensor<4>) -> Tensor<2> {
        self.forward_features(images).logits
    }

    /// What the network was built from.
    pub fn config(&self) -> &CnnConfig {
        &self.config
    }

    /// How many layers have parameters: two convolutions and two linear layers.
    pub fn depth(&self) -> usize {
        Self::DEPTH
    }

    /// The network with its last `layers` layers drawn anew, for cascading randomisation from the top.
    ///
    /// A layer's new parameters depend on `seed` and its place alone, so the cascade is nested: what `layers = 2`
    /// draws for the last layer is what `layers = 1` drew. More layers than there are redraws all. The redrawn
    /// parameters are new to an optimizer and trainable, whatever the old ones were.
    pub fn reinitialised(mut self, layers: usize, seed: u64) -> Self {
        let key = |layer| DrawKey::new(seed).row(layer);
        if layers >= 4 {
            self.first = seeded::redrawn_conv(&self.first, key(0));
        }
        if layers >= 3 {
            self.second = seeded::redrawn_conv(&self.second, key(1));
        }
        if layers >= 2 {
            self.hidden = seeded::redrawn_linear(&self.hidden, key(2));
        }
        if layers >= 1 {
            self.output = seeded::redrawn_linear(&self.output, key(3));
        }
        self
    }
}

impl Predictor<4> for Cnn {
    fn predict(&self, inputs: Tensor<4>) -> Tensor<2> {
        self.logits(inputs)
    }
}

impl Architecture for Cnn {
    type Config = CnnConfig;

    const NAME: &'static str = "cnn";

    fn config(&self) -> &CnnConfig {
        &self.config
    }

    fn uninitialised(config: &CnnConfig, device: &Device) -> Result<Self, ConfigError> {
        let flat = config.check()?;
        let [first, second] = config.channels;
        Ok(Self {
            first: empty_conv(config.image[0], first, device),
            second: empty_conv(first, second, device),
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            hidden: empty_linear(flat, config.hidden, device),
            dropout: DropoutConfig::new(config.dropout).init(),
            output: empty_linear(config.hidden, config.classes, device),
            config: config.clone(),
        })
    }
}

/// A 3 x 3 convolution that keeps the image's size and holds nothing until it is used or loaded.
fn empty_conv(inputs: usize, outputs: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new([inputs, outputs], [3, 3])
        .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
        .with_initializer(Initializer::Zeros)
        .init(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn illegal_sizes_and_probabilities_are_refused() {
        let legal = CnnConfig::new();
        let illegal = [
            legal.clone().with_image([0, 8, 8]),
            legal.clone().with_image([1, 1, 8]),
            legal.clone().with_image([1, 8, 0]),
            legal.clone().with_image([1, usize::MAX, usize::MAX]),
            legal.clone().with_channels([0, 4]),
            legal.clone().with_channels([4, 0]),
            legal.clone().with_hidden(0),
            legal.clone().with_classes(0),
            legal.clone().with_dropout(1.0),
            legal.clone().with_dropout(f64::NAN),
        ];
        for config in illegal {
            assert!(
                Cnn::uninitialised(&config, &Device::flex()).is_err(),
                "{config:?}"
            );
        }
    }

    #[test]
    fn an_odd_side_loses_its_last_row_in_pooling() {
        let device = Device::flex();
        let config = CnnConfig::new().with_image([3, 5, 7]).with_classes(2);
        let model = config.init_seeded(&device, 0).unwrap();
        let logits = model.logits(Tensor::zeros([1, 3, 5, 7], &device));
        assert_eq!(logits.dims(), [1, 2]);
    }
}
