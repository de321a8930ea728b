use burn::config::Config;
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Bool, Device, Int, Tensor};
use candor_core::numerics::one_hot_mask;
use candor_core::{ConfigError, DrawKey, check_shape, host};
use rand::RngExt;
use rand_distr::Open01;

use super::additive_attention::AdditiveAttention;
use super::lstm_cell::LstmCell;
use super::pointer_step::{PointerOutput, PointerStep, hidden_log_prob};
use super::set_encoder::EncodedSet;
use crate::mlp::empty_linear;
use crate::seeded::{kaiming_uniform, redrawn_linear};

/// Configuration of a [`PointerDecoder`].
#[derive(Config, Debug, PartialEq)]
pub struct PointerDecoderConfig {
    /// Width of the memory, >= 1.
    pub d_model: usize,
    /// Width of the attention, >= 1. Default: that of the memory.
    #[config(default = "None")]
    pub d_attention: Option<usize>,
    /// Reads of the memory before pointing, >= 0. Default: 1.
    #[config(default = 1)]
    pub glimpses: usize,
}

impl PointerDecoderConfig {
    /// Builds the decoder with parameters that depend on `seed` alone.
    ///
    /// # Errors
    ///
    /// A width of zero.
    pub fn init_seeded(&self, device: &Device, seed: u64) -> Result<PointerDecoder, ConfigError> {
        const NAME: &str = "PointerDecoderConfig";
        let width = ConfigError::at_least_one(NAME, "d_model", self.d_model)?;
        let attention = self.d_attention.unwrap_or(width);
        let attention = ConfigError::at_least_one(NAME, "d_attention", attention)?;
        let key = DrawKey::new(seed);
        let scores = |row| AdditiveAttention::seeded(width, attention, key.row(row), device);
        Ok(PointerDecoder {
            cell: LstmCell::seeded(width, width, key.row(0), device),
            first_hidden: redrawn_linear(&empty_linear(2 * width, width, device), key.row(1)),
            start: kaiming_uniform([width], width, key.row(2), device),
            pointer: PointerStep::new(scores(3), scores(4), self.glimpses),
        })
    }
}

/// Writes a set as a sequence: an LSTM whose hidden state asks, at each step, for one of the elements left.
///
/// ```text
/// h_0 = W q* + b,  c_0 = 0,  input_1 = a learned vector,  input_t = the memory of the element pointed at last
/// h_t, c_t = LSTM(input_t, h_{t-1}, c_{t-1})        p_t = PointerStep(memory, h_t) over what is left
/// ```
///
/// Permuting the memory, and the orders with it, changes no log-probability.
///
/// # Source
///
/// Vinyals, Bengio, Kudlur 2016, arXiv 1511.06391; how the LSTM starts is our choice.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_models::sets::{PointerDecoderConfig, SetEncoderConfig};
///
/// let device = Device::flex();
/// let encoder = SetEncoderConfig::new(1, 4).init_seeded(&device, 0).unwrap();
/// let decoder = PointerDecoderConfig::new(4).init_seeded(&device, 1).unwrap();
/// let equal = encoder.forward(Tensor::ones([1, 2, 1], &device), None);
/// let log_probs = decoder.step_log_probs(&equal, None, Tensor::from_data([[1, 0]], &device));
/// let log_probs = log_probs.into_data().to_vec::<f32>().unwrap(); // either of two equal elements, then the other
/// assert!((log_probs[0] + 2f32.ln()).abs() < 1e-6 && log_probs[1] == 0.0);
/// ```
#[derive(Module, Debug)]
pub struct PointerDecoder {
    cell: LstmCell,
    first_hidden: Linear,
    start: Param<Tensor<1>>,
    pointer: PointerStep,
}

impl PointerDecoder {
    /// Log-probability of each step of given orders, `[batch, steps]`; the order's is their sum over the steps.
    ///
    /// `orders` `[batch, steps]` names elements, each at most once. With a `mask` `[batch, elements]` rows may have fewer
    /// elements: what an order says of padding, after its elements, counts 0.
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn step_log_probs(
        &self,
        set: &EncodedSet,
        mask: Option<Tensor<2, Bool>>,
        orders: Tensor<2, Int>,
    ) -> Tensor<2> {
        let mut writing = Writing::start(self, set, mask.clone());
        let [batch, _] = writing.emitted.dims();
        check_shape!("PointerDecoder", orders, [batch, _]);
        let steps = (0..orders.dims()[1]).map(|step| {
            let element = orders.clone().slice_dim(1, step..step + 1);
            let output = writing.point();
            writing.emit(element.clone());
            output.log_probs.gather(1, element)
        });
        let log_probs = Tensor::cat(steps.collect(), 1);
        match mask {
            None => log_probs,
            Some(mask) => {
                let padding = mask.int().gather(1, orders).lower_scalar(1);
                log_probs.mask_fill(padding, 0.0)
            }
        }
    }

