use std::iter::once;

use burn::config::Config;
use burn::module::{Initializer, Module};
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use candor_core::{ConfigError, DrawKey, Predictor, check_shape};

use crate::{Activation, Architecture, Features, seeded};

/// Configuration of an [`Mlp`].
///
/// `MlpConfig::new(input, hidden, output)`; an empty `hidden` is a linear (softmax regression) model.
#[derive(Config, Debug, PartialEq)]
pub struct MlpConfig {
    /// Width of an input row.
    pub input: usize,
    /// Widths of the hidden layers, first to last.
    pub hidden: Vec<usize>,
    /// How many scores a row gets.
    pub output: usize,
    /// The nonlinearity after each hidden layer. Default: ReLU.
    #[config(default = "Activation::Relu")]
    pub activation: Activation,
    /// Probability of dropping a hidden activation in training. Default: 0, nothing is dropped.
    #[config(default = 0.0)]
    pub dropout: f64,
}

impl MlpConfig {
    /// Builds the network with parameters that depend on `seed` alone.
    ///
    /// Weights and biases are uniform in ±1/√fan_in, burn-nn's default. For training, pass
    /// `&device.autodiff()`.
    ///
    /// # Errors
    ///
    /// A width of zero, or a dropout probability outside `[0, 1)`.
    pub fn init_seeded(&self, device: &Device, seed: u64) -> Result<Mlp, ConfigError> {
        let network = Mlp::uninitialised(self, device)?;
        let depth = network.depth();
        Ok(network.reinitialised(depth, seed))
    }

    fn check(&self) -> Result<(), ConfigError> {
        ConfigError::at_least_one("MlpConfig", "input", self.input)?;
        for &width in &self.hidden {
            ConfigError::at_least_one("MlpConfig", "hidden", width)?;
        }
        ConfigError::at_least_one("MlpConfig", "output", self.output)?;
        check_dropout("MlpConfig", self.dropout)
    }
}

/// Multilayer perceptron: linear layers with a nonlinearity and dropout between them.
///
/// ```text
/// h_0 = inputs,  h_i = dropout(activation(W_i h_{i-1} + b_i)),  logits = W h_n + b
/// ```
///
/// Dropout acts on autodiff devices only, and not in the model that [`Module::valid`] gives. The number of
/// parameters is [`Module::num_params`].
///
/// ```
/// use burn::{module::Module, tensor::{Device, Tensor}};
/// use candor_models::MlpConfig;
///
/// let device = Device::flex();
/// let model = MlpConfig::new(4, vec![8], 3).init_seeded(&device, 0)?;
/// assert_eq!(model.num_params(), (4 * 8 + 8) + (8 * 3 + 3));
/// let features = model.forward_features(Tensor::zeros([2, 4], &device));
/// assert_eq!((features.penultimate.dims(), features.logits.dims()), ([2, 8], [2, 3]));
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Module, Debug)]
pub struct Mlp {
    hidden: Vec<Linear>,
    output: Linear,
    dropout: Dropout,
    #[module(skip)]
    config: MlpConfig,
}

impl Mlp {
    /// Scores and penultimate features of a batch `[batch, input]`.
    ///
    /// Without hidden layers the penultimate features are the inputs.
    ///
    /// # Panics
    ///
    /// When the rows are not as wide as the first layer.
    pub fn forward_features(&self, inputs: Tensor<2>) -> Features {
        let width = self.config.input;
        check_shape!("Mlp", inputs, [_, width]);
        let penultimate = self.hidden.iter().fold(inputs, |features, layer| {
            let activated = self.config.activation.forward(layer.forward(features));
            self.dropout.forward(activated)
        });
        Features {
            logits: self.output.forward(penultimate.clone()),
            penultimate,
        }
    }

    /// Scores `[batch, output]` of a batch `[batch, input]`.
    ///
    /// # Panics
    ///
    /// When the rows are not as wide as the first layer.
    pub fn logits(&self, inputs: Tensor<2>) -> Tensor<2> {
        self.forward_features(inputs).logits
    }

