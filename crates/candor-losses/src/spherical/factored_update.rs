use std::collections::BTreeMap;

use nalgebra::{DMatrix, DVector};

use super::factored_weight::FactoredWeight;
use super::sparse_targets::{SparseTargets, TargetEntry};
use super::{OutputSummary, SphericalLoss, SphericalSlopes};

/// What a batch gives without the outputs: the numbers that spherical losses see, and products used again.
pub(super) struct Forward {
    /// H, an example a column.
    hidden: DMatrix<f64>,
    /// Q H.
    squared: DMatrix<f64>,
    /// U H.
    mixed: DMatrix<f64>,
    /// The output of each target, by entry.
    label_outputs: Vec<f64>,
    /// Σ o² of each example.
    squares: Vec<f64>,
    /// Σ o of each example.
    sums: DVector<f64>,
}

/// The derivatives of the objective by those numbers.
pub(super) struct Slopes {
    /// The loss of each example, before the reduction.
    pub(super) losses: Vec<f64>,
    /// By the output of each target.
    labels: Vec<f64>,
    /// Twice that by the sum of the squares: the factor of the outputs themselves.
    outputs: DVector<f64>,
    /// By the sum.
    sums: DVector<f64>,
}

impl Forward {
    pub(super) fn new(
        weight: &FactoredWeight,
        hidden: DMatrix<f64>,
        entries: &[TargetEntry],
    ) -> Self {
        let squared = &weight.squares * &hidden;
        let mixed = &weight.mixing * &hidden;
        let shifts = hidden.tr_mul(&weight.shift);
        let of_target = |entry: &TargetEntry| {
            mixed.column(entry.row).dot(&weight.row(entry.class)) + shifts[entry.row]
        };
        let label_outputs = entries.iter().map(of_target).collect();
        // A square; rounding can take it below zero where the outputs vanish.
        let square = |(hidden, squared): (_, _)| dot(hidden, squared).max(0.0);
        let squares = hidden
            .column_iter()
            .zip(squared.column_iter())
            .map(square)
            .collect();
        Self {
            sums: hidden.tr_mul(&weight.sums),
            label_outputs,
            squares,
            squared,
            mixed,
            hidden,
        }
    }

    /// The losses and their derivatives; every example counts `share` in the objective.
    pub(super) fn slopes<L: SphericalLoss>(
        &self,
        loss: &L,
        targets: &SparseTargets,
        share: f64,
    ) -> Slopes {
        let batch = self.squares.len();
        let mut slopes = Slopes {
            losses: vec![0.0; batch],
            labels: Vec::with_capacity(targets.entries().len()),
            outputs: DVector::zeros(batch),
            sums: DVector::zeros(batch),
        };
        for (entry, &label) in targets.entries().iter().zip(&self.label_outputs) {
            let row = entry.row;
            let of_target: SphericalSlopes = loss.slopes(OutputSummary {
                label,
                squares: self.squares[row],
                sum: self.sums[row],
                classes: targets.classes(),
            });
            let weight = entry.weight * share;
            slopes.losses[row] += entry.weight * of_target.loss;
            slopes.labels.push(weight * of_target.label);
            slopes.outputs[row] += 2.0 * weight * of_target.squares;
            slopes.sums[row] += weight * of_target.sum;
        }
        slopes
    }

    /// The gradient by the hidden states, and the part of it that does not come from the squares.
    pub(super) fn hidden_gradient(
        &self,
        weight: &FactoredWeight,
        entries: &[TargetEntry],
        slopes: &Slopes,
    ) -> [DMatrix<f64>; 2] {
        let mut of_targets = DMatrix::zeros(weight.width(), self.squares.len());
        for (entry, &slope) in entries.iter().zip(&slopes.labels) {
            of_targets
                .column_mut(entry.row)
                .axpy(slope, &weight.row(entry.class), 1.0);
        }
        // Uᵀ Y, with the small matrix transposed.
        let mut linear = (of_targets.transpose() * &weight.mixing).transpose();
        linear.ger(1.0, &weight.shift, &slopes.labels_by_row(entries), 1.0);
        linear.ger(1.0, &weight.sums, &slopes.sums, 1.0);
        let mut gradient = self.squared.clone();
        scale_columns(&mut gradient, &slopes.outputs);
        gradient += &linear;
        [gradient, linear]
    }
}

impl Slopes {
    /// Whether there is nothing but numbers.
    pub(super) fn are_finite(&self) -> bool {
        let mut all = self.labels.iter().chain(&self.outputs).chain(&self.sums);
        all.all(|slope| slope.is_finite())
    }

    fn labels_by_row(&self, entries: &[TargetEntry]) -> DVector<f64> {
        let mut sums = DVector::zeros(self.sums.len());
        for (entry, slope) in entries.iter().zip(&self.labels) {
            sums[entry.row] += slope;
        }
        sums
    }

    /// G Gᵀ of the gradients by the outputs, which are never written down: G_j = outputs_j o_j + sums_j 1 + Σ labels e.
    fn gram(
        &self,
        forward: &Forward,
        scaled: &DMatrix<f64>,
        linear: &DMatrix<f64>,
        entries: &[TargetEntry],
        classes: usize,
    ) -> DMatrix<f64> {
        let transposed = scaled.transpose();
        let mut squared = forward.squared.clone();
        scale_columns(&mut squared, &self.outputs);
        let mut gram = &transposed * squared;
        let cross = &transposed * linear;
        gram += &cross;
        gram += cross.transpose();
        let labels = self.labels_by_row(entries);
        gram.ger(classes as f64, &self.sums, &self.sums, 1.0);
        gram.ger(1.0, &labels, &self.sums, 1.0);
        gram.ger(1.0, &self.sums, &labels, 1.0);
        let mut by_class: BTreeMap<usize, Vec<(usize, f64)>> = BTreeMap::new();
        for (entry, &slope) in entries.iter().zip(&self.labels) {
            by_class
                .entry(entry.class)
                .or_default()
                .push((entry.row, slope));
        }
        for shared in by_class.values() {
            for &(left, slope) in shared {
                for &(right, other) in shared {
                    gram[(left, right)] += slope * other;
                }
            }
        }
        gram
    }
}

