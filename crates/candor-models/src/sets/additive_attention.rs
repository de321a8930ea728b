use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use candor_core::{DrawKey, check_shape};

use crate::seeded::kaiming_uniform;

/// Additive attention scores, without biases: `u_i = v · tanh(W_m m_i + W_q q)`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_models::sets::AdditiveAttention;
///
/// let device = Device::flex();
/// let ones = || Tensor::<2>::ones([1, 1], &device);
/// let attention = AdditiveAttention::from_weights(ones(), ones(), Tensor::ones([1], &device));
/// let scores = attention.scores(Tensor::ones([1, 1, 1], &device), ones());
/// assert!((scores.into_scalar::<f32>() - 2f32.tanh()).abs() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct AdditiveAttention {
    memory_weight: Param<Tensor<2>>,
    query_weight: Param<Tensor<2>>,
    direction: Param<Tensor<1>>,
}

impl AdditiveAttention {
    /// Scores from `W_m` and `W_q` `[d_attention, d_model]` and `v` `[d_attention]`.
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn from_weights(
        memory_weight: Tensor<2>,
        query_weight: Tensor<2>,
        direction: Tensor<1>,
    ) -> Self {
        let [attention, model] = memory_weight.dims();
        check_shape!("AdditiveAttention", query_weight, [attention, model]);
        check_shape!("AdditiveAttention", direction, [attention]);
        Self {
            memory_weight: Param::from_tensor(memory_weight),
            query_weight: Param::from_tensor(query_weight),
            direction: Param::from_tensor(direction),
        }
    }

    /// Uniform in ±1/√fan_in; draws 0 to 2 of the key.
    pub(super) fn seeded(model: usize, attention: usize, key: DrawKey, device: &Device) -> Self {
        Self {
            memory_weight: kaiming_uniform([attention, model], model, key.draw(0), device),
            query_weight: kaiming_uniform([attention, model], model, key.draw(1), device),
            direction: kaiming_uniform([attention], attention, key.draw(2), device),
        }
    }

    /// The score of each element, `[batch, elements]`, for memory `[batch, elements, d_model]` and query
    /// `[batch, d_model]`.
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn scores(&self, memory: Tensor<3>, query: Tensor<2>) -> Tensor<2> {
        let [attention, model] = self.memory_weight.dims();
        check_shape!("AdditiveAttention", memory, [_, _, model]);
        let [batch, elements, _] = memory.dims();
        check_shape!("AdditiveAttention", query, [batch, model]);
        let rows = memory.reshape([batch * elements, model]);
        let memory = rows.matmul(self.memory_weight.val().transpose());
        let query = query.matmul(self.query_weight.val().transpose());
        let sums = memory.reshape([batch, elements, attention]) + query.unsqueeze_dim::<3>(1);
        let direction = self.direction.val().reshape([attention, 1]);
        let scores = sums.tanh().reshape([batch * elements, attention]);
        scores.matmul(direction).reshape([batch, elements])
    }
}
