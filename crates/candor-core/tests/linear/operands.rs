//! Operands of every shape, on every device and in every precision, and how they are compared.

use burn::tensor::{DType, Device, Int, Tensor};
use candor_core::MemoryBudget;
use candor_core::host::floats;
use candor_core::linear::{LinearLogits, TokenStatistics};
use candor_testkit::devices;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Rows, classes and width: one of each, primes, and more classes than a vector register or a cube.
pub(super) const SHAPES: [[usize; 3]; 6] = [
    [1, 1, 1],
    [1, 7, 3],
    [5, 1, 4],
    [3, 17, 5],
    [7, 131, 8],
    [4, 1031, 2],
];

/// Room for everything at once.
pub(super) const AMPLE: MemoryBudget = MemoryBudget::mib(64);

/// From a few classes at a time, or one, to everything at once.
pub(super) fn budgets([rows, classes, _]: [usize; 3]) -> [MemoryBudget; 4] {
    let tile = 4 * rows * classes;
    let least = if classes < 20 { 1 } else { tile / 7 };
    [least, tile / 3, 4 * tile, AMPLE.as_bytes()].map(MemoryBudget::bytes)
}

pub(super) struct Parts {
    pub(super) hidden: Vec<f64>,
    pub(super) weight: Vec<f64>,
    pub(super) bias: Vec<f64>,
    pub(super) targets: Vec<i64>,
    pub(super) shape: [usize; 3],
}

/// Operands as tensors whose gradients can be asked for.
pub(super) struct Operands {
    pub(super) hidden: Tensor<2>,
    pub(super) weight: Tensor<2>,
    pub(super) bias: Tensor<1>,
}

impl Parts {
    pub(super) fn new(shape: [usize; 3], scale: f64, seed: u64) -> Self {
        let [rows, classes, width] = shape;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut values = |count: usize| -> Vec<f64> {
            (0..count)
                .map(|_| scale * rng.random_range(-1.0..1.0))
                .collect()
        };
        let (hidden, weight, bias) = (
            values(rows * width),
            values(classes * width),
            values(classes),
        );
        let targets = (0..rows)
            .map(|_| rng.random_range(0..classes as i64))
            .collect();
        Self {
            hidden,
            weight,
            bias,
            targets,
            shape,
        }
    }

    /// Constants.
    pub(super) fn constants(&self, device: &Device, dtype: DType) -> Operands {
        let [rows, classes, width] = self.shape;
        let device = device.clone().without_autodiff();
        let vector = |values: &[f64]| Tensor::<1>::from_data(values, (&device, dtype));
        Operands {
            hidden: vector(&self.hidden).reshape([rows, width]),
            weight: vector(&self.weight).reshape([classes, width]),
            bias: vector(&self.bias),
        }
    }

    pub(super) fn operands(&self, device: &Device, dtype: DType) -> Operands {
        self.constants(device, dtype).tracked()
    }

    pub(super) fn targets(&self, device: &Device) -> Tensor<1, Int> {
        Tensor::from_data(self.targets.as_slice(), device)
    }

    pub(super) fn row_weights(&self, device: &Device, dtype: DType) -> Tensor<1> {
        let weights: Vec<f64> = (0..self.shape[0]).map(|row| 0.3 + row as f64).collect();
        Tensor::from_data(weights.as_slice(), (device, dtype))
    }
}

impl Operands {
    fn tracked(self) -> Self {
        Self {
            hidden: self.hidden.autodiff().require_grad(),
            weight: self.weight.autodiff().require_grad(),
            bias: self.bias.autodiff().require_grad(),
        }
    }

    /// With a bias, a soft cap and a temperature, so that no part of the map is left out.
    pub(super) fn logits(&self, budget: MemoryBudget) -> LinearLogits {
        LinearLogits::new(self.hidden.clone(), self.weight.clone())
            .with_bias(self.bias.clone())
            .with_soft_cap(3.0)
            .unwrap()
            .with_temperature(0.8)
            .unwrap()
            .with_budget(budget)
    }

    pub(super) fn value_and_gradients(&self, loss: &Tensor<1>) -> Vec<Vec<f64>> {
        let gradients = loss.clone().sum().backward();
        let (hidden, weight) = (&self.hidden, &self.weight);
        vec![
            floats(loss),
            floats(&hidden.grad(&gradients).unwrap()),
            floats(&weight.grad(&gradients).unwrap()),
            floats(&self.bias.grad(&gradients).unwrap()),
        ]
    }
}

pub(super) fn close(what: &str, ours: &[Vec<f64>], reference: &[Vec<f64>], tolerance: f64) {
    for (part, (ours, reference)) in ours.iter().zip(reference).enumerate() {
        assert_eq!(ours.len(), reference.len(), "{what}, part {part}");
        for (index, (a, b)) in ours.iter().zip(reference).enumerate() {
            assert!(
                (a - b).abs() <= tolerance * (1.0 + b.abs()),
                "{what}, part {part}, entry {index}: {a} and {b}"
            );
        }
    }
}

/// Each device with the types it holds, and the tolerance of each.
pub(super) fn precisions() -> Vec<(String, Device, DType, f64)> {
    let mut all = Vec::new();
    for named in devices() {
        // Software Vulkan claims f64 and computes garbage in it, without Candor's kernels too.
        let on_processor = ["flex", "ndarray"].contains(&named.name);
        for (dtype, tolerance) in [(DType::F32, 3e-5), (DType::F64, 1e-11)] {
            if dtype == DType::F32 || on_processor {
                let name = format!("{} {dtype:?}", named.name);
                all.push((name, named.device.clone().autodiff(), dtype, tolerance));
            }
        }
    }
    all
}

/// Where the composition runs: on the device itself, and under fusion, where Burn 0.22.1's fuser panics on it, on a processor.
pub(super) fn composing(device: &Device) -> Device {
    if cfg!(feature = "fusion") {
        return Device::flex().autodiff();
    }
    device.clone()
}

/// One number of all five statistics, so that every gradient takes part.
pub(super) fn mixture(statistics: &TokenStatistics, row_weights: &Tensor<1>) -> Tensor<1> {
    let TokenStatistics {
        log_probs,
        log_sum_exp,
        entropy,
        mean_logit,
        ..
    } = statistics.clone();
    (log_probs * 1.3 - log_sum_exp * 0.7 + entropy * 0.5 + mean_logit * 2.0) * row_weights.clone()
}
