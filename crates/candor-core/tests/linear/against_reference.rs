//! Values and gradients against the reference, under every budget.

use burn::nn::loss::Reduction;
use burn::tensor::Tensor;
use candor_core::host::floats;
use candor_core::linear::{
    Divergence, KlDirection, LinearCrossEntropyConfig, LinearJsdConfig, LinearKlConfig,
    LinearLogits, TokenStatistics, linear_statistics, reference,
};

use super::operands::{AMPLE, Parts, SHAPES, budgets, close, composing, mixture, precisions};

#[test]
fn statistics_and_their_gradients_are_the_reference_s_under_every_budget() {
    for (name, device, dtype, tolerance) in precisions() {
        for (seed, shape) in SHAPES.into_iter().enumerate() {
            let parts = Parts::new(shape, 1.5, seed as u64);
            let operands = parts.operands(&device, dtype);
            let row_weights = parts.row_weights(&device, dtype);
            let there = composing(&device);
            let composed = parts.operands(&there, dtype);
            let expected = reference::statistics(composed.logits(AMPLE), parts.targets(&there));
            let mixed = mixture(&expected, &parts.row_weights(&there, dtype));
            let plain = composed.value_and_gradients(&mixed);
            for budget in budgets(shape) {
                let statistics = linear_statistics(operands.logits(budget), parts.targets(&device));
                let what = format!("{name} {shape:?} {budget:?}");
                let ours = operands.value_and_gradients(&mixture(&statistics, &row_weights));
                close(&what, &ours, &plain, tolerance);
                assert_eq!(floats(&statistics.top1), floats(&expected.top1), "{what}");
            }
        }
    }
}

#[test]
fn cross_entropy_is_the_reference_s_under_every_budget() {
    let loss = LinearCrossEntropyConfig::new()
        .with_label_smoothing(0.1)
        .with_z_loss(0.01)
        .with_ignore_index(Some(0))
        .init()
        .unwrap();
    for (name, device, dtype, tolerance) in precisions() {
        for (seed, shape) in SHAPES.into_iter().enumerate() {
            let parts = Parts::new(shape, 1.5, seed as u64);
            let operands = parts.operands(&device, dtype);
            let targets = parts.targets(&device);
            let there = composing(&device);
            let composed = parts.operands(&there, dtype);
            let statistics = reference::statistics(composed.logits(AMPLE), parts.targets(&there));
            let counted = parts.targets(&there).not_equal_elem(0).float().cast(dtype);
            let mean_log_prob = statistics.mean_logit - statistics.log_sum_exp.clone();
            let losses = statistics.log_probs * -0.9 - mean_log_prob * 0.1
                + statistics.log_sum_exp.clone() * statistics.log_sum_exp * 0.01;
            let count = counted.clone().sum().clamp_min(1.0);
            let plain = composed.value_and_gradients(&((losses * counted).sum() / count));
            for budget in budgets(shape) {
                let value = loss.forward(operands.logits(budget), targets.clone(), Reduction::Mean);
                let what = format!("{name} {shape:?} {budget:?}");
                close(
                    &what,
                    &operands.value_and_gradients(&value),
                    &plain,
                    tolerance,
                );
                let rows = loss.forward_no_reduction(operands.logits(budget), targets.clone());
                let mean = rows.sum()
                    / targets
                        .clone()
                        .not_equal_elem(0)
                        .float()
                        .cast(dtype)
                        .sum()
                        .clamp_min(1.0);
                close(
                    &what,
                    &operands.value_and_gradients(&mean),
                    &plain,
                    tolerance,
                );
            }
        }
    }
}

#[test]
fn a_row_can_leave_out_the_class_of_its_own_number_under_every_budget() {
    let shape = [7, 9, 3];
    let targets = [1, 2, 0, 8, 7, 3, 2]; // none is the row's own
    for (name, device, dtype, tolerance) in precisions() {
        // The own class would dominate all others by far, so that it could not be subtracted afterwards.
        let mut parts = Parts::new(shape, 1.5, 5);
        parts.targets = targets.to_vec();
        for row in 0..7 {
            parts.bias[row] += 2.0 * (row as f64);
        }
        let operands = parts.operands(&device, dtype);
        let row_weights = parts.row_weights(&device, dtype);
        let mixture = |statistics: TokenStatistics| {
            let TokenStatistics {
                log_probs,
                log_sum_exp,
                entropy,
                ..
            } = statistics;
            (log_probs * 1.3 - log_sum_exp * 0.7 + entropy * 0.5) * row_weights.clone()
        };
        let logits = |budget| operands.logits(budget).without_own_class();
        let plain = mixture(reference::statistics(logits(AMPLE), parts.targets(&device)));
        let plain = operands.value_and_gradients(&plain);
        let loss = LinearCrossEntropyConfig::new().init().unwrap();
        let rows = loss.forward_no_reduction(logits(AMPLE), parts.targets(&device));
        let rows = operands.value_and_gradients(&rows.mean());
        for budget in budgets(shape) {
            let what = format!("{name} {budget:?}");
            let ours = mixture(linear_statistics(logits(budget), parts.targets(&device)));
            close(
                &what,
                &operands.value_and_gradients(&ours),
                &plain,
                tolerance,
            );
            let ours = loss.forward(logits(budget), parts.targets(&device), Reduction::Mean);
            close(
                &what,
                &operands.value_and_gradients(&ours),
                &rows,
                tolerance,
            );
        }
    }
}

#[test]
fn divergences_are_the_reference_s_under_every_budget() {
    let kinds = [
        Divergence::ForwardKl,
        Divergence::ReverseKl,
        Divergence::JensenShannon { beta: 0.3 },
    ];
    for (name, device, dtype, tolerance) in precisions() {
        for (seed, shape) in SHAPES.into_iter().enumerate() {
            let parts = Parts::new(shape, 1.5, seed as u64);
            let operands = parts.operands(&device, dtype);
            // The teacher is wider, without a bias.
            let [rows, classes, width] = shape;
            let teacher = Parts::new([rows, classes, width + 3], 1.2, 77 + seed as u64)
                .constants(&device, dtype);
            let teacher = LinearLogits::new(teacher.hidden, teacher.weight);
            let row_weights = parts.row_weights(&device, dtype);
            for divergence in kinds {
                let plain = reference::divergence(
                    operands.logits(AMPLE),
                    teacher.clone(),
                    row_weights.clone(),
                    divergence,
                );
                let plain = operands.value_and_gradients(&plain);
                for budget in budgets(shape) {
                    let value = forward(
                        divergence,
                        operands.logits(budget),
                        teacher.clone(),
                        row_weights.clone(),
                    );
                    let what = format!("{name} {shape:?} {divergence:?} {budget:?}");
                    close(
                        &what,
                        &operands.value_and_gradients(&value),
                        &plain,
                        tolerance,
                    );
                }
            }
        }
    }
}

fn forward(
    divergence: Divergence,
    student: LinearLogits,
    teacher: LinearLogits,
    row_weights: Tensor<1>,
) -> Tensor<1> {
    let kl = |direction| {
        LinearKlConfig::new()
            .with_direction(direction)
            .init()
            .unwrap()
    };
    match divergence {
        Divergence::ForwardKl => {
            kl(KlDirection::Forward).forward_weighted(student, teacher, row_weights)
        }
        Divergence::ReverseKl => {
            kl(KlDirection::Reverse).forward_weighted(student, teacher, row_weights)
        }
        Divergence::JensenShannon { beta } => LinearJsdConfig::new()
            .with_beta(beta)
            .init()
            .unwrap()
            .forward_weighted(student, teacher, row_weights),
    }
}
