use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView, DVector, DVectorView, SVD};

use super::sparse_targets::TargetEntry;

/// The weight of a layer with very many outputs, held so that a change of all rows is a change of small matrices.
///
/// ```text
/// W = V U + 1 ωᵀ   [D, d]        Q = Wᵀ W   [d, d]        w̄ = Wᵀ 1   [d]
/// ```
///
/// All small matrices are kept as columns: a class, like an example, is a column of `d` numbers. `V` is flat with
/// one class after the other, so that a class is read and written where it lies.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FactoredWeight {
    /// V, class by class.
    pub(super) rows: Vec<f64>,
    /// U.
    pub(super) mixing: DMatrix<f64>,
    /// U⁻¹ itself.
    pub(super) mixing_inverse: DMatrix<f64>,
    /// ω.
    pub(super) shift: DVector<f64>,
    /// Q.
    pub(super) squares: DMatrix<f64>,
    /// w̄.
    pub(super) sums: DVector<f64>,
}

/// How far rounding has taken a [`SphericalOutputLayer`](super::SphericalOutputLayer) from what it stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FactoredDrift {
    /// ‖Q - Wᵀ W‖ / ‖Wᵀ W‖, in the Frobenius norm.
    pub squares: f64,
    /// ‖w̄ - Wᵀ 1‖ / (√D ‖W‖), which bounds what any sum of outputs is wrong by.
    pub sums: f64,
    /// The largest entry of |U U⁻¹ - I|.
    pub inverse: f64,
}

/// Classes that are worked on at once where all of them must be: their columns stay in the processor's cache.
const CHUNK: usize = 1024;

impl FactoredWeight {
    /// Factors a weight given row by row: V = W, U = I, ω = 0.
    pub(super) fn new(rows: Vec<f64>, width: usize) -> Self {
        let mut weight = Self {
            rows,
            mixing: DMatrix::identity(width, width),
            mixing_inverse: DMatrix::identity(width, width),
            shift: DVector::zeros(width),
            squares: DMatrix::zeros(width, width),
            sums: DVector::zeros(width),
        };
        (weight.squares, weight.sums) = weight.moments();
        weight
    }

    pub(super) fn width(&self) -> usize {
        self.shift.len()
    }

    pub(super) fn classes(&self) -> usize {
        self.rows.len() / self.width()
    }

