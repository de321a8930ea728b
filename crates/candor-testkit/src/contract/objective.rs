use burn::nn::loss::Reduction;
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use candor_core::reduce;

use crate::{check_gradient, devices};

type PerExample<'a> = Box<dyn Fn(Tensor<2>, &[usize]) -> Tensor<1> + 'a>;
type Reduced<'a> = Box<dyn Fn(Tensor<2>, &[usize], Reduction) -> Tensor<1> + 'a>;

/// A loss as its contract sees it: a differentiable input `[rows, width]` and the numbers of its rows.
///
/// The closures build everything else (labels, teacher logits, masks) from the row numbers, on the device and
/// in the precision of the input, so that the contract can take rows away, repeat and permute them.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::Tensor;
/// use candor_core::reduce;
/// use candor_testkit::contract::Objective;
///
/// let per_row = |scores: Tensor<2>| scores.square().mean_dim(1).squeeze_dim(1);
/// Objective::new("mean square", 3, move |scores, _rows| per_row(scores))
///     .reduced(move |scores, _rows, reduction| reduce(per_row(scores), &reduction))
///     .check();
/// ```
pub struct Objective<'a> {
    name: &'static str,
    width: usize,
    per_example: PerExample<'a>,
    reduced: Option<Reduced<'a>>,
    scale: f64,
    extreme: f64,
    rowwise: bool,
}

impl<'a> Objective<'a> {
    /// A loss by its `forward_no_reduction`, which gives one value a row.
    pub fn new(
        name: &'static str,
        width: usize,
        per_example: impl Fn(Tensor<2>, &[usize]) -> Tensor<1> + 'a,
    ) -> Self {
        Self {
            name,
            width,
            per_example: Box::new(per_example),
            reduced: None,
            scale: 1.0,
            extreme: 1e4,
            rowwise: true,
        }
    }

    /// Its `forward`, which must agree with the reduction of the rows' values.
    pub fn reduced(
        mut self,
        reduced: impl Fn(Tensor<2>, &[usize], Reduction) -> Tensor<1> + 'a,
    ) -> Self {
        self.reduced = Some(Box::new(reduced));
        self
    }

    /// Ordinary inputs are drawn from `±scale` (default 1), extreme ones from `±extreme` (default 1e4).
    pub fn inputs(mut self, scale: f64, extreme: f64) -> Self {
        (self.scale, self.extreme) = (scale, extreme);
        self
    }

    /// A row's value may depend on the rest of the batch (its statistics, its other rows).
    pub fn batch_dependent(mut self) -> Self {
        self.rowwise = false;
        self
    }

    /// Holds every promise, on every device.
    pub fn check(&self) {
        for device in devices() {
            self.shapes_and_reductions(&device.device);
            self.a_batch_of_one(&device.device);
            self.extremes(&device.device);
            self.permutation(&device.device);
            if self.rowwise {
                self.rows_alone(&device.device);
            }
            self.half_precision(&device.device);
        }
        self.gradient();
    }

    fn shapes_and_reductions(&self, device: &Device) {
        let rows = [0, 1, 2, 3, 4];
        let losses = self.per_example(self.scores(&rows, self.scale, device), &rows);
        assert_eq!(losses.dims(), [5], "{}: one value a row", self.name);
        let Some(reduced) = &self.reduced else { return };
        for reduction in [
            Reduction::Mean,
            Reduction::Sum,
            Reduction::BatchMean,
            Reduction::Auto,
        ] {
            let seen = reduced(
                self.scores(&rows, self.scale, device),
                &rows,
                reduction.clone(),
            );
            assert_eq!(
                seen.dims(),
                [1],
                "{}: {reduction:?} gives one value",
                self.name
            );
            self.close(
                &floats(&seen),
                &floats(&reduce(losses.clone(), &reduction)),
                1e-5,
                "forward and its reduction",
            );
        }
    }

    fn a_batch_of_one(&self, device: &Device) {
        self.finite_with_gradient(&[2], self.scale, device, "a batch of one");
    }

