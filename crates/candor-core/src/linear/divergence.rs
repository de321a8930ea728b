use burn::backend::Dispatch;
use burn::nn::loss::Reduction;
use burn::tensor::Tensor;

use super::fused::{Divergence, DivergencePlan, FusedLinear, Wanted};
use super::{LinearLogits, reference};
use crate::check_shape;

/// Both heads of a divergence, checked against one another.
pub(super) struct Heads {
    student: LinearLogits,
    teacher: LinearLogits,
}

impl Heads {
    /// # Panics
    ///
    /// When rows or classes differ.
    pub(super) fn new(
        component: &str,
        student: LinearLogits,
        teacher: LinearLogits,
        temperature: f64,
    ) -> Self {
        let [rows, classes] = student.dims();
        let (teacher_hidden, teacher_weight) = (&teacher.hidden, &teacher.weight);
        check_shape!(component, teacher_hidden, [rows, _]);
        check_shape!(component, teacher_weight, [classes, _]);
        Self {
            student: student.tempered(temperature),
            teacher: teacher.tempered(temperature),
        }
    }

    /// The same weight for every row, as the reduction asks.
    pub(super) fn even_weights(&self, reduction: &Reduction) -> Tensor<1> {
        let [rows, _] = self.student.dims();
        self.student.row_constants(match reduction {
            Reduction::Sum => 1.0,
            Reduction::Mean | Reduction::Auto | Reduction::BatchMean => 1.0 / rows.max(1) as f64,
        })
    }

    /// `Σ weight · divergence`, `[1]`.
    ///
    /// # Panics
    ///
    /// When there is not one weight a row.
    pub(super) fn weighted_sum(
        self,
        component: &str,
        row_weights: Tensor<1>,
        divergence: Divergence,
    ) -> Tensor<1> {
        let Self { student, teacher } = self;
        let [rows, _] = student.dims();
        check_shape!(component, row_weights, [rows]);
        let row_weights = row_weights.without_autodiff();
        if rows == 0 || !student.is_fused() {
            return reference::divergence(student, teacher, row_weights, divergence);
        }
        let plan = DivergencePlan {
            student: student.map,
            teacher: teacher.map,
            divergence,
            budget: student.budget(),
            wanted: Wanted::default(),
        };
        let (bias, teacher_bias) = (student.bias_or_empty(), teacher.bias_or_empty());
        Tensor::from_dispatch(Dispatch::linear_divergence(
            student.hidden.into_dispatch(),
            student.weight.into_dispatch(),
            bias.into_dispatch(),
            teacher.hidden.without_autodiff().into_dispatch(),
            teacher.weight.without_autodiff().into_dispatch(),
            teacher_bias.without_autodiff().into_dispatch(),
            row_weights.into_dispatch(),
            plan,
        ))
    }
}
