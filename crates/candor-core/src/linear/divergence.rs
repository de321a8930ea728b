use burn::backend::Dispatch;
use burn::nn::loss::Reduction;
use burn::tensor::Tensor;

use super::fused::{Divergence, DivergencePlan, FusedLinear, Wanted};
use super::{LinearLogits, reference};
use crate::check_shape;

/// A divergence of a student's distribution over a large vocabulary from a teacher's, as
/// [`LinearKlConfig`](super::LinearKlConfig) or [`LinearJsdConfig`](super::LinearJsdConfig) made it.
///
/// The gradient reaches the student's hidden states, weight and bias; the teacher is constant. One sweep gives value
/// and gradients.
#[derive(Debug, Clone)]
pub struct LinearDivergence {
    component: &'static str,
    divergence: Divergence,
    temperature: f64,
}

impl LinearDivergence {
    pub(super) fn new(component: &'static str, divergence: Divergence, temperature: f64) -> Self {
        Self {
            component,
            divergence,
            temperature,
        }
    }

    /// The reduced divergence, `[1]`; `Mean`, `Auto` and `BatchMean` divide by the rows.
    ///
    /// # Panics
    ///
    /// When rows or classes of student and teacher differ.
    pub fn forward(
        &self,
        student: LinearLogits,
        teacher: LinearLogits,
        reduction: Reduction,
    ) -> Tensor<1> {
        let [rows, _] = student.dims();
        let row_weights = student.row_constants(match reduction {
            Reduction::Sum => 1.0,
            Reduction::Mean | Reduction::Auto | Reduction::BatchMean => 1.0 / rows.max(1) as f64,
        });
        self.forward_weighted(student, teacher, row_weights)
    }

    /// `Σ weight · divergence`, `[1]`, for weights `[rows]`: 0 leaves a row out. No gradient reaches the weights.
    ///
    /// # Panics
    ///
    /// When rows or classes differ, or there is not one weight a row.
    pub fn forward_weighted(
        &self,
        student: LinearLogits,
        teacher: LinearLogits,
        row_weights: Tensor<1>,
    ) -> Tensor<1> {
        let [rows, classes] = student.dims();
        let (teacher_hidden, teacher_weight) = (&teacher.hidden, &teacher.weight);
        check_shape!(self.component, teacher_hidden, [rows, _]);
        check_shape!(self.component, teacher_weight, [classes, _]);
        check_shape!(self.component, row_weights, [rows]);
        let (student, teacher) = (
            student.tempered(self.temperature),
            teacher.tempered(self.temperature),
        );
        let row_weights = row_weights.without_autodiff();
        if rows == 0 || !student.is_fused() {
            return reference::divergence(student, teacher, row_weights, self.divergence);
        }
        let plan = DivergencePlan {
            student: student.map,
            teacher: teacher.map,
            divergence: self.divergence,
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
