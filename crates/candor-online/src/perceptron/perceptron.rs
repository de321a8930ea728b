use burn::tensor::Tensor;
use candor_core::{DrawKey, host};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::{LinearSeparator, SignedRows};

/// Which of the wrong rows [`Perceptron`] takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowSelection {
    /// The first of them.
    #[default]
    FirstIndex,
    /// The first of them from row `step mod n` on, and then from the start.
    Cyclic,
    /// Any of them, alike: of a seed, the draw of the step.
    Random(u64),
}

/// Rosenblatt's perceptron: adds one wrong row a step.
///
/// ```text
/// θ ← θ + y a of one row whose margin is not above zero
/// ```
///
/// Needs R²/μ² iterations at most, whichever row is taken. Where none is wrong it stays. The margins are read to the host
/// to choose.
///
/// Source: Rosenblatt, 1958; Novikoff, 1962; arXiv 2412.08424.
///
/// ```
/// use burn::tensor::Device;
/// use candor_online::perceptron::{LinearSeparator, Perceptron, SeparationConfig, worst_case_rows};
///
/// let rows = worst_case_rows(100, &Device::flex()).unwrap();
/// let report = Perceptron::default().fit(&rows, &SeparationConfig::new()).unwrap();
/// assert_eq!((report.solved, report.iterations), (true, 2));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Perceptron {
    /// Which row is taken.
    pub selection: RowSelection,
}

impl Perceptron {
    /// With another choice of the row than the first.
    pub fn selecting(selection: RowSelection) -> Self {
        Self { selection }
    }

    fn choose(self, wrong: &[usize], count: usize, step: usize) -> Option<usize> {
        match self.selection {
            RowSelection::FirstIndex => wrong.first().copied(),
            RowSelection::Cyclic => {
                let from = step % count.max(1);
                let later = wrong.iter().find(|&&row| row >= from);
                later.or(wrong.first()).copied()
            }
            RowSelection::Random(_) if wrong.is_empty() => None,
            RowSelection::Random(seed) => {
                let mut rng = DrawKey::new(seed).draw(step as u64).rng();
                wrong.get(rng.random_range(0..wrong.len())).copied()
            }
        }
    }
}

impl LinearSeparator for Perceptron {
    fn shares(&self, rows: &SignedRows, margins: Tensor<1>, step: usize) -> Tensor<1> {
        let values = host::floats(&margins);
        let wrong: Vec<usize> = (0..)
            .zip(&values)
            .filter(|&(_, &margin)| margin <= 0.0)
            .map(|(row, _)| row)
            .collect();
        let chosen = self.choose(&wrong, rows.count(), step);
        one_share(&margins, chosen, 1.0)
    }
}

/// A share for one row, none for the others.
pub(super) fn one_share(like: &Tensor<1>, row: Option<usize>, share: f64) -> Tensor<1> {
    let count = like.dims()[0];
    let mut shares = vec![0.0; count];
    if let Some(place) = row.and_then(|row| shares.get_mut(row)) {
        *place = share;
    }
    host::tensor_like(shares, [count], like)
}
