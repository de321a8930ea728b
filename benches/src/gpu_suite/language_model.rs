use std::fmt;

use burn::tensor::{FloatDType, Tensor};
use serde::{Deserialize, Serialize};

use super::measurement::{Measurement, NotMeasured, measure};
use super::{OpenDevice, Outcome, Size};
use crate::language_model::{DECODED_TOKENS, NpoStep, PREFILL_TOKENS, STEP_SHAPE, decode, prefill};

/// What is asked of the language model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// 256 tokens are read at once.
    Prefill,
    /// 32 tokens are written one by one, after 16.
    Decode,
    /// A step of negative preference optimization: policy forward and backward, reference forward.
    TrainingStep,
}

/// A task, and what it took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LanguageModelLine {
    /// What was asked.
    pub task: Task,
    /// How many tokens it is about.
    pub tokens: usize,
    /// What it took.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Tokens in a second of the median.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_s: Option<f64>,
}

impl Task {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Prefill, Self::Decode, Self::TrainingStep];

    /// How many tokens are read, written or trained on.
    pub fn tokens(self) -> usize {
        match self {
            Self::Prefill => PREFILL_TOKENS,
            Self::Decode => DECODED_TOKENS,
            Self::TrainingStep => STEP_SHAPE.iter().product(),
        }
    }

    /// Measures it, or says why not.
    pub(super) fn run(self, size: Size, device: &OpenDevice) -> LanguageModelLine {
        self.line(self.measurement(size, device).into())
    }

    pub(super) fn line(self, outcome: Outcome) -> LanguageModelLine {
        let tokens = self.tokens();
        let tokens_per_s = outcome
            .measurement()
            .map(|measurement| tokens as f64 / measurement.seconds);
        LanguageModelLine {
            task: self,
            tokens,
            outcome,
            tokens_per_s,
        }
    }

    fn measurement(self, size: Size, device: &OpenDevice) -> Result<Measurement, NotMeasured> {
        let (config, device) = (size.language_model(), device.device());
        match self {
            Self::Prefill => {
                let prefill = prefill(&config, device)?;
                let largest = |logits: Tensor<2>| Ok(logits.max().try_into_scalar::<f32>()?.into());
                measure(device, || Ok(prefill()), largest)
            }
            Self::Decode => {
                let decode = decode(&config, device)?;
                measure(device, || Ok(decode()?), |ids| Ok(ids.len() as f64))
            }
            Self::TrainingStep => {
                let step = NpoStep::new(&config, device)?;
                let work = || {
                    let loss = step.loss()?;
                    let gradients = loss.backward();
                    Ok((loss, step.embedding().grad(&gradients), gradients))
                };
                measure(device, work, |(loss, gradient, _)| {
                    if let Some(gradient) = gradient {
                        let entry = gradient.slice([0..1, 0..1]).cast(FloatDType::F32);
                        entry.try_into_scalar::<f32>()?;
                    }
                    Ok(loss.try_into_scalar::<f32>()?.into())
                })
            }
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prefill => "prefill",
            Self::Decode => "decode",
            Self::TrainingStep => "training_step",
        })
    }
}

impl fmt::Display for LanguageModelLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.outcome)?;
        match self.tokens_per_s {
            Some(rate) => write!(f, ", {rate:.1} tokens/s"),
            None => Ok(()),
        }
    }
}
