use serde::{Deserialize, Serialize};

use super::metrics::{LOSS, PERPLEXITY};
use super::samples::Sample;
use crate::report::Check;
use crate::training::Curves;

/// Everything that a fine-tuning found, as `results.json` holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FinetuneResults {
    /// What the run promises.
    pub checks: Vec<Check>,
    /// The training, and what came of it.
    pub training: Training,
}

/// A training, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Answers learned and held out.
    pub answers: Answers,
    /// Parameters of the model.
    pub parameters: Parameters,
    /// Perplexity of the held-out answers.
    pub perplexity: Perplexity,
    /// The epoch whose weights were kept: that of the lowest held-out loss.
    pub best_epoch: usize,
    /// Loss (nats a token) and perplexity by epoch.
    pub curves: Curves,
    /// Loss by step, at (epochs done, nats a token).
    pub steps: Vec<(f64, f64)>,
    /// Held-out prompts, answered before and after.
    pub samples: Vec<Sample>,
    /// Wall time of this session's training, in seconds.
    pub seconds: f64,
}

/// Answers, and their tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// How many are learned.
    pub learned: usize,
    /// Their tokens.
    pub learned_tokens: usize,
    /// How many are held out.
    pub held_out: usize,
    /// Their tokens.
    pub held_out_tokens: usize,
}

/// Parameters of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// All of them, adapters included.
    pub all: usize,
    /// Those that are trained.
    pub trained: usize,
}

/// Perplexity of the held-out answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Perplexity {
    /// Of the model that the training began with.
    pub before: f64,
    /// Of the model that was kept.
    pub after: f64,
}

impl Training {
    /// The promise of every fine-tuning.
    pub(super) fn checks(&self) -> Vec<Check> {
        let Perplexity { before, after } = self.perplexity;
        vec![Check::at_most(
            "held-out perplexity after, as a share of before",
            after / before,
            1.0,
        )]
    }

    /// Held-out perplexity by epoch.
    pub fn perplexity_by_epoch(&self) -> &[(usize, f64)] {
        self.curves.points(VALID, PERPLEXITY)
    }
}

const VALID: &str = "valid";

/// The epoch with the lowest held-out loss, the first of several.
pub(super) fn best_epoch(curves: &Curves) -> Option<usize> {
    let points = curves.points(VALID, LOSS).iter();
    let best = points.min_by(|(_, a), (_, b)| a.total_cmp(b));
    best.map(|&(epoch, _)| epoch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::Curve;

    #[test]
    fn the_first_of_the_best_epochs_is_kept() {
        let curve = |split: &str, points| Curve {
            split: split.to_owned(),
            metric: LOSS.to_owned(),
            points,
        };
        let curves = Curves(vec![
            curve("train", vec![(1, 0.1), (2, 0.0)]),
            curve(VALID, vec![(1, 3.0), (2, 2.0), (3, 2.0), (4, 2.5)]),
        ]);
        assert_eq!(best_epoch(&curves), Some(2));
        assert_eq!(best_epoch(&Curves::default()), None);
    }
}
