use std::collections::VecDeque;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

/// Exponential moving average of weights, `average ← decay · average + (1 - decay) · weights`.
///
/// Both modules have the same structure, so their parameters meet in the same order.
pub(super) fn update_average<M: Module>(average: M, weights: &M, decay: f64) -> M {
    let mut collector = Collector::default();
    weights.visit(&mut collector);
    average.map(&mut Blend {
        weights: collector.0,
        decay,
    })
}

/// Parameters of any rank, flattened, in the order of the module's fields.
#[derive(Default)]
struct Collector(VecDeque<Tensor<1>>);

impl ModuleVisitor for Collector {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val().without_autodiff();
        let count = value.shape().num_elements();
        self.0.push_back(value.reshape([count]));
    }
}

struct Blend {
    weights: VecDeque<Tensor<1>>,
    decay: f64,
}

impl ModuleMapper for Blend {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(weights) = self.weights.pop_front() else {
            return param;
        };
        let decay = self.decay;
        param.map(|average| {
            let shape = average.shape();
            let weights = weights.reshape(shape);
            (average.without_autodiff() * decay + weights * (1.0 - decay)).set_require_grad(false)
        })
    }
}