    /// The order that takes the most probable element at each step, `[batch, elements]`; padding comes last.
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn greedy(&self, set: &EncodedSet, mask: Option<Tensor<2, Bool>>) -> Tensor<2, Int> {
        self.written(set, mask, |_, log_probs| log_probs)
    }

    /// An order drawn element by element from the decoder's probabilities, `[batch, elements]`; padding comes last.
    ///
    /// Row r draws from row r of `key`: the same key gives it the same order, alone and in a batch. For the best of several
    /// draws, or for training on drawn orders, ask [`step_log_probs`](Self::step_log_probs) how likely they are.
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn sample(
        &self,
        set: &EncodedSet,
        mask: Option<Tensor<2, Bool>>,
        key: DrawKey,
    ) -> Tensor<2, Int> {
        // The largest of log-probabilities with Gumbel noise is a draw from them.
        self.written(set, mask, |step, log_probs| {
            let noise = gumbel_noise(key, step, &log_probs);
            log_probs + noise
        })
    }

    /// The order that takes the element of the largest score at each step.
    fn written(
        &self,
        set: &EncodedSet,
        mask: Option<Tensor<2, Bool>>,
        score: impl Fn(u64, Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2, Int> {
        let mut writing = Writing::start(self, set, mask);
        let [_, elements] = writing.emitted.dims();
        let steps = (0..elements as u64).map(|step| {
            let log_probs = writing.point().log_probs;
            // Below padding, which is hidden but not yet written.
            let written = 2.0 * hidden_log_prob(log_probs.dtype());
            let element = score(step, log_probs)
                .mask_fill(writing.emitted.clone(), written)
                .argmax(1);
            writing.emit(element.clone());
            element
        });
        Tensor::cat(steps.collect(), 1)
    }
}

/// `-ln(-ln u)`, u uniform in (0, 1): a row of draws a row.
fn gumbel_noise(key: DrawKey, step: u64, like: &Tensor<2>) -> Tensor<2> {
    let [rows, elements] = like.dims();
    let mut noise = Vec::with_capacity(rows * elements);
    for row in 0..rows as u64 {
        let mut rng = key.row(row).draw(step).rng();
        noise.extend((0..elements).map(|_| -(-rng.sample::<f64, _>(Open01).ln()).ln()));
    }
    host::tensor_like(noise, [rows, elements], like)
}

/// A decoder on its way through a batch of sets.
struct Writing<'a> {
    decoder: &'a PointerDecoder,
    memory: Tensor<3>,
    mask: Option<Tensor<2, Bool>>,
    emitted: Tensor<2, Bool>,
    input: Tensor<2>,
    hidden: Tensor<2>,
    cell: Tensor<2>,
}

impl<'a> Writing<'a> {
    fn start(decoder: &'a PointerDecoder, set: &EncodedSet, mask: Option<Tensor<2, Bool>>) -> Self {
        let EncodedSet {
            memory, embedding, ..
        } = set.clone();
        let width = decoder.cell.hidden_size();
        let [batch, elements, _] = memory.dims();
        check_shape!("PointerDecoder", memory, [batch, elements, width]);
        let twice = 2 * width;
        check_shape!("PointerDecoder", embedding, [batch, twice]);
        if let Some(mask) = &mask {
            check_shape!("PointerDecoder", mask, [batch, elements]);
        }
        let hidden = decoder.first_hidden.forward(embedding);
        let device = memory.device().without_autodiff();
        Self {
            decoder,
            mask,
            emitted: Tensor::<2>::zeros([batch, elements], &device).greater_scalar(0.5),
            input: decoder
                .start
                .val()
                .reshape([1, width])
                .expand([batch, width]),
            cell: hidden.zeros_like(),
            hidden,
            memory,
        }
    }

    /// Advances the LSTM and points at one of the elements left.
    fn point(&mut self) -> PointerOutput {
        let (input, hidden, cell) = (self.input.clone(), self.hidden.clone(), self.cell.clone());
        (self.hidden, self.cell) = self.decoder.cell.forward(input, hidden, cell);
        let left = self.emitted.clone().bool_not();
        let available = match &self.mask {
            Some(mask) => left.bool_and(mask.clone()),
            None => left,
        };
        let (memory, query) = (self.memory.clone(), self.hidden.clone());
        self.decoder.pointer.forward(memory, query, available)
    }

    /// Writes one element a row, `[batch, 1]`.
    fn emit(&mut self, element: Tensor<2, Int>) {
        let [batch, elements, width] = self.memory.dims();
        let new = one_hot_mask(element.clone().reshape([batch]), elements);
        self.emitted = self.emitted.clone().bool_or(new);
        let rows = element.unsqueeze_dim::<3>(2).expand([batch, 1, width]);
        self.input = self.memory.clone().gather(1, rows).squeeze_dim(1);
    }
}
