//! Checkpoints by name from the Hugging Face hub, for builds with the feature `hub`.

use std::path::{Path, PathBuf};

use hf_hub::HFClientSync;

use super::LmError;

/// What a causal language model is read from; the rest of a repository stays where it is.
const FILES: [&str; 7] = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "*.safetensors*",
];

/// Downloads configuration, tokenizer and weights of a model repository into a folder, and gives the folder.
///
/// `repository` is `OWNER/NAME`, `revision` a branch, tag or commit. Which host is asked, and with which token, is up
/// to the environment variables that the hub's own tools read (`HF_ENDPOINT`, `HF_TOKEN`).
///
/// ```no_run
/// use std::path::Path;
/// use candor_models::causal_lm::hub::download_checkpoint;
///
/// let to = Path::new("data/models/SmolLM2-135M");
/// let folder = download_checkpoint("HuggingFaceTB/SmolLM2-135M", "main", to)?;
/// # Ok::<(), candor_models::causal_lm::LmError>(())
/// ```
///
/// # Errors
///
/// A name that is not `OWNER/NAME`, a hub that cannot be reached or says no, or a repository without a `config.json`.
pub fn download_checkpoint(
    repository: &str,
    revision: &str,
    to: &Path,
) -> Result<PathBuf, LmError> {
    let failed = |reason: String| LmError::Hub {
        repository: repository.to_owned(),
        reason,
    };
    let (owner, name) = repository
        .split_once('/')
        .filter(|(owner, name)| !owner.is_empty() && !name.is_empty() && !name.contains('/'))
        .ok_or_else(|| failed("a repository is written OWNER/NAME".to_owned()))?;
    let client = HFClientSync::new().map_err(|error| failed(error.to_string()))?;
    let folder = client
        .model(owner, name)
        .snapshot_download()
        .revision(revision)
        .allow_patterns(FILES.map(str::to_owned).to_vec())
        .local_dir(to)
        .send()
        .map_err(|error| failed(error.to_string()))?;
    if folder.join("config.json").is_file() {
        return Ok(folder);
    }
    Err(failed(
        "it has no config.json, so no model can be read from it".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_repository_is_refused_before_anything_is_asked() {
        for name in ["SmolLM2", "/SmolLM2", "a/", "a/b/c"] {
            let error = download_checkpoint(name, "main", Path::new("nowhere"));
            let error = error.unwrap_err().to_string();
            assert!(
                error.contains("OWNER/NAME") && error.contains(name),
                "{error}"
            );
        }
        assert!(!Path::new("nowhere").exists());
    }
}
