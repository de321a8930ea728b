use burn::module::Module;
use candor_models::{Cnn, load_safetensors, save_safetensors};

use super::Context;
use crate::report::ModelCard;
use crate::run::RunError;

/// What a stage's model card says beside the architecture.
pub(super) struct Made<'a> {
    /// What the model saw.
    pub(super) data: &'a str,
    /// How it was trained.
    pub(super) training: String,
    /// Share of test rows classified right.
    pub(super) test_accuracy: f64,
}

/// Writes a stage's weights, and what they are.
pub(super) fn save(
    context: &Context,
    stage: &str,
    model: &Cnn,
    made: Made,
) -> Result<(), RunError> {
    save_safetensors(model, path(context, stage))?;
    let card = ModelCard {
        name: stage.to_owned(),
        data: format!("{}, of the embedded 8 x 8 digits", made.data),
        training: format!("{}, seed {}", made.training, context.settings.seed),
        use_and_limits: "shows Candor's lifecycle on small digits; not meant for any other use"
            .to_owned(),
        figures: vec![
            (
                "test accuracy".to_owned(),
                format!("{:.4}", made.test_accuracy),
            ),
            ("parameters".to_owned(), model.num_params().to_string()),
        ],
        architecture: serde_json::to_string_pretty(model.config())
            .map_err(|error| RunError::file("write", &path(context, stage), error))?,
        files: "The weights are in `weights.safetensors`, whose metadata holds the same architecture; `candor_models` \
                loads them."
            .to_owned(),
    };
    context.folder.write(
        format!("{stage}/MODEL_CARD.md"),
        card.markdown()?.as_bytes(),
    )
}

/// The weights that a stage saved, in inference mode.
pub(super) fn load(context: &Context, stage: &str) -> Result<Cnn, RunError> {
    Ok(
        load_safetensors::<Cnn>(path(context, stage), &context.device)?
            .model
            .valid(),
    )
}

fn path(context: &Context, stage: &str) -> std::path::PathBuf {
    context.folder.path(format!("{stage}/weights.safetensors"))
}
