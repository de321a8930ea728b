use burn::tensor::{Device, Tensor, activation};
use candor_core::Predictor;

use super::Case;

/// The sheets' test model, `logits = W2 act(W1 x + b1) + b2`, from the inputs `w1`, `b1`, `w2`, `b2` of a case.
#[derive(Debug, Clone)]
pub struct TwoLayer {
    weight_in: Tensor<2>,
    bias_in: Tensor<2>,
    weight_out: Tensor<2>,
    bias_out: Tensor<2>,
    relu: bool,
}

impl TwoLayer {
    /// Reads the model of a case; the parameter `activation` is `tanh` or `relu`.
    pub fn of(case: &Case, device: &Device) -> Self {
        Self {
            weight_in: case.float::<2>("w1", device).transpose(),
            bias_in: case.float::<1>("b1", device).unsqueeze(),
            weight_out: case.float::<2>("w2", device).transpose(),
            bias_out: case.float::<1>("b2", device).unsqueeze(),
            relu: case.text("activation") == "relu",
        }
    }
}

impl Predictor<2> for TwoLayer {
    fn predict(&self, inputs: Tensor<2>) -> Tensor<2> {
        let hidden = inputs.matmul(self.weight_in.clone()) + self.bias_in.clone();
        let hidden = if self.relu {
            activation::relu(hidden)
        } else {
            hidden.tanh()
        };
        hidden.matmul(self.weight_out.clone()) + self.bias_out.clone()
    }
}
