use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{Attribution, ConfigError, DrawKey, ExplainError, InputError, Target};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::explained::rows;
use crate::stacked;

const NAME: &str = "Sensitivity";

/// Settings of [`Sensitivity`].
#[derive(Config, Debug)]
pub struct SensitivityConfig {
    /// Perturbed inputs drawn a row.
    #[config(default = 10)]
    pub n_samples: usize,
    /// Radius of the L∞ ball that perturbations come from, in units of the input.
    #[config(default = 0.02)]
    pub radius: f64,
}

impl SensitivityConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// `n_samples` of zero; `radius` that is not finite and positive.
    pub fn init(&self) -> Result<Sensitivity, ConfigError> {
        Ok(Sensitivity {
            n_samples: ConfigError::at_least_one("SensitivityConfig", "n_samples", self.n_samples)?,
            radius: ConfigError::positive("SensitivityConfig", "radius", self.radius)?,
        })
    }
}

/// What [`Sensitivity`] found for one row; lower is better.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SensitivityReport {
    /// Largest relative change of the explanation.
    pub max: f64,
    /// Mean relative change.
    pub mean: f64,
}

/// Sensitivity: how far an explanation moves when its input hardly does.
///
/// ```text
/// max_k and mean_k of  ‖a(x + δ_k) − a(x)‖₂ / ‖a(x)‖₂,   δ_k uniform in [−radius, radius]^d
/// ```
///
/// The explanation method is a closure, so that any can be measured. It is called once for the inputs and once for
/// each draw, always with the whole batch, so that rows keep their place; its memory is the method's own.
///
/// Source: Yeh et al. (2019), On the (in)fidelity and sensitivity of explanations, arXiv 1901.09392.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_metrics::robustness::Sensitivity;
///
/// let original = Tensor::<2>::from_floats([[3.0, 4.0]], &Device::flex());
/// let perturbed = Tensor::<2>::from_floats([[3.0, 4.0], [3.0, 9.0]], &Device::flex()); // two draws of one row
/// let reports = Sensitivity::of_attributions(&original, &perturbed).unwrap();
/// assert_eq!((reports[0].max, reports[0].mean), (1.0, 0.5)); // moved by 0 and by 5, of a length of 5
/// ```
#[derive(Debug, Clone)]
pub struct Sensitivity {
    n_samples: usize,
    radius: f64,
}

impl Sensitivity {
    /// One report a row: row `r` of the batch draws from `key.row(key.row + r)`.
    ///
    /// # Errors
    ///
    /// What the method returns; explanations of another shape, not finite, or all zero for a row.
    pub fn evaluate<const D: usize>(
        &self,
        inputs: Tensor<D>,
        target: &Target,
        key: DrawKey,
        explain: impl Fn(Tensor<D>, &Target) -> Result<Attribution<D>, ExplainError>,
    ) -> Result<Vec<SensitivityReport>, ExplainError> {
        let original = rows(
            NAME,
            "attributions",
            &explain(inputs.clone(), target)?.values,
        )?;
        let mut changes = vec![Vec::with_capacity(self.n_samples); original.len()];
        for draw in 0..self.n_samples {
            let key = key.draw(key.draw + draw as u64);
            let delta = stacked::draw_like(&inputs, 0..original.len(), 1, key, |rng| {
                rng.random_range(-self.radius..=self.radius)
            });
            let moved = explain(inputs.clone() + delta, target)?.values;
            let moved = rows(NAME, "perturbed attributions", &moved)?;
            InputError::check_dims(
                NAME,
                "perturbed attributions",
                &[moved.len()],
                &[original.len()],
            )?;
            for ((changes, original), moved) in changes.iter_mut().zip(&original).zip(&moved) {
                changes.push(relative_change(original, moved)?);
            }
        }
        Ok(changes.iter().map(|changes| report(changes)).collect())
    }

    /// One report a row, from the explanations of the inputs and of their perturbed copies.
    ///
    /// # Shapes
    ///
    /// - attributions: `[batch, ..]`
    /// - perturbed_attributions: `[batch · draws, ..]`, the draws of the first row first
    ///
    /// # Errors
    ///
    /// Shapes that do not fit, values that are not finite, an explanation of zeros.
    pub fn of_attributions<const D: usize>(
        attributions: &Tensor<D>,
        perturbed_attributions: &Tensor<D>,
    ) -> Result<Vec<SensitivityReport>, InputError> {
        const PERTURBED: &str = "perturbed_attributions";
        let (batch, seen) = (attributions.dims(), perturbed_attributions.dims());
        let draws = stacked::per_row(NAME, PERTURBED, &seen, &batch)?;
        let original = rows(NAME, "attributions", attributions)?;
        let perturbed = rows(NAME, PERTURBED, perturbed_attributions)?;
        let report = |(original, perturbed): (&Vec<f64>, &[Vec<f64>])| {
            let changes = perturbed
                .iter()
                .map(|perturbed| relative_change(original, perturbed));
            Ok(report(&changes.collect::<Result<Vec<_>, _>>()?))
        };
        original
            .iter()
            .zip(perturbed.chunks(draws))
            .map(report)
            .collect()
    }
}

fn relative_change(original: &[f64], moved: &[f64]) -> Result<f64, InputError> {
    InputError::check_dims(
        NAME,
        "perturbed attributions",
        &[moved.len()],
        &[original.len()],
    )?;
    // Over the largest entry, so that squares neither overflow nor vanish.
    let scale = original
        .iter()
        .fold(0.0, |scale: f64, value| scale.max(value.abs()));
    if scale == 0.0 {
        return Err(InputError::Undefined {
            component: NAME,
            reason: "the explanation is zero, its relative change has no value",
        });
    }
    let length = |values: &mut dyn Iterator<Item = f64>| {
        values
            .map(|value| (value / scale).powi(2))
            .sum::<f64>()
            .sqrt()
    };
    let change = length(
        &mut original
            .iter()
            .zip(moved)
            .map(|(original, moved)| moved - original),
    );
    Ok(change / length(&mut original.iter().copied()))
}

fn report(changes: &[f64]) -> SensitivityReport {
    SensitivityReport {
        max: changes.iter().copied().fold(0.0, f64::max),
        mean: changes.iter().sum::<f64>() / changes.len() as f64,
    }
}
