//! Arithmetic on one row of logits, written so that the compiler can use whatever vector instructions the caller's
//! dispatch has switched on: no branches in the loops, sums in independent lanes.
#![allow(clippy::inline_always)] // only what is inlined into a dispatch is compiled with its instructions

use super::kernels::Divergence;
use crate::flex::{FlexFloat, maximum, sum_over, vectorised};

vectorised! {
    /// `[max, Σ exp(z - max), Σ exp(z - max) (z - max), Σ z]`.
    pub(super) fn statistics<'a, E>(logits: &'a [E]) -> [E; 4] {
        let max = maximum(logits);
        let [sum, weighted, total] = sum_over([logits], |[logit]| {
            let lag = logit - max;
            let exponential = lag.exp();
            [exponential, exponential * lag, logit]
        });
        [max, sum, weighted, total]
    }

    /// `p (a + b log p) + c`, in place, for `coefficients` `[a, b, c]`.
    pub(super) fn blend<'a, E>(
        logits: &'a mut [E],
        log_sum_exp: E,
        coefficients: [E; 3],
        chain: Chain<E>,
    ) -> () {
        let [a, b, c] = coefficients;
        for logit in logits {
            let log_prob = *logit - log_sum_exp;
            *logit = (log_prob.exp() * (a + b * log_prob) + c) * chain.factor(*logit);
        }
    }

    /// The row's divergence, and the number that its gradient subtracts.
    pub(super) fn divergence_terms<'a, E>(pair: Pair<'a, E>, divergence: Divergence) -> [E; 2] {
        pair.terms(divergence)
    }

    /// The gradient of the row's divergence times its weight, in the student's place.
    pub(super) fn divergence_gradient<'a, E>(
        rewrite: Rewrite<'a, E>,
        centre: E,
        divergence: Divergence,
    ) -> () {
        match divergence {
            Divergence::ForwardKl => rewrite.with(|log_q, log_p| log_q.exp() - log_p.exp()),
            Divergence::ReverseKl => {
                rewrite.with(|log_q, log_p| log_q.exp() * (log_q - log_p - centre));
            }
            Divergence::JensenShannon { beta } => {
                let (mixture, share) = (Mixture::new(beta), E::from_f64(1.0 - beta));
                rewrite.with(|log_q, log_p| {
                    share * log_q.exp() * (log_q - mixture.log(log_p, log_q) - centre)
                });
            }
        }
    }
}

/// How a gradient passes back through the logits' map.
#[derive(Clone, Copy)]
pub(super) struct Chain<E> {
    pub(super) scale: E,
    pub(super) slope: E,
}

impl<E: FlexFloat> Chain<E> {
    /// The map's derivative where it gave this logit.
    #[inline(always)]
    pub(super) fn factor(self, logit: E) -> E {
        let capped = logit * self.slope;
        self.scale * (E::ONE - capped * capped)
    }
}

/// A row of the student's logits, of the teacher's, and both log-sum-exps.
pub(super) struct Pair<'a, E> {
    pub(super) student: &'a [E],
    pub(super) teacher: &'a [E],
    pub(super) log_sum_exps: &'a [E],
}

impl<E: FlexFloat> Pair<'_, E> {
    #[inline(always)]
    fn terms(&self, divergence: Divergence) -> [E; 2] {
        match divergence {
            Divergence::ForwardKl => {
                let [value] = self.sum(|log_q, log_p| [log_p.exp() * (log_p - log_q)]);
                [value, E::ZERO]
            }
            Divergence::ReverseKl => {
                let [value] = self.sum(|log_q, log_p| [log_q.exp() * (log_q - log_p)]);
                [value, value]
            }
            Divergence::JensenShannon { beta } => {
                let mixture = Mixture::new(beta);
                let [teacher, student] = self.sum(|log_q, log_p| {
                    let log_m = mixture.log(log_p, log_q);
                    [log_p.exp() * (log_p - log_m), log_q.exp() * (log_q - log_m)]
                });
                let beta = E::from_f64(beta);
                [beta * teacher + (E::ONE - beta) * student, student]
            }
        }
    }

    /// Sums over the classes what `term` makes of `log q` and `log p`.
    #[inline(always)]
    fn sum<const N: usize>(&self, term: impl Fn(E, E) -> [E; N]) -> [E; N] {
        sum_over([self.student, self.teacher], |[student, teacher]| {
            term(
                student - self.log_sum_exps[0],
                teacher - self.log_sum_exps[1],
            )
        })
    }
}

/// A row of the student's logits that its gradient will replace.
pub(super) struct Rewrite<'a, E> {
    pub(super) student: &'a mut [E],
    pub(super) teacher: &'a [E],
    pub(super) log_sum_exps: &'a [E],
    pub(super) weight: E,
    pub(super) chain: Chain<E>,
}

impl<E: FlexFloat> Rewrite<'_, E> {
    #[inline(always)]
    fn with(self, gradient: impl Fn(E, E) -> E) {
        for (student, &teacher) in self.student.iter_mut().zip(self.teacher) {
            let log_q = *student - self.log_sum_exps[0];
            let log_p = teacher - self.log_sum_exps[1];
            *student = self.weight * gradient(log_q, log_p) * self.chain.factor(*student);
        }
    }
}

/// `β p + (1 - β) q` in log space.
#[derive(Clone, Copy)]
struct Mixture<E> {
    log_teacher: E,
    log_student: E,
}

impl<E: FlexFloat> Mixture<E> {
    fn new(beta: f64) -> Self {
        Self {
            log_teacher: E::from_f64(beta.ln()),
            log_student: E::from_f64((-beta).ln_1p()),
        }
    }

    #[inline(always)]
    fn log(self, log_p: E, log_q: E) -> E {
        let (p, q) = (log_p + self.log_teacher, log_q + self.log_student);
        p.max(q) + (-(p - q).abs()).exp().ln_1p()
    }
}
