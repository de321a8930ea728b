use burn::tensor::{Device, Int, Tensor};
use candor_core::numerics::label_log_probs;
use candor_models::{Features, Mlp, MlpConfig};

use super::descent::Descent;
use super::digit_rows::{CLASSES, DigitRows, PIXELS};
use crate::run::RunError;

/// Rows that the teacher learns; the other 797 are for the test.
const TEACHER_ROWS: usize = 1000;
/// Width of the features, the same of teachers and students: no projector comes between them.
pub(super) const FEATURES: usize = 32;
const TEACHER_HIDDEN: usize = 128;
/// Of Adam, for teachers and students.
const RATE: f64 = 3e-3;
const BATCH: usize = 64;
/// Students start from other weights than the teacher of the same seed.
const STUDENT_SEEDS: u64 = 1 << 32;

/// The setting of the distillation claims: digits, a teacher 64-128-32-10 that has seen 1000 of them, and what it says
/// to these.
pub(super) struct DistilledDigits {
    /// The teacher's rows.
    pub(super) train: DigitRows,
    /// Rows that nobody learns.
    pub(super) test: DigitRows,
    /// The teacher's answers to its rows.
    pub(super) answers: Features,
    seed: u64,
}

/// A student 64-hidden-32-10, and how it learns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Student {
    /// Width of the first layer.
    pub(super) hidden: usize,
    /// How many of the teacher's rows it sees.
    pub(super) rows: usize,
    /// Steps of training.
    pub(super) steps: usize,
}

/// What a student's loss sees in a step.
pub(super) struct Lesson {
    /// The student's answers to the batch.
    pub(super) student: Features,
    /// The teacher's.
    pub(super) teacher: Features,
    /// The batch's classes.
    pub(super) labels: Tensor<1, Int>,
    /// The step, from zero.
    pub(super) step: usize,
}

impl DistilledDigits {
    /// Splits the digits and trains the teacher on labels.
    pub(super) fn prepare(
        teacher_steps: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self, RunError> {
        let [train, test] = DigitRows::split(TEACHER_ROWS, seed, device)?;
        let start = MlpConfig::new(PIXELS, vec![TEACHER_HIDDEN, FEATURES], CLASSES)
            .init_seeded(device, seed)?;
        let teacher = Descent::adam(RATE, teacher_steps).run(start, |model: &Mlp, step| {
            let batch = train.select(&train.batch(BATCH, step, seed));
            cross_entropy(model.logits(batch.inputs), batch.labels)
        });
        Ok(Self {
            answers: teacher.forward_features(train.inputs.clone()),
            train,
            test,
            seed,
        })
    }

    /// Trains a student on the first of the teacher's rows.
    pub(super) fn train(
        &self,
        student: Student,
        loss: impl Fn(Lesson) -> Tensor<1>,
    ) -> Result<Mlp, RunError> {
        let config = MlpConfig::new(PIXELS, vec![student.hidden, FEATURES], CLASSES);
        let start = config.init_seeded(&self.train.inputs.device(), STUDENT_SEEDS + self.seed)?;
        let rows = self.train.slice(0, student.rows);
        Ok(
            Descent::adam(RATE, student.steps).run(start, |model: &Mlp, step| {
                let places = rows.batch(BATCH, step, self.seed);
                let batch = rows.select(&places);
                let teacher = |answers: &Tensor<2>| answers.clone().select(0, places.clone());
                loss(Lesson {
                    student: model.forward_features(batch.inputs),
                    teacher: Features {
                        penultimate: teacher(&self.answers.penultimate),
                        logits: teacher(&self.answers.logits),
                    },
                    labels: batch.labels,
                    step,
                })
            }),
        )
    }
}

/// Cross-entropy with the labels, `[1]`.
pub(super) fn cross_entropy(logits: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
    -label_log_probs(logits, labels).mean()
}
