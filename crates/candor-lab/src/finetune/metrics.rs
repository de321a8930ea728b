use std::sync::Arc;

use burn::backend::ExecutionError;
use burn::tensor::TensorReadError;
use burn::train::metric::{
    Adaptor, ItemLazy, Metric, MetricAttributes, MetricMetadata, MetricName, Numeric,
    NumericAttributes, NumericEntry, SerializedEntry,
};

use super::answer_loss::Score;

/// A mean over tokens, not over steps: the loss, or its exponential.
///
/// burn-train's own loss metric weighs every step alike, and its perplexity takes the logits.
#[derive(Debug, Clone)]
pub(super) struct TokenMetric {
    name: MetricName,
    measure: fn(Score) -> f64,
    epoch: Score,
    step: Score,
}

impl TokenMetric {
    /// Nats a token.
    pub(super) fn loss() -> Self {
        Self::of(LOSS, Score::mean)
    }

    /// The exponential of the mean loss.
    pub(super) fn perplexity() -> Self {
        Self::of(PERPLEXITY, Score::perplexity)
    }

    fn of(name: &str, measure: fn(Score) -> f64) -> Self {
        Self {
            name: Arc::new(name.to_owned()),
            measure,
            epoch: Score::default(),
            step: Score::default(),
        }
    }

    fn entry(&self, score: Score) -> NumericEntry {
        NumericEntry::Aggregated {
            aggregated_value: (self.measure)(score),
            count: score.tokens,
        }
    }

    fn serialized(&self, entry: &NumericEntry) -> SerializedEntry {
        let (epoch, step) = ((self.measure)(self.epoch), (self.measure)(self.step));
        let shown = format!("{} {epoch:.3}, last {step:.3}", self.name.to_lowercase());
        SerializedEntry::new(shown, entry.serialize())
    }
}

/// What the logs call the loss; the best epoch is found by it.
pub(super) const LOSS: &str = "Loss";
/// What the logs call the perplexity.
pub(super) const PERPLEXITY: &str = "Perplexity";

impl Metric for TokenMetric {
    type Input = Score;

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
        score: &Score,
        _metadata: &MetricMetadata,
    ) -> Result<SerializedEntry, TensorReadError> {
        self.step = *score;
        self.epoch.sum += score.sum;
        self.epoch.tokens += score.tokens;
        Ok(self.serialized(&self.entry(self.step)))
    }

    fn compute(&mut self) -> Result<SerializedEntry, TensorReadError> {
        Ok(self.serialized(&self.final_value()))
    }

    fn clear(&mut self) {
        (self.epoch, self.step) = (Score::default(), Score::default());
    }
}

impl Numeric for TokenMetric {
    fn value(&self) -> Option<NumericEntry> {
        Some(self.entry(self.step))
    }

    fn running_value(&self) -> Option<NumericEntry> {
        Some(self.entry(self.epoch))
    }

    fn final_value(&self) -> NumericEntry {
        NumericEntry::Final((self.measure)(self.epoch))
    }
}

impl Adaptor<Score> for Score {
    fn adapt(&self) -> Score {
        *self
    }
}

impl ItemLazy for Score {
    fn sync(self) -> Result<Self, ExecutionError> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use burn::data::dataloader::Progress;

    use super::*;

    #[test]
    fn every_token_weighs_alike_and_perplexity_is_of_the_mean() {
        let metadata = MetricMetadata {
            progress: Progress::new(1, 1, None),
            iteration: None,
            lr: None,
        };
        // Nine tokens at 1 nat and one at 2.
        let steps = [(9.0, 9), (2.0, 1)].map(|(sum, tokens)| Score { sum, tokens });
        for (mut metric, wanted) in [
            (TokenMetric::loss(), 1.1),
            (TokenMetric::perplexity(), 1.1f64.exp()),
        ] {
            for step in &steps {
                metric.update(step, &metadata).unwrap();
            }
            assert!((metric.final_value().current() - wanted).abs() < 1e-12);
            assert!((metric.running_value().unwrap().current() - wanted).abs() < 1e-12);
            metric.clear();
            metric.update(&steps[1], &metadata).unwrap();
            assert!(metric.final_value().current() > wanted);
        }
    }
}
