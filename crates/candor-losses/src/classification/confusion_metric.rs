use burn::tensor::Tensor;
use candor_core::ConfigError;
use candor_core::numerics::safe_div;
use serde::{Deserialize, Serialize};

use super::SoftConfusion;

/// A number computed from a confusion matrix, best at 1.
///
/// With `P` positives, `N` negatives, `n = P + N` and `S = TP + FP`:
///
/// | metric | value |
/// |---|---|
/// | `Accuracy` | (TP + TN) / n |
/// | `FBeta { beta }` | (1 + β²) TP / (β² P + S) |
/// | `BalancedAccuracy` | (TP/P + TN/N) / 2 |
/// | `GMean` | √(TP/P · TN/N), the product kept above 1e-24 |
/// | `GMeanSquared` | TP/P · TN/N |
/// | `Mcc` | (TP·TN - FP·FN) / √((TP+FP) P N (TN+FN)), of entries divided by n, the product kept above 1e-24 |
/// | `Precision` | TP / S |
/// | `Recall` | TP / P |
/// | `Specificity` | TN / N |
/// | `Jaccard` | TP / (P + FP) |
///
/// # Edge cases
///
/// A denominator of zero gives 0 with gradient 0. Where a class is missing, `BalancedAccuracy`,
/// `GMean`, `GMeanSquared` and `Mcc` are 0 with gradient 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum ConfusionMetric {
    /// Share of right predictions.
    Accuracy,
    /// Weighted harmonic mean of precision and recall.
    FBeta {
        /// How many times recall counts as much as precision; finite and > 0.
        beta: f64,
    },
    /// Mean of recall and specificity.
    BalancedAccuracy,
    /// Geometric mean of recall and specificity.
    GMean,
    /// Product of recall and specificity, without the root and its steep slope at 0.
    GMeanSquared,
    /// Matthews correlation coefficient, in [-1, 1].
    Mcc,
    /// Share of predicted positives that are.
    Precision,
    /// Share of positives that are found.
    Recall,
    /// Share of negatives that are found.
    Specificity,
    /// Intersection over union.
    Jaccard,
}

impl ConfusionMetric {
    /// The harmonic mean of precision and recall.
    pub const F1: Self = Self::FBeta { beta: 1.0 };

    /// The metric of each label, `[labels]`, differentiably.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use candor_losses::classification::{ConfusionMetric, SoftConfusion};
    ///
    /// let entry = |count| Tensor::<1>::full([1], count, &Device::flex());
    /// let confusion = SoftConfusion {
    ///     true_positives: entry(3.0), false_negatives: entry(1.0),
    ///     false_positives: entry(2.0), true_negatives: entry(4.0),
    /// };
    /// assert_eq!(ConfusionMetric::Recall.evaluate(&confusion).into_scalar::<f32>(), 0.75);
    /// ```
    pub fn evaluate(&self, confusion: &SoftConfusion) -> Tensor<1> {
        let positives = confusion.positives();
        let hits = confusion.true_positives.clone();
        match *self {
            Self::Accuracy => ratio(
                hits + confusion.true_negatives.clone(),
                positives + confusion.negatives(),
            ),
            Self::FBeta { beta } => {
                let weight = beta * beta;
                let denominator = positives * weight + confusion.predicted_positives();
                ratio(hits * (1.0 + weight), denominator)
            }
            Self::BalancedAccuracy => where_both_classes(
                confusion,
                (recall(confusion) + specificity(confusion)) * 0.5,
            ),
            Self::GMean => {
                let product = recall(confusion) * specificity(confusion);
                where_both_classes(confusion, product.clamp_min(SMALLEST_PRODUCT).sqrt())
            }
            Self::GMeanSquared => {
                where_both_classes(confusion, recall(confusion) * specificity(confusion))
            }
            Self::Mcc => where_both_classes(confusion, matthews(confusion)),
            Self::Precision => ratio(hits, confusion.predicted_positives()),
            Self::Recall => recall(confusion),
            Self::Specificity => specificity(confusion),
            Self::Jaccard => ratio(hits, positives + confusion.false_positives.clone()),
        }
    }

    /// Refuses a β that is not finite and above zero, naming the configuration it came in.
    pub(super) fn check(self, config: &'static str) -> Result<Self, ConfigError> {
        if let Self::FBeta { beta } = self {
            ConfigError::positive(config, "beta", beta)?;
        }
        Ok(self)
    }
}

