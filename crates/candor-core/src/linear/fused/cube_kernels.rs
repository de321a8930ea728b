//! CubeCL kernels on a tile of logits in `f32`. One cube reduces a row, each unit online over its share of the classes;
//! gradients overwrite their tile.
#![allow(
    missing_docs,
    clippy::too_many_arguments,
    clippy::used_underscore_binding
)] // what the macro generates

use cubecl::ir::ElemType;
use cubecl::prelude::*;

/// `[max, Σ exp(z - max), Σ exp(z - max) (z - max), Σ z, z_target]` of each row.
#[cube(launch)]
pub(super) fn statistics_kernel<I: Numeric>(
    logits: &Tensor<f32>,
    targets: &Tensor<I>,
    output: &mut Tensor<f32>,
    first_class: u32,
    #[comptime] lanes: u32,
    #[define(I)] _dtype: ElemType,
) {
    let row = CUBE_POS_X as usize;
    let unit = UNIT_POS_X as usize;
    let lanes = lanes as usize;
    let classes = logits.shape(1);
    let start = row * classes;

    // Any logit of the row may stand for a maximum that a unit without classes has not seen.
    let mut max = logits[start];
    let mut sum = 0.0f32;
    let mut weighted = 0.0f32;
    let mut total = 0.0f32;
    let mut class = UNIT_POS_X as usize;
    while class < classes {
        let logit = logits[start + class];
        if logit > max {
            let lag = max - logit;
            let factor = lag.exp();
            weighted = factor * (weighted + lag * sum);
            sum *= factor;
            max = logit;
        }
        let lag = logit - max;
        let exponential = lag.exp();
        sum += exponential;
        weighted += exponential * lag;
        total += logit;
        class += CUBE_DIM_X as usize;
    }

    let mut shared_max = Shared::new_slice(lanes);
    let mut shared_sum = Shared::new_slice(lanes);
    let mut shared_weighted = Shared::new_slice(lanes);
    let mut shared_total = Shared::new_slice(lanes);
    shared_max[unit] = max;
    shared_sum[unit] = sum;
    shared_weighted[unit] = weighted;
    shared_total[unit] = total;
    sync_cube();

    let mut reach = CUBE_DIM_X as usize / 2;
    while reach > 0 {
        if unit < reach {
            let other = unit + reach;
            let left = shared_max[unit];
            let right = shared_max[other];
            let mut max = left;
            if right > left {
                max = right;
            }
            let (left, right) = (left - max, right - max);
            let (a, b) = (left.exp(), right.exp());
            let (left_sum, right_sum) = (shared_sum[unit], shared_sum[other]);
            shared_weighted[unit] = a * (shared_weighted[unit] + left * left_sum)
                + b * (shared_weighted[other] + right * right_sum);
            shared_sum[unit] = a * left_sum + b * right_sum;
            shared_total[unit] += shared_total[other];
            shared_max[unit] = max;
        }
        sync_cube();
        reach /= 2;
    }

    if unit == 0 {
        let first = first_class as usize;
        let target = u32::cast_from(targets[row]) as usize;
        let mut target_logit = 0.0f32;
        if target >= first && target < first + classes {
            target_logit = logits[start + target - first];
        }
        let place = row * 5;
        output[place] = shared_max[0];
        output[place + 1] = shared_sum[0];
        output[place + 2] = shared_weighted[0];
        output[place + 3] = shared_total[0];
        output[place + 4] = target_logit;
    }
}

/// `p (a + b log p) + c + d [class = target]`, through the logits' map, in the logits' place.
#[cube(launch)]
pub(super) fn blend_kernel<I: Numeric>(
    logits: &mut Tensor<f32>,
    log_sum_exp: &Tensor<f32>,
    coefficients: &Tensor<f32>,
    targets: &Tensor<I>,
    first_class: u32,
    scale: f32,
    slope: f32,
    #[define(I)] _dtype: ElemType,
) {
    let row = CUBE_POS_X as usize;
    let classes = logits.shape(1);
    let start = row * classes;
    let target = u32::cast_from(targets[row]) as usize;
    let mut class = (CUBE_POS_Y * CUBE_DIM_X + UNIT_POS_X) as usize;
    let stride = (CUBE_COUNT_Y * CUBE_DIM_X) as usize;
    while class < classes {
        let logit = logits[start + class];
        let log_prob = logit - log_sum_exp[row];
        let slope_of_log = coefficients[row * 4] + coefficients[row * 4 + 1] * log_prob;
        let mut gradient = log_prob.exp() * slope_of_log + coefficients[row * 4 + 2];
        if class + first_class as usize == target {
            gradient += coefficients[row * 4 + 3];
        }
        logits[start + class] = gradient * map_factor(logit, scale, slope);
        class += stride;
    }
}

