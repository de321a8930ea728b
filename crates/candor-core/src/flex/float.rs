//! Arithmetic that the compiler can vectorise with whatever instructions the caller's dispatch has switched on.
#![allow(clippy::inline_always)] // only what is inlined into a dispatch is compiled with its instructions

/// A type that kernels compute in.
pub(crate) trait FlexFloat:
    Copy
    + Send
    + Sync
    + PartialOrd
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::Div<Output = Self>
    + std::ops::AddAssign
    + std::ops::Neg<Output = Self>
    + 'static
{
    const ZERO: Self;
    const ONE: Self;
    const LOWEST: Self;

    fn from_f64(value: f64) -> Self;
    fn exp(self) -> Self;
    fn sqrt(self) -> Self;
    fn ln(self) -> Self;
    fn ln_1p(self) -> Self;
    fn abs(self) -> Self;
    fn max(self, other: Self) -> Self;
}

impl FlexFloat for f32 {
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
    fn sqrt(self) -> Self {
        f32::sqrt(self)
    }

    #[inline(always)]
    fn ln(self) -> Self {
        f32::ln(self)
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

impl FlexFloat for f64 {
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
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }

    #[inline(always)]
    fn ln(self) -> Self {
        f64::ln(self)
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

/// How many sums run side by side: a vector register of `f32` under AVX-512, two under AVX2.
const LANES: usize = 16;

/// Sums `N` quantities of the entries that `S` slices hold at the same place, in lanes.
///
/// Whole blocks have a length that the compiler knows: with an index into a slice it would check every one, and
/// vectorise none.
#[inline(always)]
pub(crate) fn sum_over<E: FlexFloat, const S: usize, const N: usize>(
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

/// The largest entry; negative infinity of none.
#[inline(always)]
pub(crate) fn maximum<E: FlexFloat>(entries: &[E]) -> E {
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

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact by construction
mod tests {
    use proptest::prelude::*;

    use super::FlexFloat;

    proptest! {
        #[test]
        fn the_exponential_is_the_standard_one(x in -100.0f32..100.0) {
            let (ours, exact) = (FlexFloat::exp(x), f64::from(x).exp());
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
        assert!(FlexFloat::exp(f32::NAN).is_nan());
        assert_eq!(FlexFloat::exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(FlexFloat::exp(f32::INFINITY), f32::INFINITY);
        assert_eq!(FlexFloat::exp(0.0f32), 1.0);
    }
}
