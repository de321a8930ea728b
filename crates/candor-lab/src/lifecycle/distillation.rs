use std::sync::Arc;
use std::time::Instant;

use burn::module::Module;
use candor_core::DrawKey;
use candor_distill::features::{ClassMeans, ClassMeansBuilder};
use candor_models::{Cnn, CnnConfig};
use serde::{Deserialize, Serialize};

use super::Context;
use super::settings::LifecycleSettings;
use super::student_objective::{StudentMethod, StudentObjective, Teaching};
use super::weights::{self, Made};
use crate::report::Check;
use crate::run::RunError;
use crate::training::{Curves, Fit};

/// One student.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StudentResult {
    /// How it learned.
    pub method: StudentMethod,
    /// Its seed.
    pub seed: usize,
    /// Share of test rows classified right.
    pub test_accuracy: f64,
    /// Number of parameters.
    pub parameters: usize,
    /// Wall time of its training, in seconds.
    pub seconds: f64,
    /// Learning curves.
    pub curves: Curves,
}

/// All students.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DistillationResult {
    /// Rows each of them saw.
    pub rows: usize,
    /// The students.
    pub students: Vec<StudentResult>,
}

impl DistillationResult {
    /// Accuracies of one method's students.
    pub(super) fn accuracies(&self, method: StudentMethod) -> Vec<f64> {
        let of_method = self
            .students
            .iter()
            .filter(|student| student.method == method);
        of_method.map(|student| student.test_accuracy).collect()
    }

    /// Mean accuracy of one method's students.
    pub(super) fn mean_accuracy(&self, method: StudentMethod) -> f64 {
        let accuracies = self.accuracies(method);
        accuracies.iter().sum::<f64>() / accuracies.len() as f64
    }

    pub(super) fn checks(&self) -> Vec<Check> {
        let best = StudentMethod::ALL[1..]
            .iter()
            .map(|&method| self.mean_accuracy(method))
            .fold(f64::NEG_INFINITY, f64::max);
        let control = self.mean_accuracy(StudentMethod::NoTeacher);
        vec![Check::at_least(
            "best distilled student's mean accuracy, against the mean without a teacher",
            best,
            control,
        )]
    }
}

/// How many stages distillation has.
pub(super) fn stages(settings: &LifecycleSettings) -> usize {
    StudentMethod::ALL.len() * settings.distill.seeds
}

/// Trains every student of every method.
pub(super) fn run(context: &Context) -> Result<DistillationResult, RunError> {
    let teacher = weights::load(context, "teacher")?;
    let means = class_means(context, &teacher)?;
    let mut students = Vec::new();
    for method in StudentMethod::ALL {
        for seed in 0..context.settings.distill.seeds {
            students.push(student(context, &teacher, &means, method, seed)?);
        }
    }
    Ok(DistillationResult {
        rows: context
            .settings
            .distill
            .rows
            .min(context.digits.train.len()),
        students,
    })
}

fn student(
    context: &Context,
    teacher: &Cnn,
    means: &ClassMeans,
    method: StudentMethod,
    seed: usize,
) -> Result<StudentResult, RunError> {
    let settings = &context.settings;
    let stage = method.stage(seed);
    let result = context.folder.once(&stage, || {
        // Every method of a seed starts from the same weights and sees the same rows.
        let own_seed = settings.seed.wrapping_add(1000 + seed as u64);
        let rows = context
            .digits
            .train
            .draw(settings.distill.rows, DrawKey::new(own_seed));
        let config = CnnConfig::new()
            .with_channels(settings.distill.channels)
            .with_hidden(settings.train.hidden);
        let fit = Fit {
            name: stage.clone(),
            epochs: settings.distill.epochs,
            batch_size: settings.distill.batch_size,
            learning_rate: settings.distill.lr,
            weight_decay: settings.train.weight_decay,
            ema_decay: 0.0,
            objective: Arc::new(StudentObjective::new(
                Teaching::of(method, &settings.distill, means, &context.device)?,
                teacher.clone(),
            )),
        };
        let bar = context.progress.stage(&stage, fit.epochs);
        let started = Instant::now();
        let fitted = fit.run(
            config.init_seeded(&context.device, own_seed)?,
            |done| rows.loader(settings.distill.batch_size, own_seed, done, &context.device),
            context.digits.test.in_order(&context.device)?,
            &context.folder,
            bar.clone(),
        )?;
        bar.finish_and_clear();
        let test_accuracy = context
            .digits
            .test
            .answers(&fitted.model, &context.device)
            .accuracy()?;
        let made = Made {
            data: "a few labelled training rows",
            training: format!(
                "{}, AdamW at {}, {} epochs of batches of {}",
                method.label(),
                fit.learning_rate,
                fit.epochs,
                fit.batch_size
            ),
            test_accuracy,
        };
        weights::save(context, &stage, &fitted.model, made)?;
        Ok(StudentResult {
            method,
            seed,
            test_accuracy,
            parameters: fitted.model.num_params(),
            seconds: started.elapsed().as_secs_f64(),
            curves: fitted.curves,
        })
    })?;
    context.progress.advance();
    Ok(result)
}

/// The teacher's class means over the training rows.
fn class_means(context: &Context, teacher: &Cnn) -> Result<ClassMeans, RunError> {
    let config = teacher.config();
    let answers = context.digits.train.answers(teacher, &context.device);
    let mut builder = ClassMeansBuilder::new(config.classes, config.hidden);
    builder.update(&answers.features, &answers.labels)?;
    Ok(builder.finish("teacher")?)
}
