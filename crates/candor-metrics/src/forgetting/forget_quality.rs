use candor_core::InputError;
use serde::{Deserialize, Serialize};

use super::{TruthRatio, ks_two_sample};

/// Result of [`forget_quality`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ForgetQuality {
    /// Kolmogorov-Smirnov distance between the truth ratios of both models.
    pub statistic: f64,
    /// Its p-value: the forget quality. Near 1 the models cannot be told apart.
    pub p_value: f64,
    /// Decimal logarithm of the p-value, as it is usually plotted.
    pub log10_p_value: f64,
}

/// TOFU's forget quality: can the unlearned model's truth ratios be told from those of a model that never saw the
/// forget set?
///
/// Both are measured on the forget set; the p-value is that of [`ks_two_sample`]. A value above 0.05 is usually
/// called forgotten. It depends on the number of questions: compare it between equal sets only.
///
/// # Errors
///
/// An empty list of ratios.
///
/// Source: Maini et al. (2024), TOFU, arXiv 2401.06121.
///
/// ```
/// use candor_metrics::forgetting::{TruthRatio, forget_quality};
///
/// let truth = TruthRatio::of(&[vec![1.0], vec![2.0]], &[0.0, 0.5]).unwrap();
/// let quality = forget_quality(&truth, &truth).unwrap();
/// assert_eq!((quality.p_value, quality.log10_p_value), (1.0, 0.0));
/// ```
pub fn forget_quality(
    unlearned: &TruthRatio,
    retrained: &TruthRatio,
) -> Result<ForgetQuality, InputError> {
    let test = ks_two_sample(&unlearned.ratio, &retrained.ratio)?;
    Ok(ForgetQuality {
        statistic: test.statistic,
        p_value: test.p_value,
        log10_p_value: test.p_value.log10(),
    })
}
