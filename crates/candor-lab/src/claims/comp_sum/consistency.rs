use candor_core::DrawKey;
use candor_losses::classification::consistency::{CompSumBounds, conditional_infimum, phi};
use rand::{Rng, RngExt};
use rand_distr::{Distribution, Gamma, StandardNormal};

use crate::run::RunError;

/// The family's members that the sheet looks at; the bounds are tight up to 2.
const TAUS: [f64; 6] = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0];
/// Concentrations of the Dirichlet law of class probabilities: nearly certain, uniform, nearly even.
const CONCENTRATIONS: [f64; 3] = [0.2, 1.0, 3.0];
/// Sizes of random scores.
const SCALES: [f64; 3] = [0.1, 1.0, 4.0];
/// A zero-one regret whose bound is smaller than this says nothing of tightness but rounding.
const SMALLEST_BOUND: f64 = 1e-9;

/// Regrets of random scores against random class probabilities.
///
/// For probabilities `p` and scores `z` over 2 to 5 classes, `max p - p[argmax z]` is the zero-one regret, and
/// `Σ p ℓ_τ(z) - C*_τ(p)` the comp-sum regret. Even draws have Gaussian scores. Odd draws have the scores
/// that the loss itself likes best, but for a tie between the two most probable classes that is broken the wrong way:
/// where the bound is tight, this is where.
///
/// All of it is host arithmetic in `f64`: a tolerance of 1e-9 asks for it.
#[derive(Debug, Clone)]
pub(super) struct Consistency {
    /// Draws of each τ.
    pub(super) draws: usize,
    /// Draws of τ = 0, whose loss has no bound.
    pub(super) draws_at_zero: usize,
}

impl Default for Consistency {
    fn default() -> Self {
        Self {
            draws: 3000,
            draws_at_zero: 20_000,
        }
    }
}

/// What the draws of one seed came to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Regrets {
    /// Largest `T(zero-one regret) - comp-sum regret`: above zero, a bound is broken.
    pub(super) violation: f64,
    /// Smallest `comp-sum regret / T(zero-one regret)` of each τ up to 2, and of these the largest.
    pub(super) tightness: f64,
}

impl Consistency {
    pub(super) fn regrets(&self, seed: u64) -> Result<Regrets, RunError> {
        let mut worst = Regrets {
            violation: f64::NEG_INFINITY,
            tightness: f64::NEG_INFINITY,
        };
        for (row, tau) in TAUS.into_iter().enumerate() {
            let draws = if tau == 0.0 {
                self.draws_at_zero
            } else {
                self.draws
            };
            let mut smallest_ratio = f64::INFINITY;
            for draw in 0..draws {
                let (bound, regret) =
                    one_draw(tau, DrawKey::new(seed).row(row as u64).draw(draw as u64))?;
                worst.violation = worst.violation.max(bound - regret);
                if bound > SMALLEST_BOUND {
                    smallest_ratio = smallest_ratio.min(regret / bound);
                }
            }
            if tau <= 2.0 {
                worst.tightness = worst.tightness.max(smallest_ratio);
            }
        }
        Ok(worst)
    }
}

/// T of the zero-one regret, and the comp-sum regret.
fn one_draw(tau: f64, key: DrawKey) -> Result<(f64, f64), RunError> {
    let mut rng = key.rng();
    let classes = rng.random_range(2..=5);
    let p = probabilities(classes, &mut rng);
    let scores = if key.draw.is_multiple_of(2) {
        let scale = SCALES[rng.random_range(0..SCALES.len())];
        (0..classes)
            .map(|_| scale * rng.sample::<f64, _>(StandardNormal))
            .collect()
    } else {
        tempting_scores(&p, tau)
    };
    let predicted = ranked(&scores)[0];
    // Its rounding is taken off: T_0 has an infinite slope at 1, where one step of f64 is worth 1e-8 of T.
    let zero_one = (p[ranked(&p)[0]] - p[predicted] - f64::EPSILON).max(0.0);
    let mut risk = 0.0;
    for (label, share) in p.iter().enumerate() {
        risk += share * phi(odds_against(label, &scores), tau)?;
    }
    let bound = CompSumBounds::new(tau, classes)?.t_transform(zero_one)?;
    Ok((bound, risk - conditional_infimum(&p, tau)?))
}

/// A draw of the symmetric Dirichlet law: gamma variables over their sum.
fn probabilities(classes: usize, rng: &mut impl Rng) -> Vec<f64> {
    let concentration = CONCENTRATIONS[rng.random_range(0..CONCENTRATIONS.len())];
    let shares: Vec<f64> = match Gamma::new(concentration, 1.0) {
        Ok(gamma) => gamma.sample_iter(rng).take(classes).collect(),
        // Unreachable: the concentrations are positive constants.
        Err(_) => vec![1.0; classes],
    };
    let sum: f64 = shares.iter().sum();
    shares.into_iter().map(|share| share / sum).collect()
}

/// The best scores of the loss, with the two most probable classes at par and the second a hair above.
fn tempting_scores(p: &[f64], tau: f64) -> Vec<f64> {
    // From τ = 2 on the best scores are infinite: 50 stands for that.
    let slope = if tau < 2.0 { (2.0 - tau).recip() } else { 50.0 };
    let order = ranked(p);
    let (first, second) = (order[0], order[1]);
    let par = slope * f64::midpoint(p[first], p[second]).ln();
    let mut scores: Vec<f64> = p.iter().map(|share| slope * (share + 1e-12).ln()).collect();
    scores[first] = par;
    scores[second] = par + 1e-9;
    scores
}

/// Σ over the other classes of exp(score - score of the label).
fn odds_against(label: usize, scores: &[f64]) -> f64 {
    let others = scores
        .iter()
        .enumerate()
        .filter(|&(class, _)| class != label);
    others.map(|(_, score)| (score - scores[label]).exp()).sum()
}

/// Places by falling value, the first of equals first.
fn ranked(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tempting_scores_predict_the_second_class() {
        let scores = tempting_scores(&[0.2, 0.5, 0.3], 1.0);
        assert_eq!(ranked(&scores)[0], 2);
    }

    #[test]
    fn even_odds_are_the_number_of_other_classes() {
        assert!((odds_against(1, &[0.7; 4]) - 3.0).abs() < 1e-12);
    }
}
