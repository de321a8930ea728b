use burn::config::Config;
use burn::module::Module;
use burn::tensor::{Bool, Device, Tensor, activation};
use candor_core::numerics::masked_softmax;
use candor_core::{ConfigError, DrawKey, InputError, check_shape};

use super::lstm_cell::LstmCell;
use super::row_check::check_mask;

/// Configuration of a [`ProcessBlock`].
#[derive(Config, Debug, PartialEq)]
pub struct ProcessBlockConfig {
    /// Width of an element of the memory, >= 1.
    pub d_model: usize,
    /// Steps of attention, >= 0. Default: 5.
    #[config(default = 5)]
    pub steps: usize,
}

impl ProcessBlockConfig {
    /// Builds the block with parameters that depend on `seed` alone, uniform in ±1/√d_model.
    ///
    /// # Errors
    ///
    /// A width of zero.
    pub fn init_seeded(&self, device: &Device, seed: u64) -> Result<ProcessBlock, ConfigError> {
        let width = ConfigError::at_least_one("ProcessBlockConfig", "d_model", self.d_model)?;
        let cell = LstmCell::seeded(2 * width, width, DrawKey::new(seed), device);
        Ok(ProcessBlock::new(cell, self.steps))
    }
}

/// What a [`ProcessBlock`] made of a memory.
#[derive(Debug, Clone)]
pub struct Processed {
    /// The embedding of the set, `[batch, 2 d_model]`: the last query and what it read.
    pub embedding: Tensor<2>,
    /// The attention of the last step, `[batch, elements]`; zeros without a step.
    pub attention: Tensor<2>,
}

/// A permutation-invariant embedding of a set: an LSTM that is fed nothing but what it reads of the memory.
///
/// ```text
/// q_t, c_t = LSTM(input q*_{t-1}, hidden q_{t-1}, cell c_{t-1})        from zeros
/// a = softmax over the elements of m_i · q_t,  r_t = Σ a_i m_i,  q*_t = [q_t, r_t]
/// ```
///
/// Also known as Set2Set. The order of the elements makes no difference; their number may differ from row to row.
///
/// # Edge cases
///
/// No step gives zeros. One element gets all attention. A masked element has attention and gradient 0; a row without
/// any element reads zeros and is never NaN, [`validate`](Self::validate) finds it.
///
/// # Source
///
/// Vinyals, Bengio, Kudlur 2016, arXiv 1511.06391.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_models::sets::ProcessBlockConfig;
///
/// let device = Device::flex();
/// let block = ProcessBlockConfig::new(2).init_seeded(&device, 0).unwrap();
/// let memory = Tensor::<3>::from_floats([[[1.0, 2.0], [1.0, 2.0]]], &device);
/// let processed = block.forward(memory, None);
/// assert_eq!(processed.attention.into_data().to_vec::<f32>().unwrap(), [0.5, 0.5]);
/// assert_eq!(processed.embedding.into_data().to_vec::<f32>().unwrap()[2..], [1.0, 2.0]);
/// ```
#[derive(Module, Debug)]
pub struct ProcessBlock {
    cell: LstmCell,
    steps: usize,
}

impl ProcessBlock {
    /// A block of a cell that takes `2 d` inputs to `d` hidden units.
    pub fn new(cell: LstmCell, steps: usize) -> Self {
        Self { cell, steps }
    }

    /// The embedding of each row's set.
    ///
    /// # Shapes
    ///
    /// - memory: `[batch, elements, d_model]`
    /// - mask: `[batch, elements]`, true where there is an element; `None` for all
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn forward(&self, memory: Tensor<3>, mask: Option<Tensor<2, Bool>>) -> Processed {
        let width = self.cell.hidden_size();
        check_shape!("ProcessBlock", memory, [_, _, width]);
        let [batch, elements, _] = memory.dims();
        if let Some(mask) = &mask {
            check_shape!("ProcessBlock", mask, [batch, elements]);
        }
        let zeros =
            |columns| Tensor::<2>::zeros([batch, columns], (&memory.device(), memory.dtype()));
        let (mut query, mut cell) = (zeros(width), zeros(width));
        let mut processed = Processed {
            embedding: zeros(2 * width),
            attention: zeros(elements),
        };
        for _ in 0..self.steps {
            (query, cell) = self.cell.forward(processed.embedding, query, cell);
            let scores = memory.clone().matmul(query.clone().unsqueeze_dim(2));
            let scores = scores.reshape([batch, elements]);
            let attention = match &mask {
                Some(mask) => masked_softmax(scores, mask.clone(), 1),
                None => activation::softmax(scores, 1),
            };
            processed = Processed {
                embedding: Tensor::cat(vec![query.clone(), read(&memory, &attention)], 1),
                attention,
            };
        }
        processed
    }

    /// Looks for rows without an element; reads the mask to the host.
    ///
    /// # Errors
    ///
    /// A mask of another shape, an empty batch, a row that is all masked.
    pub fn validate(&self, memory: &Tensor<3>, mask: &Tensor<2, Bool>) -> Result<(), InputError> {
        let [batch, elements, _] = memory.dims();
        check_mask("ProcessBlock", "mask", mask, [batch, elements])
    }
}

/// `Σ a_i m_i`, `[batch, d_model]`.
pub(super) fn read(memory: &Tensor<3>, attention: &Tensor<2>) -> Tensor<2> {
    let read = attention
        .clone()
        .unsqueeze_dim::<3>(1)
        .matmul(memory.clone());
    read.squeeze_dim(1)
}
