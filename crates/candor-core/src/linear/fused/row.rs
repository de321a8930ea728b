//! Arithmetic on one row of logits, written so that the compiler can use whatever vector instructions the caller's
//! dispatch has switched on: no branches in the loops, sums in independent lanes.
#![allow(clippy::inline_always)] // only what is inlined into a dispatch is compiled with its instructions

use super::divergence::Divergence;

/// How many sums run side by side: a vector register of `f32` under AVX-512, two under AVX2.
const LANES: usize = 16;

/// A type that sums of logits are kept in.
pub(super) trait RowFloat:
    Copy
    + Send
    + Sync
    + PartialOrd
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::AddAssign
    + std::ops::Neg<Output = Self>
    + 'static
{
    const ZERO: Self;
    const ONE: Self;
    const LOWEST: Self;

    fn from_f64(value: f64) -> Self;
    fn exp(self) -> Self;
    fn ln_1p(self) -> Self;
    fn abs(self) -> Self;
    fn max(self, other: Self) -> Self;
}

impl RowFloat for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const LOWEST: Self = f32::NEG_INFINITY;

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as f32
    }

    /// Relative error below 2e-7; 0 below the smallest normal number, infinity above the largest, NaN for NaN.
    ///
    /// `2^n · P(r)` with `n = round(x / ln 2)` and the Taylor polynomial of degree 7 on `|r| <= ln 2 / 2`. The standard
    /// library's exponential is a call that no loop can be vectorised across.
    #[inline(always)]
    #[allow(clippy::excessive_precision)] // Cody and Waite's split of ln 2, digit for digit
    fn exp(self) -> Self {
        const LOWEST: f32 = -87.336_54;
        const HIGHEST: f32 = 88.722_83;
        // Adding it leaves the rounded integer in the low bits of the mantissa.
        const ROUND: f32 = 12_582_912.0;
        let x = self.clamp(LOWEST, HIGHEST);
        let rounded = x * std::f32::consts::LOG2_E + ROUND;
        let n = rounded - ROUND;
        let r = x - n * 0.693_359_375 + n * 2.121_944_4e-4;
        let p = 1.0 / 5040.0;
        let p = p * r + 1.0 / 720.0;
        let p = p * r + 1.0 / 120.0;
        let p = p * r + 1.0 / 24.0;
        let p = p * r + 1.0 / 6.0;
        let p = p * r + 0.5;
        let p = p * r + 1.0;
        let p = p * r + 1.0;
        // 2^n in two halves: n = 128 has no bit pattern of its own.
        let exponent = rounded.to_bits().wrapping_sub(ROUND.to_bits()) as i32;
        let half = exponent >> 1;
        let power = |n: i32| f32::from_bits(((n + 127) << 23) as u32);
        let value = p * power(half) * power(exponent - half);
        let value = if self < LOWEST { 0.0 } else { value };
        let value = if self > HIGHEST { f32::INFINITY } else { value };
        if self.is_nan() { self } else { value }
    }

    #[inline(always)]
    fn ln_1p(self) -> Self {
        f32::ln_1p(self)
    }

    #[inline(always)]
    fn abs(self) -> Self {
        f32::abs(self)
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        if self > other { self } else { other }
    }
}

impl RowFloat for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const LOWEST: Self = f64::NEG_INFINITY;

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn exp(self) -> Self {
        f64::exp(self)
    }

    #[inline(always)]
    fn ln_1p(self) -> Self {
        f64::ln_1p(self)
    }

    #[inline(always)]
    fn abs(self) -> Self {
        f64::abs(self)
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        if self > other { self } else { other }
    }
}

/// Sums `N` quantities of the entries that `S` slices hold at the same place, in lanes.
///
/// Whole blocks have a length that the compiler knows: with an index into a slice it would check every one, and
/// vectorise none.
#[inline(always)]
fn sum_over<E: RowFloat, const S: usize, const N: usize>(
    slices: [&[E]; S],
    term: impl Fn([E; S]) -> [E; N],
) -> [E; N] {
    let split = slices.map(|slice| slice.as_chunks::<LANES>());
    let mut lanes = [[E::ZERO; LANES]; N];
    for block in 0..split[0].0.len() {
        let blocks = split.map(|(blocks, _)| &blocks[block]);
        for lane in 0..LANES {
            let terms = term(blocks.map(|block| block[lane]));
            for (sums, term) in lanes.iter_mut().zip(terms) {
                sums[lane] += term;
            }
        }
    }
    let mut sums = lanes.map(|lanes| lanes.into_iter().fold(E::ZERO, |sum, lane| sum + lane));
    for index in 0..split[0].1.len() {
        let terms = term(split.map(|(_, rest)| rest[index]));
        for (sum, term) in sums.iter_mut().zip(terms) {
            *sum += term;
        }
    }
    sums
}

