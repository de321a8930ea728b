//! Statistics of stability as metrics of burn-train, to be logged beside the loss.
//!
//! An output that adapts to [`LogZInput`] or [`AttentionLogitInput`] can be watched; burn-train's `ClassificationOutput`
//! adapts to the first. The value of a step is its own, that of an epoch the largest of its steps: a maximum is what
//! tells of a divergence, and a mean would hide it.

use std::marker::PhantomData;
use std::sync::Arc;

use burn::tensor::{Tensor, TensorReadError};
use burn::train::ClassificationOutput;
use burn::train::metric::{
    Adaptor, Metric, MetricAttributes, MetricMetadata, MetricName, Numeric, NumericAttributes,
    NumericEntry, SerializedEntry,
};
use candor_core::InputError;

use super::{AttentionLogitStats, LogZStats};

/// Output logits of a step, `[rows, classes]`.
#[derive(Debug, Clone)]
pub struct LogZInput(pub Tensor<2>);

/// Attention logits of a step before the mask, `[batch, heads, queries, keys]`, one tensor a layer.
#[derive(Debug, Clone)]
pub struct AttentionLogitInput(pub Vec<Tensor<4>>);

/// A statistic of training that is watched for its largest value.
pub trait WatchedStatistic {
    /// What the metric is called.
    const NAME: &'static str;

    /// The statistic of a step.
    ///
    /// # Errors
    ///
    /// An input for which there is none; the metric then logs an infinite value.
    fn measure(&self) -> Result<f64, InputError>;
}

impl WatchedStatistic for LogZInput {
    const NAME: &'static str = "log Z RMS";

    fn measure(&self) -> Result<f64, InputError> {
        Ok(LogZStats::of(&self.0)?.rms)
    }
}

impl WatchedStatistic for AttentionLogitInput {
    const NAME: &'static str = "Max attention logit";

    fn measure(&self) -> Result<f64, InputError> {
        self.0.iter().try_fold(0.0, |max: f64, logits| {
            Ok(max.max(AttentionLogitStats::of_logits(logits)?.max))
        })
    }
}

impl Adaptor<LogZInput> for ClassificationOutput {
    fn adapt(&self) -> LogZInput {
        LogZInput(self.output.clone())
    }
}

/// Root mean square of log Z: the output logits' drift.
pub type LogZMetric = WatchedMetric<LogZInput>;

/// The largest attention logit of all layers and heads.
pub type AttentionLogitMetric = WatchedMetric<AttentionLogitInput>;

/// A [`WatchedStatistic`] as a metric of burn-train.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_metrics::training::burn_train::{LogZInput, LogZMetric, WatchedStatistic};
///
/// let metric = LogZMetric::new(); // for SupervisedTraining::metrics
/// let logits = Tensor::<2>::from_floats([[3.0], [3.0]], &Device::flex());
/// assert_eq!(LogZInput(logits).measure().unwrap(), 3.0);
/// # drop(metric);
/// ```
#[derive(Debug)]
pub struct WatchedMetric<S> {
    name: MetricName,
    step: f64,
    epoch: f64,
    steps: usize,
    statistic: PhantomData<fn(S)>,
}

impl<S: WatchedStatistic> WatchedMetric<S> {
    /// A metric that has seen nothing yet.
    pub fn new() -> Self {
        Self {
            name: Arc::new(S::NAME.to_owned()),
            step: 0.0,
            epoch: 0.0,
            steps: 0,
            statistic: PhantomData,
        }
    }

    fn serialized(&self, entry: &NumericEntry) -> SerializedEntry {
        let shown = format!("epoch {:.3} - batch {:.3}", self.epoch, self.step);
        SerializedEntry::new(shown, entry.serialize())
    }
}

impl<S: WatchedStatistic> Default for WatchedMetric<S> {
    fn default() -> Self {
        Self::new()
    }
}

// Not derived: that would ask the statistic to be cloneable.
impl<S> Clone for WatchedMetric<S> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            ..*self
        }
    }
}

impl<S: WatchedStatistic> Metric for WatchedMetric<S> {
    type Input = S;

    fn name(&self) -> MetricName {
        self.name.clone()
    }

    fn attributes(&self) -> MetricAttributes {
        NumericAttributes {
            unit: None,
            higher_is_better: false,
        }
        .into()
    }

    fn update(
        &mut self,
        statistic: &S,
        _metadata: &MetricMetadata,
    ) -> Result<SerializedEntry, TensorReadError> {
        // What has no value has diverged.
        self.step = statistic.measure().unwrap_or(f64::INFINITY);
        self.epoch = self.epoch.max(self.step);
        self.steps += 1;
        Ok(self.serialized(&NumericEntry::Value(self.step)))
    }

    fn compute(&mut self) -> Result<SerializedEntry, TensorReadError> {
        Ok(self.serialized(&self.final_value()))
    }

    fn clear(&mut self) {
        (self.step, self.epoch, self.steps) = (0.0, 0.0, 0);
    }
}

impl<S: WatchedStatistic> Numeric for WatchedMetric<S> {
    fn value(&self) -> Option<NumericEntry> {
        (self.steps > 0).then_some(NumericEntry::Value(self.step))
    }

    fn running_value(&self) -> Option<NumericEntry> {
        (self.steps > 0).then_some(NumericEntry::Value(self.epoch))
    }

    fn final_value(&self) -> NumericEntry {
        NumericEntry::Final(self.epoch)
    }
}

#[cfg(test)]
mod tests {
    use burn::data::dataloader::Progress;
    use burn::tensor::Device;

    use super::*;

    fn metadata() -> MetricMetadata {
        MetricMetadata {
            progress: Progress::new(1, 1, None),
            iteration: None,
            lr: None,
        }
    }

    fn logits(value: f32) -> Tensor<4> {
        Tensor::full([1, 1, 1, 2], value, &Device::flex())
    }

    #[test]
    #[allow(clippy::unwrap_used, clippy::float_cmp)]
    fn a_step_shows_its_own_value_and_an_epoch_the_largest() {
        let mut metric = AttentionLogitMetric::new();
        assert!(metric.value().is_none());
        for layers in [[-7.0, 2.0], [1.0, 3.0]] {
            let step = AttentionLogitInput(layers.map(logits).to_vec());
            metric.update(&step, &metadata()).unwrap();
        }
        assert_eq!(metric.value().unwrap().current(), 3.0);
        assert_eq!(metric.final_value().current(), 7.0);
        metric.clear();
        assert!(metric.running_value().is_none());
    }

    #[test]
    #[allow(clippy::unwrap_used)]
    fn a_statistic_without_a_value_is_logged_as_infinite() {
        let mut metric = LogZMetric::new();
        let lost = LogZInput(Tensor::full([1, 2], f32::NAN, &Device::flex()));
        metric.update(&lost, &metadata()).unwrap();
        assert!(metric.final_value().current().is_infinite());
    }
}