    /// What the network was built from.
    pub fn config(&self) -> &MlpConfig {
        &self.config
    }

    /// How many layers have parameters.
    pub fn depth(&self) -> usize {
        self.hidden.len() + 1
    }

    /// The network with its last `layers` layers drawn anew, for cascading randomisation from the top.
    ///
    /// A layer's new parameters depend on `seed` and its place alone, so the cascade is nested: what `layers = 2`
    /// draws for the last layer is what `layers = 1` drew. More layers than there are redraws all. The redrawn
    /// parameters are new to an optimizer and trainable, whatever the old ones were.
    pub fn reinitialised(mut self, layers: usize, seed: u64) -> Self {
        let kept = self.depth().saturating_sub(layers);
        let all = self.hidden.iter_mut().chain(once(&mut self.output));
        for (index, layer) in all.enumerate().skip(kept) {
            *layer = seeded::redrawn_linear(layer, DrawKey::new(seed).row(index as u64));
        }
        self
    }
}

impl Predictor<2> for Mlp {
    fn predict(&self, inputs: Tensor<2>) -> Tensor<2> {
        self.logits(inputs)
    }
}

impl Architecture for Mlp {
    type Config = MlpConfig;

    const NAME: &'static str = "mlp";

    fn config(&self) -> &MlpConfig {
        &self.config
    }

    fn uninitialised(config: &MlpConfig, device: &Device) -> Result<Self, ConfigError> {
        config.check()?;
        let widths: Vec<usize> = once(config.input).chain(config.hidden.clone()).collect();
        let hidden = widths.iter().zip(&config.hidden);
        Ok(Self {
            hidden: hidden
                .map(|(&inputs, &outputs)| empty_linear(inputs, outputs, device))
                .collect(),
            output: empty_linear(
                config.hidden.last().copied().unwrap_or(config.input),
                config.output,
                device,
            ),
            dropout: DropoutConfig::new(config.dropout).init(),
            config: config.clone(),
        })
    }
}

/// A layer that holds nothing until it is used or loaded.
pub(crate) fn empty_linear(inputs: usize, outputs: usize, device: &Device) -> Linear {
    LinearConfig::new(inputs, outputs)
        .with_initializer(Initializer::Zeros)
        .init(device)
}

pub(crate) fn check_dropout(config: &'static str, dropout: f64) -> Result<(), ConfigError> {
    if (0.0..1.0).contains(&dropout) {
        Ok(())
    } else {
        Err(ConfigError::out_of_range(
            config,
            "dropout",
            dropout,
            "in [0, 1)",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn illegal_widths_and_probabilities_are_refused() {
        let device = Device::flex();
        let legal = MlpConfig::new(4, vec![3], 2);
        assert!(legal.init_seeded(&device, 0).is_ok());
        let illegal = [
            MlpConfig::new(0, vec![3], 2),
            MlpConfig::new(4, vec![3, 0], 2),
            MlpConfig::new(4, vec![3], 0),
            legal.clone().with_dropout(1.0),
            legal.clone().with_dropout(-0.1),
            legal.clone().with_dropout(f64::NAN),
        ];
        for config in illegal {
            assert!(config.init_seeded(&device, 0).is_err(), "{config:?}");
        }
    }

    #[test]
    fn without_hidden_layers_the_penultimate_features_are_the_inputs() {
        let device = Device::flex();
        let model = MlpConfig::new(2, vec![], 3)
            .init_seeded(&device, 0)
            .unwrap();
        let inputs = Tensor::<2>::from_floats([[1.0, 2.0]], &device);
        let features = model.forward_features(inputs.clone());
        features
            .penultimate
            .into_data()
            .assert_eq(&inputs.into_data(), true);
    }

    #[test]
    #[should_panic(expected = "Mlp: inputs has shape [1, 3], wanted [_, 2]")]
    fn rows_of_another_width_are_named() {
        let device = Device::flex();
        let model = MlpConfig::new(2, vec![], 3)
            .init_seeded(&device, 0)
            .unwrap();
        model.logits(Tensor::zeros([1, 3], &device));
    }
}