    /// The row of V of a class.
    pub(super) fn row(&self, class: usize) -> DVectorView<'_, f64> {
        DVectorView::from_slice(&self.rows[self.place(class)], self.width())
    }

    fn place(&self, class: usize) -> Range<usize> {
        class * self.width()..(class + 1) * self.width()
    }

    /// V[class] += factor · step[:, row of the entry], for every entry; repeated classes add up.
    pub(super) fn add_to_rows(
        &mut self,
        entries: &[TargetEntry],
        factors: impl Iterator<Item = f64>,
        steps: &DMatrix<f64>,
    ) {
        for (entry, factor) in entries.iter().zip(factors) {
            let place = self.place(entry.class);
            for (value, step) in self.rows[place].iter_mut().zip(&steps.column(entry.row)) {
                *value += factor * step;
            }
        }
    }

    /// Columns of W, some classes at a time.
    fn chunks(&self) -> impl Iterator<Item = DMatrix<f64>> {
        let unmixing = self.mixing.transpose();
        self.rows.chunks(CHUNK * self.width()).map(move |chunk| {
            let mut columns = &unmixing * columns_of(chunk, self.width());
            for mut column in columns.column_iter_mut() {
                column += &self.shift;
            }
            columns
        })
    }

    /// W, row by row.
    pub(super) fn explicit(&self) -> Vec<f64> {
        self.chunks()
            .flat_map(|columns| columns.as_slice().to_vec())
            .collect()
    }

    /// W h of each column of `hidden`, row by row.
    pub(super) fn outputs(&self, hidden: &DMatrix<f64>) -> Vec<f64> {
        let (classes, batch) = (self.classes(), hidden.ncols());
        let mixed = (&self.mixing * hidden).transpose();
        let shifts = hidden.tr_mul(&self.shift);
        let mut outputs = vec![0.0; batch * classes];
        let chunks = self.rows.chunks(CHUNK * self.width());
        for (chunk, first) in chunks.zip((0..classes).step_by(CHUNK)) {
            let product = &mixed * columns_of(chunk, self.width());
            for (offset, column) in product.column_iter().enumerate() {
                for (row, (output, shift)) in column.iter().zip(&shifts).enumerate() {
                    outputs[row * classes + first + offset] = output + shift;
                }
            }
        }
        outputs
    }

    /// Wᵀ W and Wᵀ 1, from W itself.
    pub(super) fn moments(&self) -> (DMatrix<f64>, DVector<f64>) {
        let width = self.width();
        let start = (DMatrix::zeros(width, width), DVector::zeros(width));
        self.chunks().fold(start, |(squares, sums), columns| {
            let product = &columns * columns.transpose();
            (squares + product, sums + columns.column_sum())
        })
    }

    /// V ← W, U = U⁻¹ = I, ω = 0. W stays what it is; Q and w̄ are left to the caller.
    pub(super) fn absorb(&mut self) {
        let width = self.width();
        let unmixing = self.mixing.transpose();
        for chunk in self.rows.chunks_mut(CHUNK * width) {
            let mut columns = &unmixing * columns_of(chunk, width);
            for mut column in columns.column_iter_mut() {
                column += &self.shift;
            }
            chunk.copy_from_slice(columns.as_slice());
        }
        self.mixing = DMatrix::identity(width, width);
        self.mixing_inverse = DMatrix::identity(width, width);
        self.shift = DVector::zeros(width);
    }

    /// [`absorb`](Self::absorb), with Q and w̄ computed anew: all accumulated rounding is gone.
    pub(super) fn unfactorize(&mut self) {
        self.absorb();
        (self.squares, self.sums) = self.moments();
    }

    /// Renews U⁻¹, and sets singular values of U that lie outside `[smallest, largest]` to one, moving them into V.
    ///
    /// Where that concerns more than a third of them, or U cannot be inverted, the weight is unfactorised.
    pub(super) fn stabilize(&mut self, smallest: f64, largest: f64) {
        if !self.is_close_to_orthogonal(smallest, largest) {
            let Some((directions, values)) = self.outliers(smallest, largest) else {
                return self.unfactorize();
            };
            self.set_to_one(&directions, &values);
        }
        match self.mixing.clone().try_inverse() {
            Some(inverse) => self.mixing_inverse = inverse,
            None => self.unfactorize(),
        }
    }

    /// Whether every singular value is within the range, by a bound that needs no decomposition.
    fn is_close_to_orthogonal(&self, smallest: f64, largest: f64) -> bool {
        let mut deviation = self.mixing.transpose() * &self.mixing;
        for index in 0..self.width() {
            deviation[(index, index)] -= 1.0;
        }
        // The eigenvalues of UᵀU, the squares of the singular values, are no further from one than this.
        let furthest = deviation.norm();
        1.0 - furthest >= smallest * smallest && 1.0 + furthest <= largest * largest
    }

    /// Left singular vectors of the singular values outside the range, and these; `None` if there are too many, or
    /// one of them is zero.
    fn outliers(&self, smallest: f64, largest: f64) -> Option<(DMatrix<f64>, Vec<f64>)> {
        /// The decomposition stops when an off-diagonal entry is this small a share.
        const ACCURACY: f64 = 1e-14;
        const ROUNDS: usize = 1000;
        let svd = SVD::try_new(self.mixing.clone(), true, false, ACCURACY, ROUNDS)?;
        let vectors = svd.u?;
        let outside: Vec<usize> = (0..self.width())
            .filter(|&index| !(smallest..=largest).contains(&svd.singular_values[index]))
            .collect();
        let values = outside.iter().map(|&index| svd.singular_values[index]);
        let few = 3 * outside.len() <= self.width();
        // A direction that is lost to the last digit cannot be scaled back.
        let lost = values.clone().any(|value| value < f64::EPSILON);
        (few && !lost).then(|| (vectors.select_columns(&outside), values.collect()))
    }

    /// U ← (I + Σ α u uᵀ) U and V ← V (I + Σ β u uᵀ) with α = (1-σ)/σ, β = -(1-σ): the two products undo one another.
    fn set_to_one(&mut self, directions: &DMatrix<f64>, values: &[f64]) {
        if values.is_empty() {
            return;
        }
        let width = self.width();
        let lacks = DVector::from_iterator(values.len(), values.iter().map(|value| 1.0 - value));
        let scaled = |factors: &DVector<f64>| directions * DMatrix::from_diagonal(factors);
        let alphas = lacks.zip_map(&DVector::from_row_slice(values), |lack, value| lack / value);
        let (raise, lower) = (scaled(&alphas), scaled(&-lacks));
        let transposed = directions.transpose();
        self.mixing += raise * (&transposed * &self.mixing);
        for chunk in self.rows.chunks_mut(CHUNK * width) {
            let change = &lower * (&transposed * columns_of(chunk, width));
            for (value, change) in chunk.iter_mut().zip(&change) {
                *value += change;
            }
        }
    }

    /// W ← scale · W.
    pub(super) fn scale(&mut self, scale: f64) {
        self.mixing *= scale;
        self.mixing_inverse /= scale;
        self.shift *= scale;
        self.squares *= scale * scale;
        self.sums *= scale;
    }

    pub(super) fn drift(&self) -> FactoredDrift {
        let (squares, sums) = self.moments();
        let size = squares.trace().max(f64::MIN_POSITIVE).sqrt();
        let product = &self.mixing * &self.mixing_inverse;
        let identity = DMatrix::identity(self.width(), self.width());
        FactoredDrift {
            squares: (&self.squares - &squares).norm() / squares.norm().max(f64::MIN_POSITIVE),
            sums: (&self.sums - sums).norm() / ((self.classes() as f64).sqrt() * size),
            inverse: (product - identity).amax(),
        }
    }
}

