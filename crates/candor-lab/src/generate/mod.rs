//! Text from a language model on disk, streamed as it is made: `cargo xtask run generate`.
//!
//! | item | what it is |
//! |---|---|
//! | [`run`] | the whole: check the settings, open the device, load the model, write the text |
//! | [`LanguageModel`] | a model with its tokenizer, from a GGUF file or a Hugging Face folder |
//! | [`generate`] | the continuation of one prompt |
//! | [`Prompt`], [`GenerateSettings`] | what is continued, and how |

mod language_model;
mod prompt;
mod settings;
mod stop_strings;
mod stream;

use std::io::Write;
use std::path::PathBuf;

pub use language_model::LanguageModel;
pub use prompt::Prompt;
pub use settings::GenerateSettings;
pub use stream::{Generated, generate};

use crate::run::{DeviceChoice, Precision, Progress, RunError};

/// What `cargo xtask run generate` is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// A GGUF file or a Hugging Face folder.
    pub model: PathBuf,
    /// A folder with an adapter, which is merged into the weights.
    pub adapter: Option<PathBuf>,
    /// Where to compute.
    pub device: DeviceChoice,
    /// What to compute in.
    pub precision: Precision,
    /// What is continued.
    pub prompt: Prompt,
    /// How it is continued.
    pub settings: GenerateSettings,
}

/// Loads a model and writes its continuation of a prompt to `out`, piece by piece.
///
/// # Errors
///
/// Illegal settings, before any work; a device, model or adapter that is not there or cannot be read; a prompt that is
/// empty or too long.
pub fn run(
    request: &Request,
    progress: &Progress,
    out: &mut dyn Write,
) -> Result<Generated, RunError> {
    request.settings.check()?;
    let device = request.device.open()?;
    let precision = request.precision.on(&device, request.device)?;
    let mut model = LanguageModel::open(&request.model, &device, precision, progress)?;
    if let Some(adapter) = &request.adapter {
        model = model.with_adapter(adapter)?;
    }
    generate(&model, &request.prompt, &request.settings, out)
}
