use burn::tensor::Tensor;
use candor_core::host::{floats, tensor_like};
use candor_core::{DrawKey, ExplainError, InputError, Predictor, Target};
use rand::RngExt;

use super::perturbation::{Batching, Bernoulli, Draws, Normal, PerturbedModel, stream};
use super::weighted_ridge::{Regression, fit_scores};
use super::{Baseline, LinearExplanation, PerturbationSet};

/// A distribution of inputs around `x`, as displacements `u = x' − x`: one space for all methods.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::DrawKey;
/// use candor_explain::attribution::{Baseline, Neighbourhood};
///
/// let input = Tensor::<2>::from_floats([[2.0, -4.0]], &Device::flex());
/// let path = Neighbourhood::Path.displacements(&input, &Baseline::Zeros, 100, DrawKey::new(1))?;
/// // On the path u = (a − 1) x, so that u0 / u1 is x0 / x1.
/// let u = path.into_data().to_vec::<f32>()?;
/// assert!(u.chunks(2).all(|u| (u[0] / u[1] + 0.5).abs() < 1e-5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Neighbourhood {
    /// `u ~ N(0, sigma² I)`: the space of gradients, SmoothGrad and C-LIME.
    Gaussian {
        /// Standard deviation, finite and > 0.
        sigma: f64,
    },
    /// Each feature at its baseline with probability one half: the space of LIME and KernelSHAP.
    Masks,
    /// `u = (a − 1) (x − r)`, `a ~ U(0, 1)`: the space of Integrated Gradients.
    Path,
}

impl Neighbourhood {
    /// Draws displacements `[samples, features]` of one input `[1, ..]`.
    ///
    /// # Errors
    ///
    /// More rows than one, a σ that is not finite and above zero, a baseline that does not fit.
    pub fn displacements<const D: usize>(
        self,
        input: &Tensor<D>,
        baseline: &Baseline<D>,
        samples: usize,
        key: DrawKey,
    ) -> Result<Tensor<2>, ExplainError> {
        let component = "Neighbourhood";
        InputError::check_dims(component, "input", &input.dims()[..1], &[1])?;
        let baseline = floats(&baseline.expand(input)?);
        let moved: Vec<f64> = floats(input)
            .iter()
            .zip(&baseline)
            .map(|(x, r)| x - r)
            .collect();
        let (count, width) = (samples, moved.len());
        let values = match self {
            Self::Gaussian { sigma } => {
                let legal = |sigma: f64| sigma.is_finite() && sigma > 0.0;
                InputError::check_values(component, "sigma", &[sigma], "finite and > 0", legal)?;
                rows_of(
                    &Normal {
                        key,
                        count,
                        width,
                        sigma,
                    },
                    |_, noise| noise,
                )
            }
            Self::Masks => rows_of(&Bernoulli { key, count, width }, |feature, kept| {
                (kept - 1.0) * moved[feature]
            }),
            Self::Path => (0..samples)
                .flat_map(|draw| {
                    let a: f64 = stream(key, 0, draw).rng().random();
                    moved.iter().map(move |moved| (a - 1.0) * moved)
                })
                .collect(),
        };
        Ok(tensor_like(values, [count, width], input))
    }
}

fn rows_of(source: &impl Draws, map: impl Fn(usize, f64) -> f64) -> Vec<f64> {
    let width = source.width();
    let mut values = vec![0.0; source.count() * width];
    for (draw, xi) in values.chunks_mut(width.max(1)).enumerate() {
        source.write(0, draw, xi);
        for (feature, entry) in xi.iter_mut().enumerate() {
            *entry = map(feature, *entry);
        }
    }
    values
}

/// The affine least-squares fit to the score as a function of the displacement `u = x' − x`.
///
/// ```text
/// min over β, b of Σ w (f(x + u) − β·u − b)²
/// ```
///
/// Surrogates of different noises can only be compared in one space. A multiplicative one can be converted
/// ([`LinearExplanation::to_displacement`]) unless a feature sits at its baseline; this fit always exists (of
/// least norm where the displacements do not determine one). The rows of the batch share the displacements.
///
/// # Errors
///
/// As [`LocalFunctionApproximation::fit`](super::LocalFunctionApproximation::fit).
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::{DrawKey, Target};
/// use candor_explain::attribution::{Baseline, Neighbourhood, PerturbationSet, fit_on_displacement};
///
/// let model = |x: Tensor<2>| x.sum_dim(1) * 2.0;
/// let input = Tensor::<2>::from_floats([[3.0, 0.0]], &Device::flex());
/// let u = Neighbourhood::Gaussian { sigma: 1.0 }.displacements(&input, &Baseline::Zeros, 50, DrawKey::new(0))?;
/// let fit = fit_on_displacement(&model, input, &Target::Output(0), &PerturbationSet::new(u))?;
/// assert!((fit[0].weights[1] - 2.0).abs() < 1e-5 && (fit[0].bias - 6.0).abs() < 1e-5);
/// # Ok::<(), candor_core::ExplainError>(())
/// ```
pub fn fit_on_displacement<const D: usize>(
    model: &impl Predictor<D>,
    inputs: Tensor<D>,
    target: &Target,
    set: &PerturbationSet,
) -> Result<Vec<LinearExplanation>, ExplainError> {
    let component = "fit_on_displacement";
    let perturbed = PerturbedModel::new(component, model, inputs, target, Batching::new())?;
    let (given, weights) = set.read()?;
    fit_scores(&perturbed, &given, Regression::new(true, 0.0), |draw, _| {
        weights[draw]
    })
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn masks_move_a_feature_to_its_baseline_or_not_at_all() {
        let input = Tensor::<2>::from_floats([[2.0, -4.0]], &Device::flex());
        let moved = Neighbourhood::Masks
            .displacements(&input, &Baseline::Constant(1.0), 64, DrawKey::new(3))
            .unwrap();
        let values = floats(&moved);
        assert!(
            values
                .chunks(2)
                .all(|u| [0.0, -1.0].contains(&u[0]) && [0.0, 5.0].contains(&u[1]))
        );
        assert!(values.contains(&5.0) && values.contains(&-1.0));
    }

    #[test]
    fn a_batch_or_an_illegal_sigma_is_refused() {
        let two = Tensor::<2>::zeros([2, 1], &Device::flex());
        let draw = |neighbourhood: Neighbourhood, input: &Tensor<2>| {
            neighbourhood.displacements(input, &Baseline::Zeros, 1, DrawKey::default())
        };
        assert!(draw(Neighbourhood::Path, &two).is_err());
        let one = two.slice_dim(0, 0..1);
        assert!(draw(Neighbourhood::Gaussian { sigma: f64::NAN }, &one).is_err());
    }
}
