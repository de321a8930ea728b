use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Bool, Device, Int, Tensor};
use candor_core::{ConfigError, DrawKey, InputError, check_shape, host};

use super::pointer_decoder::{PointerDecoder, PointerDecoderConfig};
use super::set_encoder::{EncodedSet, SetEncoder, SetEncoderConfig};

const NAME: &str = "ReadProcessWrite";

/// Configuration of a [`ReadProcessWrite`] network.
#[derive(Config, Debug, PartialEq)]
pub struct ReadProcessWriteConfig {
    /// Width of an element, >= 1.
    pub d_input: usize,
    /// Width of memory and LSTMs, >= 1.
    pub d_model: usize,
    /// Width of the pointer's attention, >= 1. Default: that of the memory.
    #[config(default = "None")]
    pub d_attention: Option<usize>,
    /// Steps of the process block, >= 0; 0 is a pointer network without one. Default: 5.
    #[config(default = 5)]
    pub steps: usize,
    /// Reads of the memory before pointing, >= 0. Default: 1.
    #[config(default = 1)]
    pub glimpses: usize,
}

impl ReadProcessWriteConfig {
    /// Builds the network with parameters that depend on `seed` alone.
    ///
    /// # Errors
    ///
    /// A width of zero.
    pub fn init_seeded(&self, device: &Device, seed: u64) -> Result<ReadProcessWrite, ConfigError> {
        let encoder = SetEncoderConfig::new(self.d_input, self.d_model).with_steps(self.steps);
        let decoder = PointerDecoderConfig::new(self.d_model)
            .with_d_attention(self.d_attention)
            .with_glimpses(self.glimpses);
        Ok(ReadProcessWrite {
            encoder: encoder.init_seeded(device, seed)?,
            // Another stream than the encoder's.
            decoder: decoder.init_seeded(device, !seed)?,
        })
    }
}

/// A set encoder and a pointer decoder: gives orders of a set probabilities, and finds one.
///
/// [`candidate_log_probs`](Self::candidate_log_probs) is what `candor-losses`' `OrderSearchLoss` trains;
/// [`order_log_probs`](Self::order_log_probs) with one known order (sorting) is trained by its negative mean.
///
/// # Source
///
/// Vinyals, Bengio, Kudlur 2016, arXiv 1511.06391.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_models::sets::ReadProcessWriteConfig;
///
/// let device = Device::flex();
/// let model = ReadProcessWriteConfig::new(1, 4).init_seeded(&device, 0).unwrap();
/// let elements = Tensor::<3>::from_floats([[[0.4], [0.1]]], &device);
/// let both = model.candidate_log_probs(elements, None, Tensor::from_data([[[0, 1], [1, 0]]], &device));
/// assert!((both.exp().sum().into_scalar::<f32>() - 1.0).abs() < 1e-6); // all orders there are
/// ```
#[derive(Module, Debug)]
pub struct ReadProcessWrite {
    encoder: SetEncoder,
    decoder: PointerDecoder,
}

impl ReadProcessWrite {
    /// Memory and embedding of each row's set.
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn encode(&self, elements: Tensor<3>, mask: Option<Tensor<2, Bool>>) -> EncodedSet {
        self.encoder.forward(elements, mask)
    }

    /// Log-probability of one order a row, `[batch]`.
    ///
    /// # Shapes
    ///
    /// - elements: `[batch, elements, d_input]`
    /// - mask: `[batch, elements]`, true where there is an element; `None` for all
    /// - orders: `[batch, steps]`, elements by their index, each once; padding after them counts 0
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn order_log_probs(
        &self,
        elements: Tensor<3>,
        mask: Option<Tensor<2, Bool>>,
        orders: Tensor<2, Int>,
    ) -> Tensor<1> {
        let set = self.encode(elements, mask.clone());
        let steps = self.decoder.step_log_probs(&set, mask, orders);
        steps.sum_dim(1).squeeze_dim(1)
    }

    /// Log-probability of several orders a row, `[batch, candidates]`; each set is encoded once.
    ///
    /// `orders` is `[batch, candidates, steps]`, the rest as in [`order_log_probs`](Self::order_log_probs).
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn candidate_log_probs(
        &self,
        elements: Tensor<3>,
        mask: Option<Tensor<2, Bool>>,
        orders: Tensor<3, Int>,
    ) -> Tensor<2> {
        let [batch, count, _] = elements.dims();
        check_shape!("ReadProcessWrite", orders, [batch, _, _]);
        let [_, candidates, steps] = orders.dims();
        let EncodedSet {
            memory,
            embedding,
            attention,
        } = self.encode(elements, mask.clone());
        let rows = batch * candidates;
        let repeated = |rows_of: Tensor<2>| -> Tensor<2> {
            let [_, width] = rows_of.dims();
            rows_of
                .unsqueeze_dim::<3>(1)
                .expand([batch, candidates, width])
                .reshape([rows, width])
        };
        let [_, _, width] = memory.dims();
        let set = EncodedSet {
            memory: repeated(memory.reshape([batch, count * width])).reshape([rows, count, width]),
            embedding: repeated(embedding),
            attention: repeated(attention),
        };
        let mask = mask.map(|mask| {
            mask.unsqueeze_dim::<3>(1)
                .expand([batch, candidates, count])
                .reshape([rows, count])
        });
        let orders = orders.reshape([rows, steps]);
        let log_probs = self.decoder.step_log_probs(&set, mask, orders).sum_dim(1);
        log_probs.reshape([batch, candidates])
    }

    /// The order that takes the most probable element at each step, `[batch, elements]`; padding comes last.
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn greedy(&self, elements: Tensor<3>, mask: Option<Tensor<2, Bool>>) -> Tensor<2, Int> {
        let set = self.encode(elements, mask.clone());
        self.decoder.greedy(&set, mask)
    }

    /// An order drawn element by element, `[batch, elements]`; see [`PointerDecoder::sample`].
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn sample(
        &self,
        elements: Tensor<3>,
        mask: Option<Tensor<2, Bool>>,
        key: DrawKey,
    ) -> Tensor<2, Int> {
        let set = self.encode(elements, mask.clone());
        self.decoder.sample(&set, mask, key)
    }

    /// Looks for values the network is not defined for; reads mask and orders to the host.
    ///
    /// # Errors
    ///
    /// A mask of another shape, a row without an element, an order of another length than the elements, an element that
    /// is not there or that an order names twice.
    pub fn validate(
        &self,
        elements: &Tensor<3>,
        mask: Option<&Tensor<2, Bool>>,
        orders: &Tensor<2, Int>,
    ) -> Result<(), InputError> {
        let [batch, count, _] = elements.dims();
        if let Some(mask) = mask {
            self.encoder.validate(elements, mask)?;
        }
        InputError::check_not_empty(NAME, "elements", batch * count)?;
        InputError::check_dims(NAME, "orders", &orders.dims(), &[batch, count])?;
        let orders = host::ints(orders);
        InputError::check_labels(NAME, "orders", &orders, count)?;
        for order in orders.chunks(count) {
            let mut sorted = order.to_vec();
            sorted.sort_unstable();
            if !sorted.iter().zip(0..).all(|(&seen, wanted)| seen == wanted) {
                return Err(InputError::Undefined {
                    component: NAME,
                    reason: "an order names an element twice",
                });
            }
        }
        Ok(())
    }
}
