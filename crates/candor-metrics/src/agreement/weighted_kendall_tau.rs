use candor_core::InputError;

use super::pair;
use crate::ranking::compare;

const NAME: &str = "weighted_kendall_tau";

/// Kendall's τ with more weight on the top of the rankings, averaged over both.
///
/// ```text
/// r_i   = place of i in decreasing order of x (ties by decreasing y, then the later index first)
/// w_i   = 1 / (r_i + 1)^α
/// ⟨u,v⟩ = Σ_{i<j} sgn(u_i − u_j) sgn(v_i − v_j) (w_i + w_j)
/// τ     = mean over (x,y) = (a,b), (b,a) of ⟨x,y⟩ / √(⟨x,x⟩⟨y,y⟩)
/// ```
///
/// An `alpha` of 1 is hyperbolic weighting, 0 gives τ-b. O(n²).
///
/// # Errors
///
/// Lengths that differ, values that are not finite, an `alpha` that is negative or not finite; undefined where a side
/// is constant or has one entry.
///
/// Source: Vigna (2015), A weighted correlation index for rankings with ties, arXiv 1404.3325.
///
/// ```
/// use candor_metrics::agreement::weighted_kendall_tau;
///
/// let swap_at_the_top = weighted_kendall_tau(&[3.0, 2.0, 1.0], &[2.0, 3.0, 1.0], 1.0).unwrap();
/// let swap_at_the_end = weighted_kendall_tau(&[3.0, 2.0, 1.0], &[3.0, 1.0, 2.0], 1.0).unwrap();
/// assert!(swap_at_the_top < swap_at_the_end);
/// ```
pub fn weighted_kendall_tau(left: &[f64], right: &[f64], alpha: f64) -> Result<f64, InputError> {
    pair::check(NAME, left, right)?;
    InputError::check_values(NAME, "alpha", &[alpha], "finite and >= 0", |alpha| {
        alpha.is_finite() && alpha >= 0.0
    })?;
    let both = [one_sided(left, right, alpha), one_sided(right, left, alpha)];
    match both {
        [Some(left), Some(right)] => Ok(f64::midpoint(left, right)),
        _ => Err(pair::undefined(NAME)),
    }
}

/// τ with the weights of the first ranking.
fn one_sided(first: &[f64], second: &[f64], alpha: f64) -> Option<f64> {
    let weights = weights(first, second, alpha);
    let sign = |values: &[f64], i: usize, j: usize| f64::from(compare(values[i], values[j]) as i8);
    let (mut score, mut norm_first, mut norm_second) = (0.0, 0.0, 0.0);
    for i in 0..first.len() {
        for j in 0..i {
            let weight = weights[i] + weights[j];
            let (a, b) = (sign(first, i, j), sign(second, i, j));
            score += a * b * weight;
            norm_first += a * a * weight;
            norm_second += b * b * weight;
        }
    }
    let norm = (norm_first * norm_second).sqrt();
    (norm > 0.0).then(|| (score / norm).clamp(-1.0, 1.0))
}

fn weights(first: &[f64], second: &[f64], alpha: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..first.len()).collect();
    order.sort_by(|&i, &j| {
        compare(first[j], first[i])
            .then(compare(second[j], second[i]))
            .then(j.cmp(&i))
    });
    let mut weights = vec![0.0; first.len()];
    for (rank, index) in order.into_iter().enumerate() {
        weights[index] = ((rank + 1) as f64).powf(-alpha);
    }
    weights
}
