use std::path::{Path, PathBuf};

use burn::tensor::{Device, FloatDType};
use candor_models::causal_lm::lora::load_adapters;
use candor_models::causal_lm::{
    CausalLm, CausalLmConfig, GgufFile, HuggingFaceFolder, LmError, LmTokenizer,
};

use crate::fetch::Artifact;
use crate::run::{Progress, RunError};

/// A causal language model with its tokenizer.
#[derive(Debug, Clone)]
pub struct LanguageModel {
    /// The network, in inference mode.
    pub model: CausalLm,
    /// Text to token ids and back.
    pub tokenizer: LmTokenizer,
}

impl LanguageModel {
    /// Reads a GGUF file, or a folder as Hugging Face's transformers writes it.
    ///
    /// # Errors
    ///
    /// A file that is not there, is not of its format, or holds a network that is not supported.
    pub fn open(
        path: &Path,
        device: &Device,
        precision: FloatDType,
        progress: &Progress,
    ) -> Result<Self, RunError> {
        let waiting = progress.waiting(&format!("loading {}", path.display()));
        let loaded = if path.is_dir() {
            Self::from_folder(path, device, precision)
        } else {
            Self::from_gguf(path, device, precision)
        };
        waiting.finish_and_clear();
        Ok(loaded?)
    }

    /// About a million parameters that depend on the seed alone, over bytes: a model to train from scratch.
    ///
    /// # Errors
    ///
    /// None; the type is that of [`open`](Self::open).
    pub fn tiny(device: &Device, seed: u64) -> Result<Self, RunError> {
        let config = CausalLmConfig::tiny();
        Ok(Self {
            model: config.init_seeded(device, seed)?,
            tokenizer: LmTokenizer::bytes()?,
        })
    }

    /// The model with a PEFT adapter merged into its weights.
    ///
    /// # Errors
    ///
    /// A folder that is not there, or an adapter of another model.
    pub fn with_adapter(self, folder: &Path) -> Result<Self, RunError> {
        let model = load_adapters(self.model, folder)?.merge_adapters();
        Ok(Self { model, ..self })
    }

    /// SmolLM2: the file that the environment variable `SMOLLM2_GGUF` names, or the one that was fetched.
    ///
    /// # Errors
    ///
    /// No such file; the message says how to fetch it.
    pub fn default_path(workspace: &Path) -> Result<PathBuf, RunError> {
        let artifact = Artifact::named("smollm2")?;
        let fetched = workspace.join(artifact.folder).join(artifact.file);
        let named = std::env::var_os("SMOLLM2_GGUF").map(PathBuf::from);
        let mut places = named.into_iter().chain([fetched.clone()]);
        places
            .find(|path| path.is_file())
            .ok_or_else(|| RunError::File {
                action: "find a model (no --model is given) at",
                path: fetched,
                reason: "fetch it with `cargo xtask fetch smollm2`".to_owned(),
            })
    }

    fn from_gguf(path: &Path, device: &Device, precision: FloatDType) -> Result<Self, LmError> {
        let file = GgufFile::open(path)?;
        let config = CausalLmConfig::from_gguf(&file)?;
        Ok(Self {
            tokenizer: LmTokenizer::from_gguf(&file)?,
            model: CausalLm::from_weights(&config, &file, device, precision)?,
        })
    }

    fn from_folder(path: &Path, device: &Device, precision: FloatDType) -> Result<Self, LmError> {
        let folder = HuggingFaceFolder::open(path)?;
        Ok(Self {
            tokenizer: LmTokenizer::from_folder(path)?,
            model: CausalLm::from_weights(folder.config(), &folder, device, precision)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_no_model_was_fetched_the_command_that_does_it_is_named() {
        if std::env::var_os("SMOLLM2_GGUF").is_some() {
            return;
        }
        let place = tempfile::tempdir().unwrap();
        let error = LanguageModel::default_path(place.path()).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("cargo xtask fetch smollm2") && message.contains("--model"),
            "{message}"
        );
    }

    #[test]
    fn a_model_that_is_not_there_is_named() {
        let device = Device::flex();
        let path = Path::new("nowhere.gguf");
        let quiet = Progress::new(1, true);
        let error = LanguageModel::open(path, &device, FloatDType::F32, &quiet).unwrap_err();
        assert!(error.to_string().contains("nowhere.gguf"), "{error}");
    }
}
