use std::num::NonZeroUsize;

use candor_core::ConfigError;
use gauss_quad::GaussLegendre;
use serde::{Deserialize, Serialize};

/// A rule for the integral over `[0, 1]`, as nodes `a_k` and weights `ω_k` that sum to 1.
///
/// | rule | nodes of n steps | weights |
/// |---|---|---|
/// | `GaussLegendre` | `(t_k + 1) / 2`, `t` the roots of the Legendre polynomial | half the rule's on `[-1, 1]` |
/// | `RiemannLeft` | `k / n` | `1 / n` |
/// | `RiemannRight` | `(k + 1) / n` | `1 / n` |
/// | `RiemannMiddle` | `(k + 1/2) / n` | `1 / n` |
/// | `RiemannTrapezoid` (n ≥ 2) | `k / (n − 1)` | `1 / (n − 1)`, half of it at both ends |
///
/// Captum's trapezoid has weights `1 / n`, which sum to less than 1 and break completeness.
///
/// ```
/// use candor_explain::attribution::Quadrature;
///
/// let (nodes, weights) = Quadrature::RiemannTrapezoid.rule(3)?;
/// assert_eq!((nodes, weights), (vec![0.0, 0.5, 1.0], vec![0.25, 0.5, 0.25]));
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quadrature {
    /// Exact for polynomials of degree `2n − 1`.
    GaussLegendre,
    /// Left ends of equal intervals.
    RiemannLeft,
    /// Right ends of equal intervals.
    RiemannRight,
    /// Middles of equal intervals.
    RiemannMiddle,
    /// Ends of equal intervals, the outer ones at half weight.
    RiemannTrapezoid,
}

impl Quadrature {
    /// Nodes and weights of a number of steps.
    ///
    /// # Errors
    ///
    /// No step, or a trapezoid of one.
    pub fn rule(self, steps: usize) -> Result<(Vec<f64>, Vec<f64>), ConfigError> {
        let wrong = |legal| ConfigError::out_of_range("Quadrature", "n_steps", steps, legal);
        let count = NonZeroUsize::new(steps).ok_or_else(|| wrong(">= 1"))?;
        let riemann = |offset: f64| {
            let nodes = (0..steps)
                .map(|k| (k as f64 + offset) / steps as f64)
                .collect();
            Ok((nodes, vec![1.0 / steps as f64; steps]))
        };
        match self {
            Self::GaussLegendre => Ok(GaussLegendre::new(count)
                .as_node_weight_pairs()
                .iter()
                .map(|(node, weight)| (f64::midpoint(*node, 1.0), weight / 2.0))
                .unzip()),
            Self::RiemannLeft => riemann(0.0),
            Self::RiemannRight => riemann(1.0),
            Self::RiemannMiddle => riemann(0.5),
            Self::RiemannTrapezoid if steps < 2 => Err(wrong(">= 2 for the trapezoid rule")),
            Self::RiemannTrapezoid => {
                let last = steps - 1;
                let half = |k: usize| if k == 0 || k == last { 0.5 } else { 1.0 };
                Ok((0..steps)
                    .map(|k| (k as f64 / last as f64, half(k) / last as f64))
                    .unzip())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_integrates_a_constant_and_gauss_a_cubic() {
        use Quadrature::{
            GaussLegendre, RiemannLeft, RiemannMiddle, RiemannRight, RiemannTrapezoid,
        };
        for rule in [
            GaussLegendre,
            RiemannLeft,
            RiemannRight,
            RiemannMiddle,
            RiemannTrapezoid,
        ] {
            let (_, weights) = rule.rule(7).unwrap();
            approx::assert_abs_diff_eq!(weights.iter().sum::<f64>(), 1.0, epsilon = 1e-14);
        }
        let (nodes, weights) = GaussLegendre.rule(2).unwrap();
        let cubic: f64 = nodes.iter().zip(&weights).map(|(a, w)| w * a.powi(3)).sum();
        approx::assert_abs_diff_eq!(cubic, 0.25, epsilon = 1e-14);
        assert_eq!(GaussLegendre.rule(1).unwrap(), (vec![0.5], vec![1.0]));
    }
}
