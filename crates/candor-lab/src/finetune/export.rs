use candor_models::causal_lm::lora::save_adapters;
use candor_models::causal_lm::{CausalLm, save_hugging_face};

use super::Context;
use super::results::Training;
use super::settings::Method;
use crate::report::ModelCard;
use crate::run::RunError;

/// Writes what was trained, for other programs: the adapter in PEFT's layout, or the model as a Hugging Face folder.
pub(super) fn save(context: &Context, model: &CausalLm) -> Result<(), RunError> {
    let folder = context.folder.path(folder(context.settings.method));
    match context.settings.method {
        Method::Lora => save_adapters(model, folder)?,
        Method::Full => {
            let options = context.base.tokenizer.hugging_face_options()?;
            save_hugging_face(folder, model.config(), model, &options)?;
        }
    }
    Ok(())
}

/// The folder of what was trained, in the run's.
pub(super) fn folder(method: Method) -> &'static str {
    match method {
        Method::Lora => "adapter",
        Method::Full => "model",
    }
}

/// Writes what it is beside it.
pub(super) fn save_card(context: &Context, result: &Training) -> Result<(), RunError> {
    let (settings, folder) = (&context.settings, folder(context.settings.method));
    let files = match settings.method {
        Method::Lora => {
            "The adapter is in `adapter_model.safetensors`, in the layout of the Python package `peft`; its base model \
             is named above. `cargo xtask run generate --adapter` loads both."
        }
        Method::Full => {
            "The weights are in `model.safetensors`, in the layout of Hugging Face's transformers. \
             `cargo xtask run generate --model` loads them."
        }
    };
    let train = &settings.train;
    let card = ModelCard {
        name: format!("{}, fine-tuned", context.job.model.name()),
        data: format!(
            "{}: {} answers learned, {} held out",
            context.job.data_name(),
            context.data.train.len(),
            context.data.held_out.len()
        ),
        training: format!(
            "{} of {}, cross-entropy of the answers' tokens in {}, AdamW at {} with warm-up and cosine, {} epochs in \
             steps of {} rows, the best of them kept, seed {}",
            settings.trained(),
            context.job.model.name(),
            settings.precision,
            train.lr,
            train.epochs,
            train.batch_size,
            settings.seed
        ),
        use_and_limits:
            "answers in the manner of the rows it was trained on; nothing else was measured"
                .to_owned(),
        figures: vec![
            (
                "perplexity of held-out answers, before".to_owned(),
                format!("{:.3}", result.perplexity.before),
            ),
            (
                "perplexity of held-out answers, after".to_owned(),
                format!("{:.3}", result.perplexity.after),
            ),
            (
                "parameters trained".to_owned(),
                result.parameters.trained.to_string(),
            ),
            ("parameters".to_owned(), result.parameters.all.to_string()),
        ],
        architecture: serde_json::to_string_pretty(context.base.model.config())
            .map_err(|error| RunError::file("write", &context.folder.path(folder), error))?,
        files: files.to_owned(),
    };
    let name = format!("{folder}/MODEL_CARD.md");
    context.folder.write(name, card.markdown()?.as_bytes())
}
