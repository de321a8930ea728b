use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use candor_lab::run::RunError;
use serde::Deserialize;

/// The root of the workspace that this binary was built from.
pub(crate) fn workspace() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// Cargo, in the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    // The variable that cargo sets for its children names the same toolchain.
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(workspace());
    command
}

/// Runs a command to its end.
pub(crate) fn finish(command: &mut Command) -> Result<(), RunError> {
    let shown = show(command);
    eprintln!("$ {shown}");
    let failed = |reason: String| RunError::Command {
        command: shown.clone(),
        reason,
    };
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(status.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// Runs a command of cargo that builds, and gives the programs it built of one kind of target: `bin`, `bench`, ….
pub(crate) fn executables(mut command: Command, kind: &str) -> Result<Vec<PathBuf>, RunError> {
    #[derive(Deserialize)]
    struct Message {
        #[serde(default)]
        executable: Option<PathBuf>,
        #[serde(default)]
        target: Target,
    }
    #[derive(Deserialize, Default)]
    struct Target {
        #[serde(default)]
        kind: Vec<String>,
    }
    let shown = show(&command);
    let failed = |reason: String| RunError::Command {
        command: shown.clone(),
        reason,
    };
    let output = command
        .args(["--message-format", "json"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    Ok(messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter(|message| message.target.kind.iter().any(|of| of == kind))
        .filter_map(|message| message.executable)
        .collect())
}

/// Whether a command is installed and runs.
pub(crate) fn runs(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn show(command: &Command) -> String {
    let name = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let arguments = command
        .get_args()
        .map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(name)
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The backends that this binary was built with, as a value for `--features`.
pub(crate) fn features() -> String {
    compiled().join(",")
}

/// The backends that this binary was built with.
pub(crate) fn compiled() -> Vec<&'static str> {
    [
        ("flex", cfg!(feature = "flex")),
        ("ndarray", cfg!(feature = "ndarray")),
        ("wgpu", cfg!(feature = "wgpu")),
        ("cuda", cfg!(feature = "cuda")),
    ]
    .into_iter()
    .filter_map(|(name, compiled)| compiled.then_some(name))
    .collect()
}
