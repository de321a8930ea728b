use std::path::{Path, PathBuf};

use crate::run::RunError;

/// Downloads configuration, tokenizer and weights of a repository `OWNER/NAME` of the Hugging Face hub into a folder.
///
/// The feature `hub` builds the client in: it is the one part of Candor that speaks to a host of its own choice.
///
/// # Errors
///
/// A build without the feature, or whatever the hub answers.
#[cfg_attr(not(feature = "hub"), allow(unused_variables))]
pub fn fetch_checkpoint(
    repository: &str,
    revision: &str,
    folder: &Path,
) -> Result<PathBuf, RunError> {
    #[cfg(feature = "hub")]
    return Ok(candor_models::causal_lm::hub::download_checkpoint(
        repository, revision, folder,
    )?);
    #[cfg(not(feature = "hub"))]
    Err(RunError::Command {
        command: format!("fetch hub {repository} --revision {revision}"),
        reason: format!(
            "this build has no client for the hub; build it in with \
             `cargo run --bin xtask --features hub -- fetch hub {repository}`"
        ),
    })
}
