use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{DType, Device, FloatDType, Gradients, Int, Tensor, TensorData};
use candor_core::host;
use candor_models::causal_lm::generation::{Generator, SamplingConfig};
use candor_models::causal_lm::{CausalLm, CausalLmConfig};
use candor_testkit::devices;

use crate::{built, ids, toy};

/// Mean cross entropy of each token after those before it.
pub(crate) fn loss(model: &CausalLm, ids: &Tensor<2, Int>) -> Tensor<1> {
    let scores = model.sequence_log_probs(ids.clone(), None);
    scores.mean().neg()
}

struct ToF64;

impl ModuleMapper for ToF64 {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| tensor.cast(FloatDType::F64).detach().require_grad())
    }
}

/// Moves one entry of one parameter.
struct Nudge {
    parameter: usize,
    entry: usize,
    by: f64,
    seen: usize,
}

impl ModuleMapper for Nudge {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.seen += 1;
        if self.seen - 1 != self.parameter {
            return param;
        }
        param.map(|tensor| {
            let (device, shape) = (tensor.device(), tensor.dims());
            let mut values = host::floats(&tensor);
            values[self.entry] += self.by;
            Tensor::from_data(TensorData::new(values, shape), (&device, DType::F64))
        })
    }
}

/// All gradients, parameter by parameter.
struct Collect<'a> {
    gradients: &'a Gradients,
    found: Vec<Option<Vec<f64>>>,
}

impl ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = param.val().grad(self.gradients);
        self.found
            .push(gradient.map(|gradient| host::floats(&gradient)));
    }
}

fn gradients(model: &CausalLm, ids: &Tensor<2, Int>) -> Vec<Option<Vec<f64>>> {
    let gradients = loss(model, ids).backward();
    let mut collect = Collect {
        gradients: &gradients,
        found: Vec::new(),
    };
    model.visit(&mut collect);
    collect.found
}

#[test]
fn every_gradient_is_that_of_central_differences() {
    let device = Device::flex();
    for tied in [true, false] {
        let config = toy().with_tie_embeddings(tied);
        let ids = ids([[1, 2, 3, 4], [5, 1, 12, 0]], &device);
        let tracked = built(&config, &device.clone().autodiff()).map(&mut ToF64);
        let analytic = gradients(&tracked, &ids);
        let plain = tracked.valid();
        let at = |parameter, entry, by| {
            let moved = plain.clone().map(&mut Nudge {
                parameter,
                entry,
                by,
                seen: 0,
            });
            loss(&moved, &ids).into_data().iter::<f64>().next().unwrap()
        };
        for (parameter, gradient) in analytic.iter().enumerate() {
            let gradient = gradient.as_ref().expect("every parameter has a gradient");
            // A few entries of each: the first, the last and some between.
            for entry in [
                0,
                gradient.len() / 3,
                gradient.len() / 2,
                gradient.len() - 1,
            ] {
                let numeric = (at(parameter, entry, 1e-5) - at(parameter, entry, -1e-5)) / 2e-5;
                let apart = (numeric - gradient[entry]).abs();
                assert!(
                    apart <= 1e-8 + 1e-6 * numeric.abs(),
                    "parameter {parameter} entry {entry}: {} and {numeric}",
                    gradient[entry]
                );
            }
        }
    }
}

#[test]
fn gradient_checkpointing_changes_no_gradient() {
    for named in devices() {
        let device = named.device;
        let ids = ids([[1, 2, 3, 4], [5, 1, 12, 0]], &device);
        let plain = gradients(&built(&toy(), &device.clone().autodiff()), &ids);
        let checkpointed = device.autodiff().gradient_checkpointing();
        let checkpointed = gradients(&built(&toy(), &checkpointed), &ids);
        assert_eq!(plain.len(), checkpointed.len());
        for (a, b) in plain.iter().zip(&checkpointed) {
            let (a, b) = (a.as_ref().unwrap(), b.as_ref().unwrap());
            let apart = a
                .iter()
                .zip(b)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f64::max);
            assert!(apart < 1e-6, "{}: {apart}", named.name);
        }
    }
}

#[test]
fn a_tied_head_has_the_gradient_of_both_uses() {
    let device = Device::flex().autodiff();
    let config = toy().with_tie_embeddings(true);
    let model = built(&config, &device);
    let ids = ids([[1, 2, 3]], &device);
    // Token 9 is in no row: what reaches its row of the embedding came through the head.
    let embedding = gradients(&model, &ids).remove(0).unwrap();
    let row = |token: usize| {
        embedding[token * 8..(token + 1) * 8]
            .iter()
            .any(|&entry| entry != 0.0)
    };
    assert!(row(9) && row(1));
    assert_eq!(
        model.num_params(),
        built(&toy(), &device).num_params() - 13 * 8
    );
}

#[test]
fn a_small_model_learns_a_sequence_by_heart() {
    let device = Device::flex().autodiff();
    let config = CausalLmConfig::new(16, 16, 32, 2, 2, 1, 8);
    let mut model = built(&config, &device);
    let tokens = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8];
    let ids = ids([tokens.map(i64::from)], &device);
    let targets = ids.clone().slice_dim(1, 1..12).reshape([11]);
    let cross_entropy = CrossEntropyLossConfig::new().init(&device);
    let mut optimizer = AdamWConfig::new().init();
    let first = loss(&model, &ids).into_scalar::<f64>();
    for _ in 0..120 {
        let logits = model
            .forward(ids.clone().slice_dim(1, 0..11))
            .reshape([11, 16]);
        let gradients = cross_entropy.forward(logits, targets.clone()).backward();
        let gradients = GradientsParams::from_grads(gradients, &model);
        model = optimizer.step(1e-2, model, gradients);
    }
    let last = loss(&model, &ids).into_scalar::<f64>();
    assert!(first > 2.0 && last < 0.05, "{first} -> {last}");
    let sampling = SamplingConfig::new().with_max_new_tokens(10);
    let generator = Generator::new(&model, &sampling).unwrap();
    assert_eq!(generator.generate(&[vec![3, 1]]).unwrap()[0], tokens[2..]);
}
