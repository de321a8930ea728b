use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{Attribution, ConfigError, DrawKey, ExplainError, InputError, Predictor, Target};
use serde::{Deserialize, Serialize};

use super::coalition_draws::SizedCoalitions;
use super::perturbation::{Batching, Draws, EveryCoalition, Path, PerturbedModel};
use super::weighted_ridge::{Regression, WeightedRidge, fit_scores};
use super::{Coalitions, LinearExplanation, Masker};

/// Weight of the empty and the full mask in the penalised regression, as in Captum.
const END_WEIGHT: f64 = 1e6;

/// How the sum of the Shapley values is held to `f(x) − f(r)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KernelShapMode {
    /// Exactly, by eliminating one value.
    Constrained,
    /// Nearly, by a weight of 1e6 on the empty and the full mask (Captum). Ill conditioned; for comparison.
    Penalized,
}

/// Configuration of [`KernelShap`].
#[derive(Config, Debug, PartialEq)]
pub struct KernelShapConfig {
    /// Coalitions S a row: ≥ 1.
    #[config(default = 1000)]
    pub n_samples: usize,
    /// How the sum is held.
    #[config(default = "KernelShapMode::Constrained")]
    pub mode: KernelShapMode,
    /// How many coalitions and rows go into one call.
    #[config(default = "Batching::new()")]
    pub batching: Batching,
}

impl KernelShapConfig {
    /// The method.
    ///
    /// # Errors
    ///
    /// No coalition.
    pub fn init(&self) -> Result<KernelShap, ConfigError> {
        Ok(KernelShap {
            n_samples: ConfigError::at_least_one("KernelShapConfig", "n_samples", self.n_samples)?,
            mode: self.mode,
            batching: self.batching,
        })
    }
}

/// Shapley values by a weighted regression of the score on coalitions of features.
///
/// ```text
/// π(s) = (m − 1) / (C(m, s) s (m − s)),  s = |z|                    Shapley kernel, infinite at s = 0 and s = m
/// min over φ of Σ_i w_i (f(x_{z_i}) − f(r) − φ·z_i)²   subject to   Σ φ = f(x) − f(r)
/// ```
///
/// With all `2^m` masks this is exactly [`ShapleyExact`](super::ShapleyExact). Where `2^m − 2 ≤ n_samples`,
/// [`explain`](Self::explain) takes them all with weight π; else it draws sizes with
/// `p(s) ∝ π(s) C(m, s)`, a uniform subset of that size, and its complement, all of weight 1: the draw is
/// the kernel. `convergence_delta` is `Σ φ − (f(x) − f(r))`. Every entry of a group gets the group's value. One
/// group alone gets the whole difference. Masks that do not determine φ give the values of least norm.
///
/// Cost: S + 2 evaluations a row. Peak memory is that of one call ([`Batching`]), S scores, and `(m + 2)²` numbers
/// of the regression, whatever S.
///
/// Source: Lundberg and Lee 2017, arXiv 1705.07874; pairs: Covert and Lee 2021, arXiv 2012.01536.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::{DrawKey, Target};
/// use candor_explain::attribution::{KernelShapConfig, Masker};
///
/// let model = |x: Tensor<2>| x.prod_dim(1); // the product of 6 is shared by its factors
/// let inputs = Tensor::<2>::from_floats([[2.0, 3.0]], &Device::flex());
/// let shap = KernelShapConfig::new().init()?;
/// let explained = shap.explain(&model, inputs, &Target::Output(0), &Masker::default(), DrawKey::new(7))?;
/// assert!(explained.row(0).iter().all(|value| (value - 3.0).abs() < 1e-6));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct KernelShap {
    n_samples: usize,
    mode: KernelShapMode,
    batching: Batching,
}

