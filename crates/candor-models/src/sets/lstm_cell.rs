use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, activation};
use candor_core::{DrawKey, check_shape};

use crate::seeded::kaiming_uniform;

/// An LSTM cell whose gates lie in one matrix, as PyTorch's do.
///
/// ```text
/// z = W_ih x + b_ih + W_hh h + b_hh,  its quarters i, f, g, o
/// c' = sigmoid(f) c + sigmoid(i) tanh(g)        h' = sigmoid(o) tanh(c')
/// ```
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_models::sets::LstmCell;
///
/// let zeros = |rows, width| Tensor::<2>::zeros([rows, width], &Device::flex());
/// let bias = Tensor::<1>::zeros([4], &Device::flex());
/// let cell = LstmCell::from_weights(zeros(4, 2), zeros(4, 1), bias.clone(), bias);
/// let (_, memory) = cell.forward(zeros(1, 2), zeros(1, 1), zeros(1, 1) + 1.0);
/// assert_eq!(memory.into_scalar::<f32>(), 0.5); // all gates half open
/// ```
#[derive(Module, Debug)]
pub struct LstmCell {
    input_weight: Param<Tensor<2>>,
    hidden_weight: Param<Tensor<2>>,
    input_bias: Param<Tensor<1>>,
    hidden_bias: Param<Tensor<1>>,
}

impl LstmCell {
    /// A cell from weights `[4 hidden, input]`, `[4 hidden, hidden]` and two biases `[4 hidden]`, rows in the order
    /// input, forget, cell, output.
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn from_weights(
        input_weight: Tensor<2>,
        hidden_weight: Tensor<2>,
        input_bias: Tensor<1>,
        hidden_bias: Tensor<1>,
    ) -> Self {
        let [_, hidden] = hidden_weight.dims();
        let gates = 4 * hidden;
        check_shape!("LstmCell", hidden_weight, [gates, hidden]);
        check_shape!("LstmCell", input_weight, [gates, _]);
        check_shape!("LstmCell", input_bias, [gates]);
        check_shape!("LstmCell", hidden_bias, [gates]);
        Self {
            input_weight: Param::from_tensor(input_weight),
            hidden_weight: Param::from_tensor(hidden_weight),
            input_bias: Param::from_tensor(input_bias),
            hidden_bias: Param::from_tensor(hidden_bias),
        }
    }

    /// Uniform in ±1/√hidden, PyTorch's default; draws 0 to 3 of the key.
    pub(super) fn seeded(input: usize, hidden: usize, key: DrawKey, device: &Device) -> Self {
        let gates = 4 * hidden;
        Self {
            input_weight: kaiming_uniform([gates, input], hidden, key.draw(0), device),
            hidden_weight: kaiming_uniform([gates, hidden], hidden, key.draw(1), device),
            input_bias: kaiming_uniform([gates], hidden, key.draw(2), device),
            hidden_bias: kaiming_uniform([gates], hidden, key.draw(3), device),
        }
    }

    /// Width of the hidden state.
    pub fn hidden_size(&self) -> usize {
        self.hidden_weight.dims()[1]
    }

    /// The next hidden state and cell, both `[batch, hidden]`, from input `[batch, input]` and the last ones.
    ///
    /// # Panics
    ///
    /// When the widths do not fit.
    pub fn forward(
        &self,
        input: Tensor<2>,
        hidden: Tensor<2>,
        cell: Tensor<2>,
    ) -> (Tensor<2>, Tensor<2>) {
        let width = self.hidden_size();
        check_shape!("LstmCell", hidden, [_, width]);
        check_shape!("LstmCell", cell, [_, width]);
        let gates = input.matmul(self.input_weight.val().transpose())
            + self.input_bias.val().unsqueeze()
            + hidden.matmul(self.hidden_weight.val().transpose())
            + self.hidden_bias.val().unsqueeze();
        let gate = |index: usize| -> Tensor<2> {
            gates
                .clone()
                .slice_dim(1, index * width..(index + 1) * width)
        };
        let kept = activation::sigmoid(gate(1)) * cell;
        let cell = kept + activation::sigmoid(gate(0)) * gate(2).tanh();
        let hidden = activation::sigmoid(gate(3)) * cell.clone().tanh();
        (hidden, cell)
    }
}
