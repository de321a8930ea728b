use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{Attribution, ConfigError, ExplainError, Predictor, Target};

use super::Masker;
use super::perturbation::{Batching, EveryCoalition, PerturbedModel};

/// More groups would need more than 65 536 evaluations a row.
const MOST_GROUPS: usize = 16;

/// Configuration of [`ShapleyExact`].
#[derive(Config, Debug, PartialEq)]
pub struct ShapleyExactConfig {
    /// How many perturbed rows go into one call.
    #[config(default = "Batching::new()")]
    pub batching: Batching,
}

impl ShapleyExactConfig {
    /// The method.
    ///
    /// # Errors
    ///
    /// None: every setting is legal.
    pub fn init(&self) -> Result<ShapleyExact, ConfigError> {
        Ok(ShapleyExact {
            batching: self.batching,
        })
    }
}

/// Shapley values by enumeration of all coalitions.
///
/// ```text
/// φ_j = Σ_{S ∌ j} |S|! (m − |S| − 1)! / m! · (f(S ∪ j) − f(S))
/// ```
///
/// `f(S)` keeps the groups in `S` and puts the others to the baseline. At most 16 groups: the cost is `2^m`
/// evaluations a row. The groups' values sum to `f(x) − f(r)`; `convergence_delta` holds the rounding. Every
/// entry of a group gets the group's value. Peak memory is that of one call ([`Batching`]) and `2^m` scores.
///
/// Source: Shapley 1953; Lundberg and Lee 2017, arXiv 1705.07874.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::Target;
/// use candor_explain::attribution::{Masker, ShapleyExactConfig};
///
/// let model = |x: Tensor<2>| x.prod_dim(1); // the product of 6 is shared by its factors
/// let inputs = Tensor::<2>::from_floats([[2.0, 3.0]], &Device::flex());
/// let method = ShapleyExactConfig::new().init()?;
/// let explained = method.explain(&model, inputs, &Target::Output(0), &Masker::default())?;
/// assert_eq!(explained.row(0), [3.0, 3.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ShapleyExact {
    batching: Batching,
}

impl ShapleyExact {
    /// Explains each row of a batch.
    ///
    /// # Errors
    ///
    /// More than 16 groups, NaN or an infinity in inputs or baseline, shapes that do not fit, an output that does
    /// not exist, a score that is not finite.
    pub fn explain<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        target: &Target,
        masker: &Masker<D>,
    ) -> Result<Attribution<D>, ExplainError> {
        let masked = self.masked(model, inputs, target, masker)?;
        let rows = Self::values(&masked)?;
        Ok(Attribution {
            convergence_delta: Some(rows.iter().map(|row| row.delta).collect()),
            ..masked.spread(rows.iter().map(|row| row.values.as_slice()))
        })
    }

    /// One value a group, for each row of a batch.
    ///
    /// # Errors
    ///
    /// As [`explain`](Self::explain).
    pub fn explain_groups<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        target: &Target,
        masker: &Masker<D>,
    ) -> Result<Vec<Vec<f64>>, ExplainError> {
        let masked = self.masked(model, inputs, target, masker)?;
        Ok(Self::values(&masked)?
            .into_iter()
            .map(|row| row.values)
            .collect())
    }

    fn masked<'a, M: Predictor<D>, const D: usize>(
        &self,
        model: &'a M,
        inputs: Tensor<D>,
        target: &'a Target,
        masker: &Masker<D>,
    ) -> Result<PerturbedModel<'a, M, D>, ExplainError> {
        let masked = PerturbedModel::new("ShapleyExact", model, inputs, target, self.batching)?
            .masked(masker)?;
        if masked.groups() > MOST_GROUPS {
            return Err(ExplainError::TooManyFeatures {
                method: "ShapleyExact",
                features: masked.groups(),
                limit: MOST_GROUPS,
            });
        }
        Ok(masked)
    }

    fn values<M: Predictor<D>, const D: usize>(
        masked: &PerturbedModel<'_, M, D>,
    ) -> Result<Vec<RowValues>, ExplainError> {
        let groups = masked.groups();
        let weights = coalition_weights(groups);
        masked.per_row(&EveryCoalition { groups }, |_, scores| {
            let values: Vec<f64> = (0..groups)
                .map(|group| {
                    let without = (0..scores.len()).filter(|coalition| coalition >> group & 1 == 0);
                    let gain =
                        |coalition: usize| scores[coalition | 1 << group] - scores[coalition];
                    without
                        .map(|s| weights[s.count_ones() as usize] * gain(s))
                        .sum()
                })
                .collect();
            let delta = values.iter().sum::<f64>() - (scores[scores.len() - 1] - scores[0]);
            Ok(RowValues { values, delta })
        })
    }
}

struct RowValues {
    values: Vec<f64>,
    delta: f64,
}

/// `s! (m − s − 1)! / m!` for each size `s < m`.
fn coalition_weights(groups: usize) -> Vec<f64> {
    let mut weights = vec![1.0 / groups as f64];
    for size in 1..groups {
        weights.push(weights[size - 1] * size as f64 / (groups - size) as f64);
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_of_three_groups() {
        // 0! 2! / 3!, 1! 1! / 3!, 2! 0! / 3!
        let seen = coalition_weights(3);
        for (seen, wanted) in seen.iter().zip([1.0 / 3.0, 1.0 / 6.0, 1.0 / 3.0]) {
            approx::assert_abs_diff_eq!(seen, &wanted, epsilon = 1e-15);
        }
    }
}
