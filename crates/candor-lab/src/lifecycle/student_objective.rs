use burn::nn::loss::Reduction;
use burn::tensor::{Device, Int, Tensor};
use candor_core::{ConfigError, WeightedSum};
use candor_distill::features::{ClassMeans, NdLoss, NdLossConfig};
use candor_distill::logits::{DkdLoss, DkdLossConfig, HintonKd, HintonKdConfig};
use candor_models::{Cnn, Features};
use serde::{Deserialize, Serialize};

use super::settings::DistillSettings;
use crate::run::RunError;
use crate::training::{Objective, StepBatch, StepTerms, cross_entropy};

/// How a student learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StudentMethod {
    /// Labels only.
    NoTeacher,
    /// Hinton's soft targets.
    HintonKd,
    /// Decoupled knowledge distillation.
    Dkd,
    /// Hinton's soft targets with the feature norm-and-direction term (KD++).
    KdPlusPlus,
}

impl StudentMethod {
    pub(super) const ALL: [Self; 4] =
        [Self::NoTeacher, Self::HintonKd, Self::Dkd, Self::KdPlusPlus];

    /// What tables call it.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::NoTeacher => "no teacher",
            Self::HintonKd => "Hinton KD",
            Self::Dkd => "DKD",
            Self::KdPlusPlus => "KD++ (ND)",
        }
    }

    pub(super) fn stage(self, seed: usize) -> String {
        let name = match self {
            Self::NoTeacher => "no-teacher",
            Self::HintonKd => "hinton-kd",
            Self::Dkd => "dkd",
            Self::KdPlusPlus => "kd-plus-plus",
        };
        format!("student-{name}-{seed}")
    }
}

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
