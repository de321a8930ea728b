//! The same output layer written out: all outputs, all rows.

use candor_core::DrawKey;
use candor_losses::spherical::{OutputSummary, SphericalLoss};
use rand::RngExt;

/// A weight of `classes` rows, trained by plain gradient descent over every one of them.
pub(super) struct DenseLayer {
    pub(super) weight: Vec<Vec<f64>>,
}

/// A batch: hidden states, and the weighted targets of each row.
pub(super) struct Batch {
    pub(super) hidden: Vec<Vec<f64>>,
    pub(super) targets: Vec<Vec<(usize, f64)>>,
}

impl DenseLayer {
    /// Uniform entries in ±deviation.
    pub(super) fn new(classes: usize, width: usize, deviation: f64) -> Self {
        let mut rng = DrawKey::new(17).rng();
        let mut entry = || deviation * rng.random_range(-1.0..1.0);
        let mut row = || (0..width).map(|_| entry()).collect();
        Self {
            weight: (0..classes).map(|_| row()).collect(),
        }
    }

    /// One step; the losses of the rows and the gradient by the hidden states before it.
    pub(super) fn step(
        &mut self,
        loss: &dyn SphericalLoss,
        batch: &Batch,
        share: f64,
        rate: f64,
    ) -> (Vec<f64>, Vec<Vec<f64>>) {
        let gradients: Vec<(f64, Vec<f64>)> = batch
            .hidden
            .iter()
            .zip(&batch.targets)
            .map(|(hidden, targets)| self.row_gradient(loss, hidden, targets, share))
            .collect();
        let by_hidden = gradients.iter().map(|(_, slopes)| {
            let mut sum = vec![0.0; self.weight[0].len()];
            for (row, slope) in self.weight.iter().zip(slopes) {
                for (sum, entry) in sum.iter_mut().zip(row) {
                    *sum += slope * entry;
                }
            }
            sum
        });
        let by_hidden = by_hidden.collect();
        for ((_, slopes), hidden) in gradients.iter().zip(&batch.hidden) {
            for (row, slope) in self.weight.iter_mut().zip(slopes) {
                for (entry, hidden) in row.iter_mut().zip(hidden) {
                    *entry -= rate * slope * hidden;
                }
            }
        }
        (
            gradients.into_iter().map(|(loss, _)| loss).collect(),
            by_hidden,
        )
    }

    /// The loss of a row, and the derivative of its share by every output.
    fn row_gradient(
        &self,
        loss: &dyn SphericalLoss,
        hidden: &[f64],
        targets: &[(usize, f64)],
        share: f64,
    ) -> (f64, Vec<f64>) {
        let dot = |row: &Vec<f64>| row.iter().zip(hidden).map(|(a, b)| a * b).sum();
        let outputs: Vec<f64> = self.weight.iter().map(dot).collect();
        let (mut value, mut slopes) = (0.0, vec![0.0; outputs.len()]);
        for &(class, weight) in targets {
            let of_target = loss.slopes(OutputSummary {
                label: outputs[class],
                squares: outputs.iter().map(|output| output * output).sum(),
                sum: outputs.iter().sum(),
                classes: outputs.len(),
            });
            value += weight * of_target.loss;
            for (slope, output) in slopes.iter_mut().zip(&outputs) {
                *slope += weight * share * (2.0 * of_target.squares * output + of_target.sum);
            }
            slopes[class] += weight * share * of_target.label;
        }
        (value, slopes)
    }

    pub(super) fn flat(&self) -> Vec<f64> {
        self.weight.concat()
    }
}

/// Batches of uniform hidden states; low classes are frequent, and some rows of a batch share one.
pub(super) fn batch(step: u64, rows: usize, width: usize, classes: usize) -> Batch {
    let mut rng = DrawKey::new(5).row(step).rng();
    let hidden = (0..rows)
        .map(|_| (0..width).map(|_| rng.random_range(-1.0..1.0)).collect())
        .collect();
    let mut class = || (classes as f64 * rng.random::<f64>().powi(3)) as usize;
    let targets = (0..rows).map(|_| vec![(class(), 1.0)]).collect();
    Batch { hidden, targets }
}
