use std::ops::Range;

use burn::tensor::{Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::{ExplainError, InputError};

/// Which output of a model is explained.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::Target;
///
/// let scores = Tensor::<2>::from_floats([[0.1, 0.9], [0.8, 0.2]], &Device::flex());
/// let target = Target::predicted(&scores);
/// assert_eq!(target, Target::PerRow(vec![1, 0]));
/// let chosen = target.select(scores).unwrap();
/// assert_eq!(chosen.into_data().to_vec::<f32>().unwrap(), [0.9, 0.8]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// The same output for every row.
    Output(usize),
    /// One output a row.
    PerRow(Vec<usize>),
}

impl Target {
    /// The output with the highest score of each row, the first one on ties.
    pub fn predicted(scores: &Tensor<2>) -> Self {
        let [rows, outputs] = scores.dims();
        let values = crate::host::floats(scores);
        let best = |row: usize| {
            (0..outputs).fold(0, |best, output| {
                let (at, so_far) = (values[row * outputs + output], values[row * outputs + best]);
                if at > so_far { output } else { best }
            })
        };
        Self::PerRow((0..rows).map(best).collect())
    }

    /// The output explained for a row.
    pub fn of_row(&self, row: usize) -> usize {
        match self {
            Self::Output(output) => *output,
            Self::PerRow(outputs) => outputs[row],
        }
    }

    /// The target of a part of the batch.
    pub fn of_rows(&self, rows: Range<usize>) -> Self {
        match self {
            Self::Output(output) => Self::Output(*output),
            Self::PerRow(outputs) => Self::PerRow(outputs[rows].to_vec()),
        }
    }

    /// The chosen score of each row: `[batch, outputs]` to `[batch]`, differentiably.
    ///
    /// # Errors
    ///
    /// An output that does not exist, or another number of targets than rows.
    pub fn select(&self, scores: Tensor<2>) -> Result<Tensor<1>, ExplainError> {
        let [rows, outputs] = scores.dims();
        self.check(rows, outputs)?;
        let indices: Vec<i64> = (0..rows).map(|row| self.of_row(row) as i64).collect();
        let indices = Tensor::<2, Int>::from_data(
            TensorData::new(indices, [rows, 1]),
            &scores.device().without_autodiff(),
        );
        Ok(scores.gather(1, indices).reshape([rows]))
    }

    /// Refuses targets that do not fit a score matrix of `rows` by `outputs`.
    ///
    /// # Errors
    ///
    /// An output that does not exist, or another number of targets than rows.
    pub fn check(&self, rows: usize, outputs: usize) -> Result<(), ExplainError> {
        let chosen = match self {
            Self::Output(output) => std::slice::from_ref(output),
            Self::PerRow(chosen) => {
                InputError::check_dims("Target", "PerRow", &[chosen.len()], &[rows])?;
                chosen
            }
        };
        match chosen.iter().find(|&&target| target >= outputs) {
            Some(&target) => Err(ExplainError::TargetOutOfRange { target, outputs }),
            None => Ok(()),
        }
    }
}