/// The derivative of the logits' map where it gave this logit.
#[cube]
fn map_factor(logit: f32, scale: f32, slope: f32) -> f32 {
    let capped = logit * slope;
    scale * (1.0f32 - capped * capped)
}

/// `log(β p + (1 - β) q)`.
#[cube]
fn log_mixture(log_p: f32, log_q: f32, beta: f32) -> f32 {
    let p = log_p + beta.ln();
    let q = log_q + (1.0f32 - beta).ln();
    let mut max = p;
    let mut min = q;
    if q > p {
        max = q;
        min = p;
    }
    max + (min - max).exp().log1p()
}

/// `[value, centre]` of each row: forward KL for kind 0, reverse KL for 1, Jensen-Shannon for 2.
#[cube(launch)]
pub(super) fn divergence_terms_kernel(
    student: &Tensor<f32>,
    teacher: &Tensor<f32>,
    log_sum_exps: &Tensor<f32>,
    output: &mut Tensor<f32>,
    beta: f32,
    #[comptime] lanes: u32,
    #[comptime] kind: u32,
) {
    let row = CUBE_POS_X as usize;
    let unit = UNIT_POS_X as usize;
    let lanes = lanes as usize;
    let classes = student.shape(1);
    let start = row * classes;
    let student_sum = log_sum_exps[row * 2];
    let teacher_sum = log_sum_exps[row * 2 + 1];

    let mut from_teacher = 0.0f32;
    let mut from_student = 0.0f32;
    let mut class = UNIT_POS_X as usize;
    while class < classes {
        let log_q = student[start + class] - student_sum;
        let log_p = teacher[start + class] - teacher_sum;
        if comptime!(kind == 0) {
            from_teacher += log_p.exp() * (log_p - log_q);
        } else if comptime!(kind == 1) {
            from_student += log_q.exp() * (log_q - log_p);
        } else {
            let log_m = log_mixture(log_p, log_q, beta);
            from_teacher += log_p.exp() * (log_p - log_m);
            from_student += log_q.exp() * (log_q - log_m);
        }
        class += CUBE_DIM_X as usize;
    }

    let mut shared_teacher = Shared::new_slice(lanes);
    let mut shared_student = Shared::new_slice(lanes);
    shared_teacher[unit] = from_teacher;
    shared_student[unit] = from_student;
    sync_cube();
    let mut reach = CUBE_DIM_X as usize / 2;
    while reach > 0 {
        if unit < reach {
            shared_teacher[unit] += shared_teacher[unit + reach];
            shared_student[unit] += shared_student[unit + reach];
        }
        sync_cube();
        reach /= 2;
    }

    if unit == 0 {
        let mut value = shared_teacher[0];
        if comptime!(kind == 1) {
            value = shared_student[0];
        }
        if comptime!(kind == 2) {
            value = beta * shared_teacher[0] + (1.0f32 - beta) * shared_student[0];
        }
        output[row * 2] = value;
        output[row * 2 + 1] = shared_student[0];
    }
}

/// The gradient of each row's divergence times its weight, in the student's place; `rows` are `[weight, centre]`.
#[cube(launch)]
pub(super) fn divergence_gradient_kernel(
    student: &mut Tensor<f32>,
    teacher: &Tensor<f32>,
    log_sum_exps: &Tensor<f32>,
    rows: &Tensor<f32>,
    beta: f32,
    scale: f32,
    slope: f32,
    #[comptime] kind: u32,
) {
    let row = CUBE_POS_X as usize;
    let classes = student.shape(1);
    let start = row * classes;
    let weight = rows[row * 2];
    let centre = rows[row * 2 + 1];
    let mut class = (CUBE_POS_Y * CUBE_DIM_X + UNIT_POS_X) as usize;
    let stride = (CUBE_COUNT_Y * CUBE_DIM_X) as usize;
    while class < classes {
        let logit = student[start + class];
        let log_q = logit - log_sum_exps[row * 2];
        let log_p = teacher[start + class] - log_sum_exps[row * 2 + 1];
        let mut gradient = log_q.exp();
        if comptime!(kind == 0) {
            gradient -= log_p.exp();
        } else if comptime!(kind == 1) {
            gradient *= log_q - log_p - centre;
        } else {
            let log_m = log_mixture(log_p, log_q, beta);
            gradient *= (1.0f32 - beta) * (log_q - log_m - centre);
        }
        student[start + class] = weight * gradient * map_factor(logit, scale, slope);
        class += stride;
    }
}
