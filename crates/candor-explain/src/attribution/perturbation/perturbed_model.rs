use std::cell::Cell;
use std::ops::Range;

use burn::tensor::{Int, Tensor, TensorData};
use candor_core::host::{floats, tensor_like};
use candor_core::{
    Attribution, ExplainError, InputError, MemoryBudget, OutputGradient, Predictor, Target,
    output_gradient,
};

use super::batching::Blocks;
use super::{Batching, Draws, GradientMoments};
use crate::attribution::{Baseline, Masker, Noise};

/// A model around each row of a batch: `f(x ⊕ ξ)` and its gradients for many perturbations ξ, in few calls.
///
/// Inputs of any rank are flattened to `[rows, features]`, and back for the model.
pub(crate) struct PerturbedModel<'a, M, const D: usize> {
    component: &'static str,
    model: &'a M,
    target: &'a Target,
    shape: [usize; D],
    inputs: Tensor<2>,
    host_inputs: Vec<f64>,
    noise: Displacement,
    /// The group of each feature, on the host and, unless each is alone, on the device.
    ids: Vec<usize>,
    device_ids: Option<Tensor<1, Int>>,
    groups: usize,
    batching: Batching,
    calls: Cell<usize>,
}

/// How a perturbation meets the input.
#[allow(clippy::large_enum_variant)] // made once a call
enum Displacement {
    /// `x + ξ`.
    Additive,
    /// `ξ ⊙ x`.
    ToZero,
    /// `ξ ⊙ x + (1 − ξ) ⊙ r`: exact at ξ = 0 and ξ = 1, which `r + ξ ⊙ (x − r)` is not.
    ToBaseline(Tensor<2>),
}

impl<'a, M: Predictor<D>, const D: usize> PerturbedModel<'a, M, D> {
    /// The model with additive noise on single features.
    ///
    /// # Errors
    ///
    /// No row, NaN or an infinity in the inputs, another number of targets than rows.
    pub(crate) fn new(
        component: &'static str,
        model: &'a M,
        inputs: Tensor<D>,
        target: &'a Target,
        batching: Batching,
    ) -> Result<Self, ExplainError> {
        let host_inputs = checked_values(component, &inputs)?;
        let shape = inputs.dims();
        if let Target::PerRow(chosen) = target {
            InputError::check_dims("Target", "PerRow", &[chosen.len()], &[shape[0]])?;
        }
        let features = host_inputs.len() / shape[0];
        Ok(Self {
            component,
            model,
            target,
            shape,
            inputs: inputs.without_autodiff().reshape([shape[0], features]),
            host_inputs,
            noise: Displacement::Additive,
            ids: (0..features).collect(),
            device_ids: None,
            groups: features,
            batching,
            calls: Cell::new(0),
        })
    }

    /// Either kind of noise on single features.
    pub(crate) fn with_noise(
        self,
        noise: Noise,
        baseline: &Baseline<D>,
    ) -> Result<Self, ExplainError> {
        match noise {
            Noise::Additive => Ok(self),
            Noise::Multiplicative => self.multiplicative(baseline),
        }
    }

    /// Noise that moves each feature between a baseline (`ξ = 0`) and the input (`ξ = 1`).
    pub(crate) fn multiplicative(mut self, baseline: &Baseline<D>) -> Result<Self, ExplainError> {
        self.noise = match baseline {
            Baseline::Zeros => Displacement::ToZero,
            other => {
                let baseline = other.expand(&self.inputs.clone().reshape(self.shape))?;
                Displacement::ToBaseline(baseline.reshape(self.inputs.dims()))
            }
        };
        Ok(self)
    }

    /// Multiplicative noise on groups of features.
    pub(crate) fn masked(self, masker: &Masker<D>) -> Result<Self, ExplainError> {
        let mut masked = self.multiplicative(&masker.baseline)?;
        masked.groups = masker.groups.count(masked.features())?;
        if !masker.groups.is_each() {
            masked.ids = masker.groups.ids(masked.features())?.into_owned();
            let ids: Vec<i64> = masked.ids.iter().map(|&id| id as i64).collect();
            let device = masked.inputs.device();
            masked.device_ids = Some(Tensor::from_data(
                TensorData::new(ids, [masked.features()]),
                &device,
            ));
        }
        Ok(masked)
    }

