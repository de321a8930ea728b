use std::fmt::Debug;

use burn::nn::loss::CrossEntropyLossConfig;
use candor_core::WeightedSum;
use candor_data::ClassBatch;
use candor_models::Cnn;

use crate::run::RunError;

/// What one step of training sees: a batch, and the one that unlearning pairs it with.
#[derive(Debug, Clone)]
pub struct StepBatch {
    /// The batch the objective is about.
    pub main: ClassBatch<4>,
    /// Rows to retain, where the objective has a second term over them.
    pub companion: Option<ClassBatch<4>>,
}

impl From<ClassBatch<4>> for StepBatch {
    fn from(main: ClassBatch<4>) -> Self {
        Self {
            main,
            companion: None,
        }
    }
}

/// An objective as the training loop sees it: a model and a batch to named terms.
pub trait Objective: Debug + Send + Sync {
    /// The terms of the loss; their weighted sum is minimised.
    ///
    /// # Errors
    ///
    /// Whatever makes the terms impossible; it stops the training.
    fn terms(&self, model: &Cnn, batch: &StepBatch) -> Result<WeightedSum, RunError>;
}

/// Cross-entropy with the labels.
#[derive(Debug, Clone, Copy)]
pub struct CrossEntropyObjective;

impl Objective for CrossEntropyObjective {
    fn terms(&self, model: &Cnn, batch: &StepBatch) -> Result<WeightedSum, RunError> {
        let logits = model.logits(batch.main.inputs.clone());
        let loss = CrossEntropyLossConfig::new()
            .init(&logits.device())
            .forward(logits, batch.main.labels.clone());
        Ok(WeightedSum::new().term("cross-entropy", 1.0, loss)?)
    }
}
