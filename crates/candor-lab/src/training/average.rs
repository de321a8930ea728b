use std::collections::VecDeque;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

/// Exponential moving average of weights, `average ← decay · average + (1 - decay) · weights`.
///
/// Both modules have the same structure, so their parameters meet in the same order. Frozen ones do not change, and are
/// not computed anew.
pub(crate) fn update_average<M: Module>(average: M, weights: &M, decay: f64) -> M {
    let mut collector = Collector::default();
    weights.visit(&mut collector);
    average.map(&mut Blend {
        weights: collector.0,
        decay,
    })
}

/// Parameters of any rank, flattened, in the order of the module's fields; none for a frozen one.
#[derive(Default)]
struct Collector(VecDeque<Option<Tensor<1>>>);

impl ModuleVisitor for Collector {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.is_require_grad().then(|| {
            let value = param.val().without_autodiff();
            let count = value.shape().num_elements();
            value.reshape([count])
        });
        self.0.push_back(value);
    }
}

struct Blend {
    weights: VecDeque<Option<Tensor<1>>>,
    decay: f64,
}

impl ModuleMapper for Blend {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(weights) = self.weights.pop_front().flatten() else {
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

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};
    use candor_core::host::floats;
    use candor_models::CnnConfig;

    use super::*;

    #[test]
    fn the_average_lies_between_the_models_where_the_decay_puts_it() {
        let device = Device::flex().autodiff();
        let model = |seed| {
            CnnConfig::new()
                .with_channels([2, 2])
                .init_seeded(&device, seed)
                .unwrap()
        };
        let (old, new) = (model(1), model(2));
        let blended = update_average(old.clone(), &new, 0.75);
        let images = Tensor::<4>::ones([1, 1, 8, 8], &device);
        let first_layer = |model: &candor_models::Cnn| {
            let mut collector = Collector::default();
            model.clone().train().visit(&mut collector);
            collector.0[0].as_ref().map(floats).unwrap()
        };
        for ((blended, old), new) in first_layer(&blended)
            .iter()
            .zip(first_layer(&old))
            .zip(first_layer(&new))
        {
            assert!((blended - (0.75 * old + 0.25 * new)).abs() < 1e-6);
        }
        let forgotten = update_average(old.clone(), &new, 0.0);
        assert_eq!(
            floats(&forgotten.logits(images.clone())),
            floats(&new.logits(images.clone()))
        );
        let untouched = update_average(old.clone(), &new.no_grad(), 0.0);
        assert_eq!(
            floats(&untouched.logits(images.clone())),
            floats(&old.logits(images))
        );
    }
}
