use std::sync::Arc;

use burn::module::Module;
use candor_models::{Cnn, CnnConfig, load_safetensors, save_safetensors};
use serde::{Deserialize, Serialize};

use super::Context;
use super::rows::Rows;
use crate::report::{Check, ModelCard};
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

/// The teacher's weights, from the run's folder.
pub(super) fn load(context: &Context) -> Result<Cnn, RunError> {
    load_stage(context, "teacher")
}

/// The weights that a stage saved.
pub(super) fn load_stage(context: &Context, stage: &str) -> Result<Cnn, RunError> {
    let path = context.folder.path(format!("{stage}/weights.safetensors"));
    Ok(load_safetensors::<Cnn>(path, &context.device)?
        .model
        .valid())
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
        save_model(context, stage, &fitted.average, data, &result)?;
        Ok(result)
    })?;
    context.progress.advance();
    Ok(result)
}

fn save_model(
    context: &Context,
    stage: &str,
    model: &Cnn,
    data: &str,
    result: &TeacherResult,
) -> Result<(), RunError> {
    let settings = &context.settings;
    save_safetensors(
        model,
        context.folder.path(format!("{stage}/weights.safetensors")),
    )?;
    let card = ModelCard {
        name: stage.to_owned(),
        data: format!(
            "{data} of the embedded digits ({} rows held out)",
            context.digits.test.len()
        ),
        training: format!(
            "cross-entropy, AdamW at {}, {} epochs of batches of {}, moving average of weights with decay {}, seed {}",
            settings.train.lr,
            settings.train.epochs,
            settings.train.batch_size,
            settings.train.ema_decay,
            settings.seed
        ),
        use_and_limits:
            "demonstrates Candor's lifecycle on 8 x 8 digits; not meant for any other use"
                .to_owned(),
        figures: vec![
            (
                "test accuracy".to_owned(),
                format!("{:.4}", result.test_accuracy),
            ),
            ("parameters".to_owned(), result.parameters.to_string()),
        ],
        architecture: serde_json::to_string_pretty(model.config()).unwrap_or_default(),
    };
    context.folder.write(
        format!("{stage}/MODEL_CARD.md"),
        card.markdown()?.as_bytes(),
    )
}