    fn extremes(&self, device: &Device) {
        self.finite_with_gradient(&[0, 1, 2, 3], self.extreme, device, "extreme inputs");
    }

    fn finite_with_gradient(&self, rows: &[usize], scale: f64, device: &Device, what: &str) {
        let scores = self
            .scores(rows, scale, &device.clone().autodiff())
            .require_grad();
        let losses = self.per_example(scores.clone(), rows);
        let gradients = losses.clone().sum().backward();
        let gradient = scores
            .grad(&gradients)
            .map_or_else(Vec::new, |gradient| floats(&gradient));
        for value in floats(&losses).into_iter().chain(gradient) {
            assert!(value.is_finite(), "{}: {what} gave {value}", self.name);
        }
    }

    fn permutation(&self, device: &Device) {
        let (rows, permuted) = ([0, 1, 2, 3], [2, 0, 3, 1]);
        let straight = floats(&self.per_example(self.scores(&rows, self.scale, device), &rows));
        let shuffled =
            floats(&self.per_example(self.scores(&permuted, self.scale, device), &permuted));
        let expected: Vec<f64> = permuted.iter().map(|&row| straight[row]).collect();
        self.close(&shuffled, &expected, 1e-5, "permuted rows");
    }

    fn rows_alone(&self, device: &Device) {
        let rows = [0, 1, 2, 3, 4, 5, 6];
        let together = floats(&self.per_example(self.scores(&rows, self.scale, device), &rows));
        let alone: Vec<f64> = rows
            .iter()
            .flat_map(|&row| {
                floats(&self.per_example(self.scores(&[row], self.scale, device), &[row]))
            })
            .collect();
        self.close(&alone, &together, 1e-5, "rows alone and together");
    }

    fn half_precision(&self, device: &Device) {
        // Vulkan may store bf16 without computing in it, so only processors are asked.
        let names = format!("{device:?}");
        for dtype in [FloatDType::F16, FloatDType::BF16] {
            if !names.contains("Flex") || !device.supports_dtype(DType::from(dtype)) {
                continue;
            }
            let rows = [0, 1, 2, 3];
            let scores = self.scores(&rows, self.scale, device).cast(dtype);
            let exact = self.per_example(scores.clone().cast(FloatDType::F32), &rows);
            let seen = self.per_example(scores, &rows);
            assert_eq!(
                seen.dtype(),
                DType::from(dtype),
                "{}: keeps its precision",
                self.name
            );
            self.close(&floats(&seen), &floats(&exact), 5e-2, "half precision");
        }
    }

    fn gradient(&self) {
        let Some(device) = devices().into_iter().find(|device| device.name == "flex") else {
            return;
        };
        let rows = [0, 1, 2];
        check_gradient(
            self.scores(&rows, self.scale, &device.device),
            |scores: Tensor<2>| self.per_example(scores, &rows).sum(),
        );
    }

    fn per_example(&self, scores: Tensor<2>, rows: &[usize]) -> Tensor<1> {
        (self.per_example)(scores, rows)
    }

    /// Inputs that depend on the row's number alone, without ties.
    fn scores(&self, rows: &[usize], scale: f64, device: &Device) -> Tensor<2> {
        let values: Vec<f64> = rows
            .iter()
            .flat_map(|row| (0..self.width).map(move |column| (row * 31 + column * 17 + 5) as f64))
            .map(|seed| scale * (seed * 0.737).sin())
            .collect();
        Tensor::from_data(
            TensorData::new(values, [rows.len(), self.width]),
            (device, DType::F32),
        )
    }

    fn close(&self, seen: &[f64], wanted: &[f64], tolerance: f64, what: &str) {
        for (seen, wanted) in seen.iter().zip(wanted) {
            assert!(
                (seen - wanted).abs() <= tolerance * (1.0 + wanted.abs()),
                "{}: {what} differ: {seen} and {wanted}",
                self.name
            );
        }
    }
}

fn floats<const D: usize>(tensor: &Tensor<D>) -> Vec<f64> {
    candor_core::host::floats(tensor)
}
