//! A batch with its explanation, checked once for every measure that compares the two.

use std::ops::Range;

use burn::tensor::{Bool, Int, Tensor, TensorData};
use candor_core::{ExplainError, InputError, Predictor, host};

use crate::model_scores::ModelScores;
use crate::ranking::positions;
use crate::stacked;

/// Inputs and their attributions, the latter on the host.
pub(crate) struct Explained<const D: usize> {
    component: &'static str,
    pub(crate) inputs: Tensor<D>,
    pub(crate) attributions: Vec<Vec<f64>>,
    pub(crate) features: usize,
}

impl<const D: usize> Explained<D> {
    /// Refuses an empty batch, another shape than the inputs' and values that are not finite.
    pub(crate) fn new(
        component: &'static str,
        inputs: Tensor<D>,
        attributions: &Tensor<D>,
    ) -> Result<Self, InputError> {
        let dims = inputs.dims();
        InputError::check_dims(component, "attributions", &attributions.dims(), &dims)?;
        let attributions = rows(component, "attributions", attributions)?;
        Ok(Self {
            component,
            inputs: inputs.without_autodiff(),
            attributions,
            features: dims[1..].iter().product(),
        })
    }

    /// A baseline as wide as the batch: one row serves all.
    pub(crate) fn baseline(&self, baseline: Tensor<D>) -> Result<Tensor<D>, InputError> {
        let dims = self.inputs.dims();
        let mut wanted = dims;
        if baseline.dims()[0] == 1 {
            wanted[0] = 1;
        }
        InputError::check_dims(self.component, "baseline", &baseline.dims(), &wanted)?;
        Ok(baseline.without_autodiff().expand(dims))
    }

    /// The inputs with features numbered by an order a row.
    pub(crate) fn ranked(
        &self,
        baseline: Tensor<D>,
        order: impl Fn(&[f64]) -> Vec<usize>,
    ) -> Result<Ranked<D>, InputError> {
        let places: Vec<i64> = self
            .attributions
            .iter()
            .flat_map(|row| positions(&order(row)))
            .map(|place| place as i64)
            .collect();
        Ok(Ranked {
            positions: int_matrix(
                places,
                [self.attributions.len(), self.features],
                &self.inputs,
            ),
            baseline: self.baseline(baseline)?,
            inputs: self.inputs.clone(),
        })
    }
}

/// The attributions of a tensor, one vector a row, all finite.
pub(crate) fn rows<const D: usize>(
    component: &'static str,
    argument: &'static str,
    attributions: &Tensor<D>,
) -> Result<Vec<Vec<f64>>, InputError> {
    let dims = attributions.dims();
    let features: usize = dims[1..].iter().product();
    InputError::check_not_empty(component, argument, dims[0] * features)?;
    let values = host::floats(attributions);
    InputError::check_finite(component, argument, &values)?;
    Ok(values.chunks(features).map(<[f64]>::to_vec).collect())
}

/// Inputs whose features are swapped for the baseline by their place in an order.
pub(crate) struct Ranked<const D: usize> {
    inputs: Tensor<D>,
    baseline: Tensor<D>,
    positions: Tensor<2, Int>,
}

impl<const D: usize> Ranked<D> {
    /// Scores of each row with the features of each range of places replaced by the baseline, `[row][range]`.
    pub(crate) fn scores<M: Predictor<D>>(
        &self,
        scores: &ModelScores<'_, M>,
        replaced: &[Range<usize>],
    ) -> Result<Vec<Vec<f64>>, ExplainError> {
        scores.of(&self.inputs, replaced.len(), |copies| {
            let column = |of: &dyn Fn(&Range<usize>) -> usize| {
                let range = |copy: usize| of(&replaced[copy % replaced.len()]) as i64;
                int_matrix(
                    copies.clone().map(range).collect(),
                    [copies.len(), 1],
                    &self.inputs,
                )
            };
            let rows = stacked::rows_of(copies.clone(), replaced.len(), &self.inputs);
            let places = self.positions.clone().select(0, rows.clone());
            let mask = places
                .clone()
                .greater_equal(column(&|range| range.start))
                .bool_and(places.lower(column(&|range| range.end)));
            replace(&self.inputs, &self.baseline, rows, mask)
        })
    }
}

/// Rows of `inputs` with the entries of a `[rows, features]` mask taken from the same rows of `baseline`.
pub(crate) fn replace<const D: usize>(
    inputs: &Tensor<D>,
    baseline: &Tensor<D>,
    rows: Tensor<1, Int>,
    mask: Tensor<2, Bool>,
) -> Tensor<D> {
    let mut shape = inputs.dims();
    shape[0] = rows.dims()[0];
    inputs
        .clone()
        .select(0, rows.clone())
        .mask_where(mask.reshape(shape), baseline.clone().select(0, rows))
}

fn int_matrix<const D: usize>(
    values: Vec<i64>,
    shape: [usize; 2],
    like: &Tensor<D>,
) -> Tensor<2, Int> {
    Tensor::from_data(TensorData::new(values, shape), &like.device())
}
