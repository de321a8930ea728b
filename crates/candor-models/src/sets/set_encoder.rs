use burn::config::Config;
use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Bool, Device, Tensor, activation};
use candor_core::{ConfigError, DrawKey, InputError, check_shape};

use super::lstm_cell::LstmCell;
use super::process_block::{ProcessBlock, Processed};
use crate::mlp::empty_linear;
use crate::seeded::redrawn_linear;

/// Configuration of a [`SetEncoder`].
#[derive(Config, Debug, PartialEq)]
pub struct SetEncoderConfig {
    /// Width of an element, >= 1.
    pub d_input: usize,
    /// Width of the memory, >= 1.
    pub d_model: usize,
    /// Steps of the process block, >= 0. Default: 5.
    #[config(default = 5)]
    pub steps: usize,
}

impl SetEncoderConfig {
    /// Builds the encoder with parameters that depend on `seed` alone.
    ///
    /// # Errors
    ///
    /// A width of zero.
    pub fn init_seeded(&self, device: &Device, seed: u64) -> Result<SetEncoder, ConfigError> {
        const NAME: &str = "SetEncoderConfig";
        let input = ConfigError::at_least_one(NAME, "d_input", self.d_input)?;
        let width = ConfigError::at_least_one(NAME, "d_model", self.d_model)?;
        let key = DrawKey::new(seed);
        let cell = LstmCell::seeded(2 * width, width, key.row(1), device);
        Ok(SetEncoder {
            read: redrawn_linear(&empty_linear(input, width, device), key.row(0)),
            process: ProcessBlock::new(cell, self.steps),
        })
    }
}

/// A set as the decoder sees it.
#[derive(Debug, Clone)]
pub struct EncodedSet {
    /// One vector an element, `[batch, elements, d_model]`.
    pub memory: Tensor<3>,
    /// The set as a whole, `[batch, 2 d_model]`.
    pub embedding: Tensor<2>,
    /// The attention of the last process step, `[batch, elements]`.
    pub attention: Tensor<2>,
}

/// Reads and processes a set: `memory_i = relu(W x_i + b)`, then a [`ProcessBlock`].
///
/// Permuting the elements permutes memory and attention and leaves the embedding as it is.
///
/// # Source
///
/// Vinyals, Bengio, Kudlur 2016, arXiv 1511.06391.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_models::sets::SetEncoderConfig;
///
/// let device = Device::flex();
/// let encoder = SetEncoderConfig::new(1, 4).init_seeded(&device, 0).unwrap();
/// let embed = |set: [[[f32; 1]; 3]; 1]| encoder.forward(Tensor::from_floats(set, &device), None).embedding;
/// let difference = embed([[[0.1], [0.7], [0.4]]]) - embed([[[0.4], [0.1], [0.7]]]);
/// assert!(difference.abs().max().into_scalar::<f32>() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct SetEncoder {
    read: Linear,
    process: ProcessBlock,
}

impl SetEncoder {
    /// Memory and embedding of each row's set.
    ///
    /// # Shapes
    ///
    /// - elements: `[batch, elements, d_input]`
    /// - mask: `[batch, elements]`, true where there is an element; `None` for all
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn forward(&self, elements: Tensor<3>, mask: Option<Tensor<2, Bool>>) -> EncodedSet {
        let input = self.read.weight.dims()[0];
        check_shape!("SetEncoder", elements, [_, _, input]);
        let memory = activation::relu(self.read.forward(elements));
        let Processed {
            embedding,
            attention,
        } = self.process.forward(memory.clone(), mask);
        EncodedSet {
            memory,
            embedding,
            attention,
        }
    }

    /// Looks for rows without an element; reads the mask to the host.
    ///
    /// # Errors
    ///
    /// A mask of another shape, an empty batch, a row that is all masked.
    pub fn validate(&self, elements: &Tensor<3>, mask: &Tensor<2, Bool>) -> Result<(), InputError> {
        self.process.validate(elements, mask)
    }
}