/// The small matrices after a step, before they replace those of the weight.
pub(super) struct Update {
    mixing: DMatrix<f64>,
    /// U⁻¹, unless the step all but loses a direction of U.
    mixing_inverse: Option<DMatrix<f64>>,
    shift: DVector<f64>,
    squares: DMatrix<f64>,
    sums: DVector<f64>,
    hidden: DMatrix<f64>,
    /// -η times the derivatives by the targets' outputs.
    factors: Vec<f64>,
}

impl Update {
    /// The step W ← W - η Gᵀ H, all of it from the weight as it was.
    pub(super) fn new(
        weight: &FactoredWeight,
        forward: Forward,
        slopes: &Slopes,
        [gradient, linear]: [DMatrix<f64>; 2],
        entries: &[TargetEntry],
        rate: f64,
    ) -> Self {
        let classes = weight.classes();
        let hidden = &forward.hidden;
        let mut scaled = hidden.clone();
        scale_columns(&mut scaled, &slopes.outputs);
        let gram = slopes.gram(&forward, &scaled, &linear, entries, classes);
        let scaled = scaled.transpose();

        let mut mixing = weight.mixing.clone();
        mixing.gemm(-rate, &forward.mixed, &scaled, 1.0);
        let mixing_inverse = inverse_after(weight, hidden, &scaled, rate);

        let shifts = hidden.tr_mul(&weight.shift);
        let shift_slopes = slopes.outputs.component_mul(&shifts) + &slopes.sums;
        let mut sum_slopes = slopes.outputs.component_mul(&forward.sums);
        sum_slopes += &slopes.sums * classes as f64 + slopes.labels_by_row(entries);

        // η (∇Hᵀ H + Hᵀ ∇H) - η² Hᵀ M H = H Bᵀ + B Hᵀ with B = η ∇ - ½ η² H M.
        let half = gradient * rate - hidden * gram * (0.5 * rate * rate);
        let change = hidden * half.transpose();
        Self {
            mixing,
            mixing_inverse,
            shift: &weight.shift - hidden * shift_slopes * rate,
            squares: &weight.squares - (change.transpose() + change),
            sums: &weight.sums - hidden * sum_slopes * rate,
            factors: slopes.labels.iter().map(|slope| -rate * slope).collect(),
            hidden: forward.hidden,
        }
    }

    /// Whether there is nothing but numbers.
    pub(super) fn is_finite(&self) -> bool {
        let small = self.shift.iter().chain(&self.sums);
        let mut all = self.mixing.iter().chain(&self.squares).chain(small);
        all.all(|value| value.is_finite())
    }

    /// Replaces the small matrices and moves the rows of the targets.
    pub(super) fn apply(self, weight: &mut FactoredWeight, entries: &[TargetEntry]) {
        weight.mixing = self.mixing;
        weight.shift = self.shift;
        weight.squares = self.squares;
        weight.sums = self.sums;
        let factors = self.factors.into_iter();
        if let Some(inverse) = self.mixing_inverse {
            // The new inverse: the row must move so that V U moves along the hidden state.
            let steps = (self.hidden.transpose() * &inverse).transpose();
            weight.mixing_inverse = inverse;
            weight.add_to_rows(entries, factors, &steps);
        } else {
            // No row of V can undo what such a U loses, so the step is taken on W itself.
            weight.absorb();
            weight.add_to_rows(entries, factors, &self.hidden);
            weight.unfactorize();
        }
    }
}

/// U⁻¹ after `U ← U (I - η H P)` with P given as rows, by Woodbury: `U⁻¹ + η H K⁻¹ P U⁻¹`, `K = I - η P H`.
fn inverse_after(
    weight: &FactoredWeight,
    hidden: &DMatrix<f64>,
    scaled: &DMatrix<f64>,
    rate: f64,
) -> Option<DMatrix<f64>> {
    /// The condition number of K from which on half of the digits of f64 are gone.
    const ILL_CONDITIONED: f64 = 1e8;
    let batch = hidden.ncols();
    let mut kernel = DMatrix::identity(batch, batch);
    kernel.gemm(-rate, scaled, hidden, 1.0);
    let kernel_inverse = kernel.clone().try_inverse()?;
    let condition = largest_column(&kernel) * largest_column(&kernel_inverse);
    if condition.is_nan() || condition >= ILL_CONDITIONED {
        return None;
    }
    let mut inverse = weight.mixing_inverse.clone();
    let reduced = kernel_inverse * (scaled * &weight.mixing_inverse);
    inverse.gemm(rate, hidden, &reduced, 1.0);
    Some(inverse)
}

/// The norm that a matrix has on vectors measured by the sum of their entries.
fn largest_column(matrix: &DMatrix<f64>) -> f64 {
    let sums = matrix.column_iter().map(|column| column.lp_norm(1));
    sums.fold(0.0, f64::max)
}

fn scale_columns(matrix: &mut DMatrix<f64>, factors: &DVector<f64>) {
    for (mut column, &factor) in matrix.column_iter_mut().zip(factors) {
        column *= factor;
    }
}

fn dot(left: nalgebra::DVectorView<'_, f64>, right: nalgebra::DVectorView<'_, f64>) -> f64 {
    left.dot(&right)
}
