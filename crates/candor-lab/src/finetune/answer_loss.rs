use burn::nn::loss::Reduction;
use burn::tensor::{FloatDType, Tensor};
use candor_core::ConfigError;
use candor_core::linear::{LinearCrossEntropy, LinearCrossEntropyConfig, LinearLogits};
use candor_models::causal_lm::CausalLm;

use super::batches::{Loader, Part, read};
use super::cast::cast;
use crate::run::RunError;

/// Cross-entropy of the answers' tokens; what was asked, and what fills rows up, counts for nothing.
///
/// Only the positions before a token of an answer reach the head, and the logits of none are ever in memory at once.
#[derive(Debug, Clone)]
pub(super) struct AnswerLoss {
    cross_entropy: LinearCrossEntropy,
    precision: FloatDType,
}

/// How well answers are predicted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Score {
    /// Minus the log-likelihood of all tokens, in nats.
    pub(super) sum: f64,
    /// How many tokens there are.
    pub(super) tokens: usize,
}

impl Score {
    /// Nats a token.
    pub(super) fn mean(self) -> f64 {
        self.sum / self.tokens as f64
    }

    /// `exp` of the mean: among how many equally likely tokens the model might as well choose.
    pub(super) fn perplexity(self) -> f64 {
        self.mean().exp()
    }
}

impl AnswerLoss {
    /// The loss of a network that computes in this precision.
    pub(super) fn new(precision: FloatDType) -> Result<Self, ConfigError> {
        Ok(Self {
            cross_entropy: LinearCrossEntropyConfig::new().init()?,
            precision,
        })
    }

    /// The model as it computes.
    pub(super) fn computing(&self, model: &CausalLm) -> CausalLm {
        cast(model.clone(), self.precision)
    }

    /// The sum over a part's tokens, in nats, `[1]`.
    pub(super) fn sum(&self, model: &CausalLm, part: &Part) -> Tensor<1> {
        let model = self.computing(model);
        let hidden = model.hidden_states(part.ids.clone(), None);
        let [rows, columns, width] = hidden.dims();
        let asked = hidden
            .reshape([rows * columns, width])
            .select(0, part.places.clone());
        let logits = LinearLogits::new(asked, model.head_weight());
        self.cross_entropy
            .forward(logits, part.targets.clone(), Reduction::Sum)
    }

    /// How well a model in inference mode predicts the answers of all rows.
    pub(super) fn score(&self, model: &CausalLm, rows: &Loader) -> Result<Score, RunError> {
        let mut score = Score::default();
        for step in rows.iter() {
            let step = read(step)?;
            score.sum += self.read_sum(model, &step.parts);
            score.tokens += step.tokens;
        }
        if score.sum.is_finite() {
            return Ok(score);
        }
        Err(RunError::Training {
            stage: "held-out rows".to_owned(),
            reason: format!(
                "their loss is {}; the weights hold numbers that are not finite, begin with others or lower train.lr",
                score.sum
            ),
        })
    }

    /// The sum over parts, read from the device.
    pub(super) fn read_sum(&self, model: &CausalLm, parts: &[Part]) -> f64 {
        let sums = parts.iter().map(|part| self.sum(model, part));
        sums.map(|sum| sum.into_data().iter::<f64>().sum::<f64>())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;
    use std::sync::Arc;

    use burn::data::dataloader::batcher::Batcher;
    use burn::tensor::Device;
    use candor_models::causal_lm::CausalLmConfig;

    use super::super::batches::StepBatcher;
    use super::super::examples::Example;
    use super::*;

    fn model(device: &Device) -> CausalLm {
        CausalLmConfig::new(16, 8, 16, 2, 2, 1, 4)
            .init_seeded(device, 1)
            .unwrap()
    }

    fn example(ids: &[u32], prompt: usize) -> Arc<Example> {
        Arc::new(Example {
            line: 1,
            ids: ids.to_vec(),
            prompt,
            asked: String::new(),
            answer: String::new(),
        })
    }

    fn sum(rows: &[Arc<Example>], filler: u32) -> f64 {
        let device = Device::flex();
        let batcher = StepBatcher {
            micro_batch: rows.len(),
            filler,
        };
        let step = batcher.batch(rows.to_vec(), &device);
        let loss = AnswerLoss::new(FloatDType::F32).unwrap();
        loss.read_sum(&model(&device), &step.parts)
    }

    #[test]
    fn the_loss_is_the_likelihood_of_the_answer_alone() {
        let ids = [3, 7, 1, 12, 2];
        let all = model(&Device::flex()).token_log_likelihoods(&ids).unwrap();
        for prompt in 1..ids.len() {
            // The likelihoods begin with the second token.
            let wanted = -all[prompt - 1..].iter().sum::<f64>();
            assert!((sum(&[example(&ids, prompt)], 0) - wanted).abs() < 1e-4);
        }
    }

    #[test]
    fn what_fills_a_row_up_changes_nothing() {
        let (short, long) = (example(&[3, 7, 1], 1), example(&[5, 6, 2, 8, 4, 9, 11], 4));
        let apart = sum(from_ref(&short), 0) + sum(from_ref(&long), 0);
        for filler in [0, 15] {
            let together = sum(&[short.clone(), long.clone()], filler);
            assert!((together - apart).abs() < 1e-4, "{together} {apart}");
        }
    }

    #[test]
    fn half_precision_computes_about_the_same() {
        let device = Device::flex();
        let batcher = StepBatcher {
            micro_batch: 1,
            filler: 0,
        };
        let step = batcher.batch(vec![example(&[3, 7, 1, 12, 2], 1)], &device);
        let [f32, bf16] = [FloatDType::F32, FloatDType::BF16]
            .map(|precision| AnswerLoss::new(precision).unwrap())
            .map(|loss| loss.read_sum(&model(&device), &step.parts));
        assert!(
            (1e-6..0.05 * f32).contains(&(f32 - bf16).abs()),
            "{f32} {bf16}"
        );
    }
}
