use std::fmt::Debug;

use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Int, Tensor};
use candor_core::{WeightedSum, host};
use candor_data::ClassBatch;
use candor_models::Cnn;
use serde_json::{Map, Value, json};

use super::guard::Evidence;
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

impl Evidence for StepBatch {
    fn evidence(&self) -> Map<String, Value> {
        let ClassBatch {
            inputs,
            labels,
            rows,
        } = &self.main;
        let named = [
            ("rows", json!(rows)),
            ("labels", json!(host::ints(labels))),
            ("shape", json!(inputs.dims())),
            ("inputs", json!(host::floats(inputs))),
        ];
        named
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

/// What a step of training computes.
#[derive(Debug, Clone)]
pub struct StepTerms {
    /// The terms of the loss; their weighted sum is minimised.
    pub terms: WeightedSum,
    /// The model's answers to the batch, `[rows, classes]`, for the training accuracy.
    pub logits: Tensor<2>,
}

/// An objective as the training loop sees it: a model and a batch to named terms.
pub trait Objective: Debug + Send + Sync {
    /// The terms of one step.
    ///
    /// # Errors
    ///
    /// Whatever makes the terms impossible; it stops the training.
    fn terms(&self, model: &Cnn, batch: &StepBatch) -> Result<StepTerms, RunError>;
}

/// Cross-entropy with the labels.
#[derive(Debug, Clone, Copy)]
pub struct CrossEntropyObjective;

impl Objective for CrossEntropyObjective {
    fn terms(&self, model: &Cnn, batch: &StepBatch) -> Result<StepTerms, RunError> {
        let logits = model.logits(batch.main.inputs.clone());
        let loss = cross_entropy(logits.clone(), &batch.main.labels);
        Ok(StepTerms {
            terms: WeightedSum::new().term("cross-entropy", 1.0, loss)?,
            logits,
        })
    }
}

/// Mean cross-entropy of logits `[rows, classes]` with labels `[rows]`.
pub(crate) fn cross_entropy(logits: Tensor<2>, labels: &Tensor<1, Int>) -> Tensor<1> {
    CrossEntropyLossConfig::new()
        .init(&logits.device())
        .forward(logits, labels.clone())
}