    /// The method on whose behalf the model is asked.
    pub(crate) fn component(&self) -> &'static str {
        self.component
    }

    /// The budget that the method works in.
    pub(crate) fn memory(&self) -> MemoryBudget {
        self.batching.memory()
    }

    /// Whether `ξ = 0` is the input (and not the baseline).
    pub(crate) fn is_additive(&self) -> bool {
        matches!(self.noise, Displacement::Additive)
    }

    pub(crate) fn rows(&self) -> usize {
        self.shape[0]
    }

    pub(crate) fn features(&self) -> usize {
        self.inputs.dims()[1]
    }

    /// Groups of features: what a perturbation has entries for.
    pub(crate) fn groups(&self) -> usize {
        self.groups
    }

    /// The group of each feature.
    pub(crate) fn ids(&self) -> &[usize] {
        &self.ids
    }

    /// The values of a row.
    pub(crate) fn host_row(&self, row: usize) -> &[f64] {
        let features = self.features();
        &self.host_inputs[row * features..(row + 1) * features]
    }

    /// The baselines of all rows, row-major; zeros for additive noise.
    pub(crate) fn host_baseline(&self) -> Vec<f64> {
        match &self.noise {
            Displacement::ToBaseline(baseline) => floats(baseline),
            _ => vec![0.0; self.host_inputs.len()],
        }
    }

    /// A gradient with respect to the points `x ⊕ ξ` as one with respect to ξ, an entry a feature.
    pub(crate) fn along_slope(&self, gradient: Tensor<2>) -> Tensor<2> {
        let inputs = self.inputs.clone().cast(gradient.dtype());
        match &self.noise {
            Displacement::Additive => gradient,
            Displacement::ToZero => gradient * inputs,
            Displacement::ToBaseline(baseline) => {
                let slope = inputs - baseline.clone().cast(gradient.dtype());
                gradient * slope
            }
        }
    }

    /// Hands the scores of all draws of a row to `work`, row after row.
    ///
    /// Peak: one call to the model, and the scores of as many rows as share a call.
    pub(crate) fn per_row<T>(
        &self,
        source: &impl Draws,
        mut work: impl FnMut(usize, &[f64]) -> Result<T, ExplainError>,
    ) -> Result<Vec<T>, ExplainError> {
        let blocks = self.blocks(source)?;
        let mut results = Vec::with_capacity(self.rows());
        for rows in blocks.rows() {
            let mut scores = vec![Vec::with_capacity(source.count()); rows.len()];
            for draws in blocks.draws() {
                let chunk = self.scores(source, rows.clone(), draws.clone())?;
                for (scores, chunk) in scores.iter_mut().zip(chunk.chunks(draws.len())) {
                    scores.extend_from_slice(chunk);
                }
            }
            for (row, scores) in rows.zip(&scores) {
                results.push(work(row, scores)?);
            }
        }
        Ok(results)
    }

    /// Weighted mean and spread of the model's gradients over the draws, with a weight a draw.
    ///
    /// # Errors
    ///
    /// Weights without a sum, besides those of the model.
    pub(crate) fn gradients(
        &self,
        source: &impl Draws,
        weights: &[f64],
    ) -> Result<GradientMoments, ExplainError> {
        let blocks = self.blocks(source)?;
        let mut stacked = Vec::new();
        for rows in blocks.rows() {
            let mut moments: Option<GradientMoments> = None;
            for draws in blocks.draws() {
                let seen = self.gradient_chunk(source, rows.clone(), draws.clone())?;
                let shape = [rows.len(), draws.len()];
                let chunk = GradientMoments::of_chunk(
                    seen.gradient
                        .reshape([rows.len(), draws.len(), self.features()]),
                    seen.scores.reshape(shape),
                    &weights[draws],
                );
                moments = match (moments, chunk) {
                    (Some(so_far), Some(chunk)) => Some(so_far.merge(chunk)),
                    (so_far, chunk) => so_far.or(chunk),
                };
            }
            stacked.push(moments.ok_or(ExplainError::DegenerateNeighbourhood {
                method: self.component,
                samples: source.count(),
            })?);
        }
        Ok(GradientMoments::stack(stacked))
    }

    /// Values `[rows, features]` as an explanation in the shape and precision of the inputs.
    pub(crate) fn attribution(&self, values: Tensor<2>) -> Attribution<D> {
        Attribution::new(self.restore(values), self.target.clone(), self.calls.get())
    }

    /// One value a group and row as an explanation: every feature gets its group's value.
    pub(crate) fn spread<'v>(&self, values: impl Iterator<Item = &'v [f64]>) -> Attribution<D> {
        let spread = values
            .flat_map(|row| self.ids.iter().map(|&id| row[id]))
            .collect();
        self.attribution(tensor_like(spread, self.inputs.dims(), &self.inputs))
    }

    /// `[rows, features]` in the shape and precision of the inputs.
    pub(crate) fn restore(&self, values: Tensor<2>) -> Tensor<D> {
        values.cast(self.inputs.dtype()).reshape(self.shape)
    }

    /// Refuses perturbations for another number of groups.
    fn blocks(&self, source: &impl Draws) -> Result<Blocks, ExplainError> {
        if !source.uniform() {
            let (seen, wanted) = (
                [source.count(), source.width()],
                [source.count(), self.groups],
            );
            InputError::check_dims(self.component, "perturbations", &seen, &wanted)?;
        }
        InputError::check_not_empty(self.component, "perturbations", source.count())?;
        let row_bytes = self.features() * self.inputs.dtype().size();
        Ok(self.batching.blocks(row_bytes, self.rows(), source.count()))
    }

    fn scores(
        &self,
        source: &impl Draws,
        rows: Range<usize>,
        draws: Range<usize>,
    ) -> Result<Vec<f64>, ExplainError> {
        let target = self.repeated_target(rows.clone(), draws.len());
        let points = self.points(source, rows, draws);
        let wanted = points.dims()[0];
        let scores = self.model.predict(points);
        let seen = scores.dims()[0];
        if seen != wanted {
            return Err(ExplainError::PredictionRows { seen, wanted });
        }
        let scores = floats(&target.select(scores)?);
        InputError::check_finite(self.component, "model scores", &scores)?;
        Ok(scores)
    }

    fn gradient_chunk(
        &self,
        source: &impl Draws,
        rows: Range<usize>,
        draws: Range<usize>,
    ) -> Result<OutputGradient<D>, ExplainError> {
        let target = self.repeated_target(rows.clone(), draws.len());
        output_gradient(self.model, self.points(source, rows, draws), &target)
    }

    /// `x ⊕ ξ` for each row and draw, draws of a row side by side.
    fn points(&self, source: &impl Draws, rows: Range<usize>, draws: Range<usize>) -> Tensor<D> {
        let count = rows.len() * draws.len();
        self.calls.set(self.calls.get() + count);
        let xi = self.perturbations(source, rows.clone(), draws);
        let block = |tensor: &Tensor<2>| -> Tensor<3> {
            tensor.clone().slice_dim(0, rows.clone()).unsqueeze_dim(1)
        };
        let inputs = block(&self.inputs);
        let points = match &self.noise {
            Displacement::Additive => inputs + xi,
            Displacement::ToZero => inputs * xi,
            Displacement::ToBaseline(baseline) => {
                inputs * xi.clone() + block(baseline) * (xi.neg() + 1.0)
            }
        };
        let mut shape = self.shape;
        shape[0] = count;
        points.reshape(shape)
    }

    /// `[rows or 1, draws, features or 1]`.
    fn perturbations(
        &self,
        source: &impl Draws,
        rows: Range<usize>,
        draws: Range<usize>,
    ) -> Tensor<3> {
        let rows = if source.shared() { 0..1 } else { rows };
        let shape = [rows.len(), draws.len(), source.width()];
        let mut values = vec![0.0; shape.iter().product()];
        let pairs = rows.flat_map(|row| draws.clone().map(move |draw| (row, draw)));
        for ((row, draw), xi) in pairs.zip(values.chunks_mut(source.width())) {
            source.write(row, draw, xi);
        }
        let xi: Tensor<3> = tensor_like(values, shape, &self.inputs);
        match &self.device_ids {
            Some(ids) if !source.uniform() => xi.select(2, ids.clone()),
            _ => xi,
        }
    }

    fn repeated_target(&self, rows: Range<usize>, draws: usize) -> Target {
        match self.target {
            Target::Output(output) => Target::Output(*output),
            Target::PerRow(outputs) => {
                let chosen = outputs[rows].iter();
                Target::PerRow(
                    chosen
                        .flat_map(|&output| std::iter::repeat_n(output, draws))
                        .collect(),
                )
            }
        }
    }
}

/// The inputs on the host, where they are all finite and there is a row.
pub(crate) fn checked_values<const D: usize>(
    component: &'static str,
    inputs: &Tensor<D>,
) -> Result<Vec<f64>, InputError> {
    let values = floats(inputs);
    InputError::check_not_empty(component, "inputs", values.len())?;
    InputError::check_finite(component, "inputs", &values)?;
    Ok(values)
}
