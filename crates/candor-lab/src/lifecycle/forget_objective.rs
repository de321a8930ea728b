use burn::nn::loss::Reduction;
use burn::tensor::Tensor;
use candor_core::{ConfigError, WeightedSum};
use candor_models::Cnn;
use candor_unlearn::{Npo, NpoConfig, class_log_probs};
use serde::{Deserialize, Serialize};

use super::settings::UnlearnSettings;
use crate::run::RunError;
use crate::training::{Objective, StepBatch, StepTerms, cross_entropy};

/// How a model forgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ForgetMethod {
    /// Gradient ascent on the rows to forget.
    GradientAscent,
    /// Negative preference optimisation.
    Npo,
    /// Negative preference optimisation beside cross-entropy on rows to retain.
    NpoRt,
}

impl ForgetMethod {
    pub(super) const ALL: [Self; 3] = [Self::GradientAscent, Self::Npo, Self::NpoRt];

    /// What tables call it.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::GradientAscent => "GA",
            Self::Npo => "NPO",
            Self::NpoRt => "NPO+RT",
        }
    }

    pub(super) fn stage(self) -> &'static str {
        match self {
            Self::GradientAscent => "gradient-ascent",
            Self::Npo => "npo",
            Self::NpoRt => "npo-rt",
        }
    }
}

/// Forgetting the batch's rows, and retaining their companions where the method does.
#[derive(Debug)]
pub(super) struct ForgetObjective {
    method: ForgetMethod,
    npo: Npo,
    retain_weight: f64,
    reference: Cnn,
}

impl ForgetObjective {
    pub(super) fn new(
        method: ForgetMethod,
        settings: &UnlearnSettings,
        reference: Cnn,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            method,
            npo: NpoConfig::new().with_beta(settings.beta).init()?,
            retain_weight: settings.retain_weight,
            reference,
        })
    }
}

impl Objective for ForgetObjective {
    fn terms(&self, model: &Cnn, batch: &StepBatch) -> Result<StepTerms, RunError> {
        let logits = model.logits(batch.main.inputs.clone());
        let policy_logps = class_log_probs(logits.clone(), batch.main.labels.clone());
        let terms = match self.method {
            ForgetMethod::GradientAscent => {
                WeightedSum::new().term("ascent", 1.0, policy_logps.mean())?
            }
            ForgetMethod::Npo => self.forget(policy_logps, batch)?,
            ForgetMethod::NpoRt => self.retain(self.forget(policy_logps, batch)?, model, batch)?,
        };
        Ok(StepTerms { terms, logits })
    }
}

impl ForgetObjective {
    fn forget(
        &self,
        policy_logps: Tensor<1>,
        batch: &StepBatch,
    ) -> Result<WeightedSum, ConfigError> {
        let images = batch.main.inputs.clone().without_autodiff();
        let ref_logps = class_log_probs(self.reference.logits(images), batch.main.labels.clone());
        let loss = self.npo.forward(policy_logps, ref_logps, Reduction::Mean);
        WeightedSum::new().term("forget", 1.0, loss)
    }

    fn retain(
        &self,
        terms: WeightedSum,
        model: &Cnn,
        batch: &StepBatch,
    ) -> Result<WeightedSum, ConfigError> {
        match &batch.companion {
            None => Ok(terms),
            Some(rows) => {
                let loss = cross_entropy(model.logits(rows.inputs.clone()), &rows.labels);
                terms.term("retain", self.retain_weight, loss)
            }
        }
    }
}