/// Below it a root has a slope that no optimizer survives.
const SMALLEST_PRODUCT: f64 = 1e-24;

fn recall(confusion: &SoftConfusion) -> Tensor<1> {
    ratio(confusion.true_positives.clone(), confusion.positives())
}

fn specificity(confusion: &SoftConfusion) -> Tensor<1> {
    ratio(confusion.true_negatives.clone(), confusion.negatives())
}

fn matthews(confusion: &SoftConfusion) -> Tensor<1> {
    let rows = confusion.positives() + confusion.negatives();
    let share = |entry: &Tensor<1>| entry.clone() / rows.clone();
    let [hits, misses, alarms, rejections] = [
        share(&confusion.true_positives),
        share(&confusion.false_negatives),
        share(&confusion.false_positives),
        share(&confusion.true_negatives),
    ];
    let product = (hits.clone() + alarms.clone())
        * (hits.clone() + misses.clone())
        * (rejections.clone() + alarms.clone())
        * (rejections.clone() + misses.clone());
    (hits * rejections - alarms * misses) / product.clamp_min(SMALLEST_PRODUCT).sqrt()
}

/// The value where the batch holds both classes, 0 without gradient elsewhere.
fn where_both_classes(confusion: &SoftConfusion, value: Tensor<1>) -> Tensor<1> {
    let missing = (confusion.positives() * confusion.negatives()).equal_scalar(0.0);
    value.mask_fill(missing, 0.0)
}

/// Division that gives 0 without gradient where the denominator is 0.
///
/// Both sides are first scaled by the denominator's value: the backward pass squares the denominator, which would
/// underflow in `f32` where every row is confidently negative.
fn ratio(numerator: Tensor<1>, denominator: Tensor<1>) -> Tensor<1> {
    let scale = denominator.clone().detach().clamp_min(1e-37).recip();
    safe_div(numerator * scale.clone(), denominator * scale)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use candor_core::host::floats;

    use super::*;

    fn confusion(entries: [f64; 4]) -> SoftConfusion {
        let entry = |count: f64| Tensor::<1>::full([1], count, &Device::flex());
        SoftConfusion {
            true_positives: entry(entries[0]),
            false_negatives: entry(entries[1]),
            false_positives: entry(entries[2]),
            true_negatives: entry(entries[3]),
        }
    }

    #[test]
    fn every_metric_of_a_hand_counted_matrix() {
        // TP 3, FN 1, FP 2, TN 4: recall 3/4, specificity 4/6, precision 3/5.
        let matrix = confusion([3.0, 1.0, 2.0, 4.0]);
        let wanted = [
            (ConfusionMetric::Accuracy, 0.7),
            (ConfusionMetric::F1, 6.0 / 9.0),
            (ConfusionMetric::FBeta { beta: 2.0 }, 15.0 / 21.0),
            (ConfusionMetric::BalancedAccuracy, 17.0 / 24.0),
            (ConfusionMetric::GMean, 0.5f64.sqrt()),
            (ConfusionMetric::GMeanSquared, 0.5),
            (ConfusionMetric::Mcc, 10.0 / 600f64.sqrt()),
            (ConfusionMetric::Precision, 0.6),
            (ConfusionMetric::Recall, 0.75),
            (ConfusionMetric::Specificity, 4.0 / 6.0),
            (ConfusionMetric::Jaccard, 0.5),
        ];
        for (metric, wanted) in wanted {
            let seen = floats(&metric.evaluate(&matrix))[0];
            assert!(
                (seen - wanted).abs() < 1e-6,
                "{metric:?}: {seen}, wanted {wanted}"
            );
        }
    }

    #[test]
    fn a_missing_class_gives_zero() {
        let no_positives = confusion([0.0, 0.0, 2.0, 3.0]);
        for metric in [
            ConfusionMetric::BalancedAccuracy,
            ConfusionMetric::GMean,
            ConfusionMetric::Mcc,
            ConfusionMetric::Recall,
            ConfusionMetric::F1,
        ] {
            assert_eq!(floats(&metric.evaluate(&no_positives)), [0.0], "{metric:?}");
        }
    }
}
