use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use candor_core::layers::swiglu;

use super::CausalLmConfig;
use super::linear::{project, uninitialised};

/// Gated feed-forward layer: `down(silu(gate x) · up x)`.
///
/// Source: Shazeer 2020, "GLU Variants Improve Transformer" (SwiGLU).
#[derive(Module, Debug)]
#[allow(clippy::struct_field_names)] // the names that files give them
pub(super) struct FeedForward {
    pub(super) gate_proj: Linear,
    pub(super) up_proj: Linear,
    pub(super) down_proj: Linear,
}

impl FeedForward {
    pub(super) fn uninitialised(config: &CausalLmConfig, device: &Device) -> Self {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        Self {
            gate_proj: uninitialised(hidden, inner, device),
            up_proj: uninitialised(hidden, inner, device),
            down_proj: uninitialised(inner, hidden, device),
        }
    }

    /// Of rows `[n, hidden]`.
    pub(super) fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        let gate = project(&self.gate_proj, rows.clone());
        let up = project(&self.up_proj, rows);
        project(&self.down_proj, swiglu(gate, up))
    }
}
