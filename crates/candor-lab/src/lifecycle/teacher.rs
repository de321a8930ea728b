use std::sync::Arc;

use burn::module::Module;
use candor_models::CnnConfig;
use serde::{Deserialize, Serialize};

use super::Context;
use super::rows::Rows;
use super::weights::{self, Made};
use crate::report::Check;
use crate::run::RunError;
use crate::training::{CrossEntropyObjective, Curves, Fit};

/// The trained teacher, as the report shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TeacherResult {
    /// Share of test rows classified right.
    pub test_accuracy: f64,
    /// Number of parameters.
    pub parameters: usize,
    /// Wall time of the training, in seconds.
    pub seconds: f64,
    /// Learning curves.
    pub curves: Curves,
}

impl TeacherResult {
    pub(super) fn checks(&self) -> Vec<Check> {
        vec![Check::at_least(
            "teacher's test accuracy",
            self.test_accuracy,
            0.96,
        )]
    }
}

/// Trains the teacher on all training rows.
pub(super) fn run(context: &Context) -> Result<TeacherResult, RunError> {
    train_from_scratch(
        context,
        "teacher",
        &context.digits.train,
        "all training rows",
    )
}

/// Trains a network of the teacher's kind on some rows: the teacher, or what forgetting is measured against.
pub(super) fn train_from_scratch(
    context: &Context,
    stage: &str,
    rows: &Rows,
    data: &str,
) -> Result<TeacherResult, RunError> {
    let settings = &context.settings;
    let result = context.folder.once(stage, || {
        let config = CnnConfig::new()
            .with_channels(settings.train.channels)
            .with_hidden(settings.train.hidden);
        let start = config.init_seeded(&context.device, settings.seed)?;
        let fit = Fit {
            name: stage.to_owned(),
            epochs: settings.train.epochs,
            batch_size: settings.train.batch_size,
            learning_rate: settings.train.lr,
            weight_decay: settings.train.weight_decay,
            ema_decay: settings.train.ema_decay,
            objective: Arc::new(CrossEntropyObjective),
        };
        let bar = context.progress.stage(stage, fit.epochs);
        let fitted = fit.run(
            start,
            |done| {
                rows.loader(
                    settings.train.batch_size,
                    settings.seed,
                    done,
                    &context.device,
                )
            },
            context.digits.test.in_order(&context.device)?,
            &context.folder,
            bar.clone(),
        )?;
        bar.finish_and_clear();
        let result = TeacherResult {
            test_accuracy: context
                .digits
                .test
                .answers(&fitted.average, &context.device)
                .accuracy()?,
            parameters: fitted.average.num_params(),
            seconds: fitted.seconds,
            curves: fitted.curves,
        };
        let made = Made {
            data,
            training: format!(
                "cross-entropy, AdamW at {}, {} epochs of batches of {}, moving average of weights with decay {}",
                settings.train.lr, fit.epochs, fit.batch_size, fit.ema_decay
            ),
            test_accuracy: result.test_accuracy,
        };
        weights::save(context, stage, &fitted.average, made)?;
        Ok(result)
    })?;
    context.progress.advance();
    Ok(result)
}