fn columns_of(chunk: &[f64], width: usize) -> DMatrixView<'_, f64> {
    DMatrixView::from_slice(chunk, width, chunk.len() / width)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// V of 5 classes and 4 columns with a U whose first column is almost gone.
    fn lopsided() -> FactoredWeight {
        let rows = (0..20).map(|seed| f64::from(seed).sin()).collect();
        let mut weight = FactoredWeight::new(rows, 4);
        weight.mixing[(0, 0)] = 0.01;
        weight.mixing[(0, 1)] = 0.02;
        weight.shift[2] = 0.5;
        weight.unfactorize_moments_only();
        weight
    }

    impl FactoredWeight {
        fn unfactorize_moments_only(&mut self) {
            (self.squares, self.sums) = self.moments();
        }
    }

    fn close(left: &[f64], right: &[f64]) {
        assert_eq!(left.len(), right.len());
        for (left, right) in left.iter().zip(right) {
            assert!((left - right).abs() < 1e-12, "{left} and {right}");
        }
    }

    #[test]
    fn a_lost_direction_comes_back_and_the_weight_stays() {
        let mut weight = lopsided();
        let before = weight.explicit();
        weight.stabilize(0.5, 2.0);
        close(&before, &weight.explicit());
        let values = weight.mixing.singular_values();
        assert!(values.min() >= 0.5 && values.max() <= 2.0, "{values}");
        assert_ne!(weight.mixing, DMatrix::identity(4, 4)); // not unfactorised
        let drift = weight.drift();
        assert!(drift.squares < 1e-12 && drift.sums < 1e-12 && drift.inverse < 1e-12);
    }

    #[test]
    fn unfactorising_leaves_the_weight_and_renews_the_rest() {
        for singular in [false, true] {
            let mut weight = lopsided();
            if singular {
                weight.mixing.fill_column(1, 0.0);
                weight.mixing.fill_column(2, 0.0);
                weight.unfactorize_moments_only();
            }
            let before = weight.explicit();
            if singular {
                weight.stabilize(0.5, 2.0); // two of four values are gone
            } else {
                weight.unfactorize();
            }
            close(&before, &weight.explicit());
            assert_eq!(weight.mixing, DMatrix::identity(4, 4));
            assert!(weight.drift().squares < 1e-14);
        }
    }

    #[test]
    fn a_singular_mixing_with_one_lost_direction_is_mended_too() {
        let mut weight = lopsided();
        weight.mixing.fill_row(0, 0.0);
        let before = weight.explicit();
        weight.stabilize(0.5, 2.0);
        close(&before, &weight.explicit());
    }
}