impl KernelShap {
    /// Explains each row of a batch with coalitions of its own: row `r` uses the stream of `key.row + r`.
    ///
    /// # Errors
    ///
    /// NaN or an infinity in inputs or baseline, shapes that do not fit, an output that does not exist, a score
    /// that is not finite, more groups than the memory budget has room for, a single group in penalised mode.
    pub fn explain<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        target: &Target,
        masker: &Masker<D>,
        key: DrawKey,
    ) -> Result<Attribution<D>, ExplainError> {
        let masked = self.masked(model, inputs, target, masker)?;
        let (groups, count) = (masked.groups(), self.n_samples);
        let (fits, ends) = match self.mode {
            KernelShapMode::Penalized => {
                let source = SizedCoalitions::with_ends(key, groups, count);
                penalized(&masked, &source, |_| 1.0)?
            }
            KernelShapMode::Constrained if enumerable(groups, count) => {
                let sizes = (0..1usize << groups).map(|coalition| coalition.count_ones() as usize);
                let weights = kernel_weights(groups, sizes.map(|size| (size, 1)));
                constrained(&masked, &EveryCoalition { groups }, |draw| weights[draw])?
            }
            KernelShapMode::Constrained => constrained(
                &masked,
                &SizedCoalitions::paired(key, groups, count),
                |_| 1.0,
            )?,
        };
        Ok(explained(&masked, &fits, &ends))
    }

    /// Explains with given masks and how often each occurs (`None`: once), the same for every row.
    ///
    /// In constrained mode a mask weighs `count · π(|z|)`: pass distinct masks of a design, not draws from the
    /// kernel, whose frequency is the weight already. In penalised mode it weighs `count`.
    ///
    /// # Errors
    ///
    /// As [`explain`](Self::explain), and masks of another number of groups, another number of counts than masks, no
    /// mask, or in constrained mode none but the empty and the full.
    pub fn explain_with<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        target: &Target,
        masker: &Masker<D>,
        coalitions: &Coalitions,
        counts: Option<&[usize]>,
    ) -> Result<Attribution<D>, ExplainError> {
        let masked = self.masked(model, inputs, target, masker)?;
        let (fits, ends) = self.fit(&masked, coalitions, counts)?;
        Ok(explained(&masked, &fits, &ends))
    }

    /// The regression of each row for given masks: one Shapley value a group, and `f(r)` as bias.
    ///
    /// # Errors
    ///
    /// As [`explain_with`](Self::explain_with).
    pub fn surrogates_with<const D: usize>(
        &self,
        model: &impl Predictor<D>,
        inputs: Tensor<D>,
        target: &Target,
        masker: &Masker<D>,
        coalitions: &Coalitions,
        counts: Option<&[usize]>,
    ) -> Result<Vec<LinearExplanation>, ExplainError> {
        Ok(self
            .fit(
                &self.masked(model, inputs, target, masker)?,
                coalitions,
                counts,
            )?
            .0)
    }

    fn masked<'a, M: Predictor<D>, const D: usize>(
        &self,
        model: &'a M,
        inputs: Tensor<D>,
        target: &'a Target,
        masker: &Masker<D>,
    ) -> Result<PerturbedModel<'a, M, D>, ExplainError> {
        let masked = PerturbedModel::new("KernelShap", model, inputs, target, self.batching)?
            .masked(masker)?;
        if self.mode == KernelShapMode::Penalized && masked.groups() < 2 {
            let reason = "the penalised regression needs two groups of features or more";
            return Err(undefined(reason));
        }
        Ok(masked)
    }

    fn fit<M: Predictor<D>, const D: usize>(
        &self,
        masked: &PerturbedModel<'_, M, D>,
        coalitions: &Coalitions,
        counts: Option<&[usize]>,
    ) -> Result<Fitted, ExplainError> {
        let ones = vec![1; coalitions.count()];
        let counts = counts.unwrap_or(&ones);
        InputError::check_dims(
            "KernelShap",
            "coalitions",
            &[coalitions.groups()],
            &[masked.groups()],
        )?;
        InputError::check_dims(
            "KernelShap",
            "counts",
            &[counts.len()],
            &[coalitions.count()],
        )?;
        match self.mode {
            KernelShapMode::Penalized => penalized(masked, coalitions, |draw| counts[draw] as f64),
            KernelShapMode::Constrained => {
                let sizes = (0..coalitions.count()).map(|draw| coalitions.size(draw));
                let weights =
                    kernel_weights(coalitions.groups(), sizes.zip(counts.iter().copied()));
                constrained(masked, coalitions, |draw| weights[draw])
            }
        }
    }
}

/// The score with all groups kept, and with none.
#[derive(Debug, Clone, Copy)]
struct Ends {
    full: f64,
    empty: f64,
}

/// The regression and the ends of each row.
type Fitted = (Vec<LinearExplanation>, Vec<Ends>);

/// Eliminates the last value: `φ_m = f(x) − f(r) − Σ_{j<m} φ_j`.
fn constrained<M: Predictor<D>, const D: usize>(
    masked: &PerturbedModel<'_, M, D>,
    source: &impl Draws,
    weight: impl Fn(usize) -> f64,
) -> Result<Fitted, ExplainError> {
    let ends = ends(masked)?;
    let last = masked.groups() - 1;
    if last == 0 {
        let whole = |end: &Ends| LinearExplanation {
            weights: vec![end.full - end.empty],
            bias: end.empty,
            r2: None,
            local_pred: end.full,
        };
        return Ok((ends.iter().map(whole).collect(), ends));
    }
    let mut z = vec![0.0; masked.groups()];
    let fits = masked.per_row(source, |row, scores| {
        let Ends { full, empty } = ends[row];
        let mut solver = WeightedRidge::new("KernelShap", last, false, masked.memory())?;
        for (draw, score) in scores.iter().enumerate() {
            source.write(row, draw, &mut z);
            let eliminated = z[last];
            let value = score - empty - eliminated * (full - empty);
            for kept in &mut z {
                *kept -= eliminated;
            }
            solver.add(&z[..last], value, weight(draw));
        }
        let mut weights = solver.solve(0.0)?.weights;
        weights.push(full - empty - weights.iter().sum::<f64>());
        Ok(LinearExplanation {
            local_pred: empty + weights.iter().sum::<f64>(),
            weights,
            bias: empty,
            r2: None,
        })
    })?;
    Ok((fits, ends))
}