#[inline(always)]
fn maximum<E: RowFloat>(entries: &[E]) -> E {
    let mut lanes = [E::LOWEST; LANES];
    let (blocks, rest) = entries.as_chunks::<LANES>();
    for block in blocks {
        for (lane, &entry) in lanes.iter_mut().zip(block) {
            *lane = entry.max(*lane);
        }
    }
    let lanes = lanes.iter().chain(rest);
    lanes.fold(E::LOWEST, |max, &entry| entry.max(max))
}

/// `[max, Σ exp(z - max), Σ exp(z - max) (z - max), Σ z]`.
#[inline(always)]
pub(super) fn statistics<E: RowFloat>(logits: &[E]) -> [E; 4] {
    let max = maximum(logits);
    let [sum, weighted, total] = sum_over([logits], |[logit]| {
        let lag = logit - max;
        let exponential = lag.exp();
        [exponential, exponential * lag, logit]
    });
    [max, sum, weighted, total]
}

/// How a gradient passes back through the logits' map.
#[derive(Clone, Copy)]
pub(super) struct Chain<E> {
    pub(super) scale: E,
    pub(super) slope: E,
}

impl<E: RowFloat> Chain<E> {
    /// The map's derivative where it gave this logit.
    #[inline(always)]
    pub(super) fn factor(self, logit: E) -> E {
        let capped = logit * self.slope;
        self.scale * (E::ONE - capped * capped)
    }
}

/// `p (a + b log p) + c`, in place.
#[inline(always)]
pub(super) fn blend<E: RowFloat>(
    logits: &mut [E],
    log_sum_exp: E,
    [a, b, c]: [E; 3],
    chain: Chain<E>,
) {
    for logit in logits {
        let log_prob = *logit - log_sum_exp;
        *logit = (log_prob.exp() * (a + b * log_prob) + c) * chain.factor(*logit);
    }
}

/// A row of the student's logits, of the teacher's, and both log-sum-exps.
pub(super) struct Pair<'a, E> {
    pub(super) student: &'a [E],
    pub(super) teacher: &'a [E],
    pub(super) log_sum_exps: &'a [E],
}

impl<E: RowFloat> Pair<'_, E> {
    /// The row's divergence, and the number that its gradient subtracts.
    #[inline(always)]
    pub(super) fn terms(&self, divergence: Divergence) -> [E; 2] {
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

/// The gradient of the row's divergence times its weight, in the student's place; `row` is `[weight, centre]`.
#[inline(always)]
pub(super) fn divergence_gradient<E: RowFloat>(
    student: &mut [E],
    teacher: &[E],
    log_sum_exps: &[E],
    row: &[E],
    divergence: Divergence,
    chain: Chain<E>,
) {
    let (weight, centre) = (row[0], row[1]);
    let rewrite = Rewrite {
        student,
        teacher,
        log_sum_exps,
        weight,
        chain,
    };
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

/// A row of the student's logits that its gradient will replace.
struct Rewrite<'a, E> {
    student: &'a mut [E],
    teacher: &'a [E],
    log_sum_exps: &'a [E],
    weight: E,
    chain: Chain<E>,
}

impl<E: RowFloat> Rewrite<'_, E> {
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

impl<E: RowFloat> Mixture<E> {
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

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact by construction
mod tests {
    use proptest::prelude::*;

    use super::RowFloat;

    proptest! {
        #[test]
        fn the_exponential_is_the_standard_one(x in -100.0f32..100.0) {
            let (ours, exact) = (RowFloat::exp(x), f64::from(x).exp());
            if x < -87.34 {
                prop_assert_eq!(ours, 0.0);
            } else if exact > f64::from(f32::MAX) {
                prop_assert_eq!(ours, f32::INFINITY);
            } else {
                prop_assert!((f64::from(ours) / exact - 1.0).abs() < 3e-7, "{} for {}", ours, exact);
            }
        }
    }

    #[test]
    fn the_exponential_keeps_what_is_not_a_number() {
        assert!(RowFloat::exp(f32::NAN).is_nan());
        assert_eq!(RowFloat::exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(RowFloat::exp(f32::INFINITY), f32::INFINITY);
        assert_eq!(RowFloat::exp(0.0f32), 1.0);
    }
}
