use candor_core::InputError;
use serde::{Deserialize, Serialize};

/// How [`lr_sensitivity`] averages over the learning rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LrWeighting {
    /// The plain mean: right for rates that are equally spaced on a logarithmic scale.
    Mean,
    /// The integral over the logarithm of the rate by trapezia, for uneven sweeps.
    TrapezoidLog,
}

/// What [`lr_sensitivity`] gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LrSensitivity {
    /// The mean loss over the sweep above the best one; 0 is insensitive.
    pub sensitivity: f64,
    /// The best loss of the sweep, at most the initial one.
    pub best_loss: f64,
    /// Where it was reached: the lowest such rate.
    pub best_lr: f64,
}

/// How much a recipe loses when the learning rate is not the best one.
///
/// ```text
/// S = E [ min(ℓ(η), ℓ₀) - ℓ* ],   η log-uniform over the sweep, ℓ₀ the loss at initialisation, ℓ* = min over the sweep
/// ```
///
/// A run that diverged (`None`, NaN or infinite) counts as ℓ₀, and so does one that ended above it. Small sensitivity at
/// small scale means that the recipe will also stand a larger scale. Rates may come in any order.
///
/// **S = 0 with `best_loss` = ℓ₀ does not mean stable: no run learned anything.** S depends on the range of the sweep:
/// never compare numbers of different sweeps.
///
/// # Errors
///
/// No rate, differing lengths, a rate that is not finite and above zero or comes twice, an initial loss that is not
/// finite.
///
/// Source: Wortsman et al., 2023, arXiv 2309.14322.
///
/// ```
/// use candor_metrics::training::{LrWeighting, lr_sensitivity};
///
/// let losses = [Some(3.0), Some(2.0), None]; // the last run diverged and counts as 5
/// let s = lr_sensitivity(&[1e-3, 1e-2, 1e-1], &losses, 5.0, LrWeighting::Mean).unwrap();
/// assert!((s.sensitivity - 4.0 / 3.0).abs() < 1e-12);
/// assert_eq!((s.best_loss, s.best_lr), (2.0, 1e-2));
/// ```
pub fn lr_sensitivity(
    lrs: &[f64],
    losses: &[Option<f64>],
    initial_loss: f64,
    weighting: LrWeighting,
) -> Result<LrSensitivity, InputError> {
    check_sweep(lrs, losses, initial_loss)?;
    let mut sweep: Vec<(f64, f64)> = lrs
        .iter()
        .zip(losses)
        .map(|(&lr, loss)| {
            let ended = loss.filter(|loss| loss.is_finite());
            (
                lr,
                ended.map_or(initial_loss, |loss| loss.min(initial_loss)),
            )
        })
        .collect();
    sweep.sort_by(|a, b| a.0.total_cmp(&b.0));
    if sweep.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
        return Err(InputError::Undefined {
            component: NAME,
            reason: "a learning rate comes twice",
        });
    }
    let (best_lr, best_loss) =
        sweep
            .iter()
            .copied()
            .fold((f64::NAN, f64::INFINITY), |best, run| {
                if run.1 < best.1 { run } else { best }
            });
    let lost: Vec<(f64, f64)> = sweep
        .iter()
        .map(|&(lr, loss)| (lr.ln(), loss - best_loss))
        .collect();
    Ok(LrSensitivity {
        sensitivity: average(&lost, weighting),
        best_loss,
        best_lr,
    })
}

const NAME: &str = "lr_sensitivity";

fn check_sweep(lrs: &[f64], losses: &[Option<f64>], initial_loss: f64) -> Result<(), InputError> {
    InputError::check_not_empty(NAME, "lrs", lrs.len())?;
    InputError::check_dims(NAME, "losses", &[losses.len()], &[lrs.len()])?;
    InputError::check_finite(NAME, "initial_loss", &[initial_loss])?;
    InputError::check_values(NAME, "lrs", lrs, "finite and > 0", |lr| {
        lr.is_finite() && lr > 0.0
    })
}

/// Of values at places in ascending order.
fn average(points: &[(f64, f64)], weighting: LrWeighting) -> f64 {
    let trapezia = points.windows(2).map(|pair| {
        let width = pair[1].0 - pair[0].0;
        (width, width * 0.5 * (pair[0].1 + pair[1].1))
    });
    let (width, area) = trapezia.fold((0.0, 0.0), |sum, (width, area)| {
        (sum.0 + width, sum.1 + area)
    });
    if weighting == LrWeighting::TrapezoidLog && width > 0.0 {
        area / width
    } else {
        points.iter().map(|point| point.1).sum::<f64>() / points.len() as f64
    }
}