/// Ordinary weighted least squares, with the two ends at a weight that nearly pins them.
fn penalized<M: Predictor<D>, const D: usize>(
    masked: &PerturbedModel<'_, M, D>,
    source: &impl Draws,
    count: impl Fn(usize) -> f64,
) -> Result<Fitted, ExplainError> {
    let fits = fit_scores(masked, source, Regression::new(true, 0.0), |draw, z| {
        let same = z
            .windows(2)
            .all(|pair| pair[0].to_bits() == pair[1].to_bits());
        count(draw) * if same { END_WEIGHT } else { 1.0 }
    })?;
    Ok((fits, ends(masked)?))
}

fn ends<M: Predictor<D>, const D: usize>(
    masked: &PerturbedModel<'_, M, D>,
) -> Result<Vec<Ends>, ExplainError> {
    masked.per_row(&Path(&[1.0, 0.0]), |_, scores| {
        Ok(Ends {
            full: scores[0],
            empty: scores[1],
        })
    })
}

fn explained<M: Predictor<D>, const D: usize>(
    masked: &PerturbedModel<'_, M, D>,
    fits: &[LinearExplanation],
    ends: &[Ends],
) -> Attribution<D> {
    let delta = |(fit, end): (&LinearExplanation, &Ends)| {
        fit.weights.iter().sum::<f64>() - (end.full - end.empty)
    };
    Attribution {
        convergence_delta: Some(fits.iter().zip(ends).map(delta).collect()),
        ..masked.spread(fits.iter().map(|fit| fit.weights.as_slice()))
    }
}

fn enumerable(groups: usize, samples: usize) -> bool {
    let all = u32::try_from(groups)
        .ok()
        .and_then(|groups| 1usize.checked_shl(groups));
    all.is_some_and(|all| all.saturating_sub(2) <= samples)
}

/// `count · π(size)` up to a common factor, 0 at the ends, for `(size, count)` of each mask.
///
/// In log space, with the largest taken out: C(m, s) leaves `f64` at about a thousand groups.
fn kernel_weights(groups: usize, masks: impl Iterator<Item = (usize, usize)> + Clone) -> Vec<f64> {
    let mut log_factorial = vec![0.0];
    for n in 1..=groups {
        log_factorial.push(log_factorial[n - 1] + (n as f64).ln());
    }
    let log_kernel = |size: usize| {
        let (rest, size_f) = (groups - size, size as f64);
        log_factorial[size] + log_factorial[rest] - size_f.ln() - (rest as f64).ln()
    };
    let inner = |&(size, count): &(usize, usize)| size > 0 && size < groups && count > 0;
    let largest = masks
        .clone()
        .filter(inner)
        .map(|(size, _)| log_kernel(size))
        .fold(f64::NEG_INFINITY, f64::max);
    masks
        .map(|mask| {
            let (size, count) = mask;
            if inner(&mask) {
                count as f64 * (log_kernel(size) - largest).exp()
            } else {
                0.0
            }
        })
        .collect()
}

fn undefined(reason: &'static str) -> ExplainError {
    ExplainError::Input(InputError::Undefined {
        component: "KernelShap",
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_of_four_groups() {
        // π(1) = π(3) = 3/12, π(2) = 3/24: half as much.
        let weights = kernel_weights(4, [(1, 1), (2, 3), (3, 1), (0, 1), (4, 1)].into_iter());
        for (seen, wanted) in weights.iter().zip([1.0, 1.5, 1.0, 0.0, 0.0]) {
            approx::assert_abs_diff_eq!(seen, &wanted, epsilon = 1e-12);
        }
    }

    #[test]
    fn the_kernel_of_thousands_of_groups_does_not_vanish() {
        let weights = kernel_weights(3000, [(1500, 1), (1499, 1)].into_iter());
        assert!(weights[0] > 0.9 && weights[1] > 0.9);
    }

    #[test]
    fn enumeration_is_for_few_groups() {
        assert!(enumerable(4, 14) && !enumerable(4, 13) && !enumerable(200, usize::MAX));
    }
}
