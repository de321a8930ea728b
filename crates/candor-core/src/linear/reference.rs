//! The operators from materialised logits: what tests compare with, and what runs on a backend that has no extension.

use burn::tensor::{Int, Tensor, activation::log_softmax};

use super::{Divergence, LinearLogits, TokenStatistics};

/// [`linear_statistics`](super::linear_statistics) of logits `[rows, classes]` that are all there.
pub fn statistics(logits: LinearLogits, targets: Tensor<1, Int>) -> TokenStatistics {
    let [rows, _] = logits.dims();
    let logits = logits.materialize();
    let targets = targets.reshape([rows, 1]);
    let log_probs = log_softmax(logits.clone(), 1);
    let log_prob = log_probs.clone().gather(1, targets.clone());
    let target = logits.clone().gather(1, targets);
    let column = |column: Tensor<2>| column.reshape([rows]);
    let lag = target.clone().detach() - logits.clone().detach().max_dim(1);
    TokenStatistics {
        log_sum_exp: column(target - log_prob.clone()),
        log_probs: column(log_prob),
        entropy: column(-(log_probs.clone().exp() * log_probs).sum_dim(1)),
        mean_logit: column(logits.mean_dim(1)),
        top1: column(lag.sign() + 1.0),
    }
}

/// `Σ weight · divergence` over the rows, `[1]`, from both tiles at once; the teacher is constant.
pub fn divergence(
    student: LinearLogits,
    teacher: LinearLogits,
    row_weights: Tensor<1>,
    divergence: Divergence,
) -> Tensor<1> {
    let [rows, _] = student.dims();
    let log_q = log_softmax(student.materialize(), 1);
    let log_p = log_softmax(teacher.materialize().detach(), 1);
    let kl = |a: Tensor<2>, b: Tensor<2>| (a.clone().exp() * (a - b)).sum_dim(1);
    let values = match divergence {
        Divergence::ForwardKl => kl(log_p, log_q),
        Divergence::ReverseKl => kl(log_q, log_p),
        Divergence::JensenShannon { beta } => {
            let (p, q) = (log_p.clone() + beta.ln(), log_q.clone() + (-beta).ln_1p());
            let max = p.clone().max_pair(q.clone()).detach();
            let log_m = ((p - max.clone()).exp() + (q - max.clone()).exp()).log() + max;
            kl(log_p, log_m.clone()) * beta + kl(log_q, log_m) * (1.0 - beta)
        }
    };
    let row_weights = row_weights.cast(values.dtype());
    (values.reshape([rows]) * row_weights).sum()
}
