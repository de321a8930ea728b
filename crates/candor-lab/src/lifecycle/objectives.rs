use burn::nn::loss::Reduction;
use burn::tensor::{Device, Int, Tensor};
use candor_core::{ConfigError, WeightedSum};
use candor_distill::features::{ClassMeans, NdLoss, NdLossConfig};
use candor_distill::logits::{DkdLoss, DkdLossConfig, HintonKd, HintonKdConfig};
use candor_models::{Cnn, Features};
use candor_unlearn::{Npo, NpoConfig, class_log_probs};

use super::distillation::Method as StudentMethod;
use super::forgetting::Method as ForgetMethod;
use super::settings::{DistillSettings, UnlearnSettings};
use crate::run::RunError;
use crate::training::{Objective, StepBatch, StepTerms, cross_entropy};

/// What a teacher adds to the labels.
#[derive(Debug, Clone)]
pub(super) enum Teaching {
    Nothing,
    Hinton {
        loss: HintonKd,
        weight: f64,
    },
    Dkd {
        loss: DkdLoss,
    },
    PlusPlus {
        loss: HintonKd,
        weight: f64,
        direction: Box<NdLoss>,
    },
}

impl Teaching {
    pub(super) fn of(
        method: StudentMethod,
        settings: &DistillSettings,
        means: &ClassMeans,
        device: &Device,
    ) -> Result<Self, ConfigError> {
        let hinton = || {
            HintonKdConfig::new()
                .with_temperature(settings.temperature)
                .init()
        };
        Ok(match method {
            StudentMethod::NoTeacher => Self::Nothing,
            StudentMethod::HintonKd => Self::Hinton {
                loss: hinton()?,
                weight: settings.kd_weight,
            },
            StudentMethod::Dkd => Self::Dkd {
                loss: DkdLossConfig::new()
                    .with_temperature(settings.temperature)
                    .with_alpha(settings.dkd_alpha)
                    .with_beta(settings.dkd_beta)
                    .init()?,
            },
            StudentMethod::KdPlusPlus => Self::PlusPlus {
                loss: hinton()?,
                weight: settings.kd_weight,
                direction: Box::new(
                    NdLossConfig::new()
                        .with_weight(settings.nd_weight)
                        .init(means, device)?,
                ),
            },
        })
    }

    fn add_to(
        &self,
        terms: WeightedSum,
        student: &Features,
        teacher: &Features,
        labels: Tensor<1, Int>,
    ) -> Result<WeightedSum, ConfigError> {
        let hinton = |loss: &HintonKd| {
            loss.forward(
                student.logits.clone(),
                teacher.logits.clone(),
                Reduction::Mean,
            )
        };
        match self {
            Self::Nothing => Ok(terms),
            Self::Hinton { loss, weight } => terms.term("Hinton KD", *weight, hinton(loss)),
            Self::Dkd { loss } => {
                let value = loss.forward(
                    student.logits.clone(),
                    teacher.logits.clone(),
                    labels,
                    Reduction::Mean,
                );
                terms.term("DKD", 1.0, value)
            }
            Self::PlusPlus {
                loss,
                weight,
                direction,
            } => {
                let nd = direction.forward(
                    student.penultimate.clone(),
                    teacher.penultimate.clone(),
                    labels,
                    Reduction::Mean,
                );
                // The ND loss carries its own weight.
                terms
                    .term("Hinton KD", *weight, hinton(loss))?
                    .term("ND", 1.0, nd)
            }
        }
    }
}

/// Cross-entropy with the labels, and what the teacher adds.
#[derive(Debug)]
pub(super) struct StudentObjective {
    teaching: Teaching,
    teacher: Cnn,
}

impl StudentObjective {
    pub(super) fn new(teaching: Teaching, teacher: Cnn) -> Self {
        Self { teaching, teacher }
    }
}

impl Objective for StudentObjective {
    fn terms(&self, model: &Cnn, batch: &StepBatch) -> Result<StepTerms, RunError> {
        let images = &batch.main.inputs;
        let student = model.forward_features(images.clone());
        let teacher = self
            .teacher
            .forward_features(images.clone().without_autodiff());
        let labels = &batch.main.labels;
        let terms = WeightedSum::new().term(
            "cross-entropy",
            1.0,
            cross_entropy(student.logits.clone(), labels),
        )?;
        Ok(StepTerms {
            terms: self
                .teaching
                .add_to(terms, &student, &teacher, labels.clone())?,
            logits: student.logits,
        })
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
