use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, FloatDType, Tensor};
use candor_models::causal_lm::CausalLm;

/// The model in another precision; gradients go back to the parameters that it was made of, in theirs.
///
/// Weights that are trained in half precision lose what a step adds when it is less than 1/256 of them. So they are
/// kept in `f32`, and a copy of them is what computes.
pub(super) fn cast(model: CausalLm, precision: FloatDType) -> CausalLm {
    model.map(&mut Cast {
        precision,
        adapters_only: false,
        in_adapter: false,
    })
}

/// The model with its adapters in another precision.
pub(super) fn cast_adapters(model: CausalLm, precision: FloatDType) -> CausalLm {
    model.map(&mut Cast {
        precision,
        adapters_only: true,
        in_adapter: false,
    })
}

/// What a path in a module is called where an adapter's factors begin.
pub(super) const ADAPTER: &str = "lora";

struct Cast {
    precision: FloatDType,
    adapters_only: bool,
    in_adapter: bool,
}

impl ModuleMapper for Cast {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.in_adapter |= name == ADAPTER;
    }

    fn exit_module(&mut self, name: &str, _container_type: &str) {
        self.in_adapter &= name != ADAPTER;
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let is_other = param.dtype() != DType::from(self.precision);
        if is_other && (self.in_adapter || !self.adapters_only) {
            param.map(|value| value.cast(self.precision))
        } else {
            param
        }
    }
}
