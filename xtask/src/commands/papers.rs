use candor_lab::papers::{Kind, Papers, Status};
use candor_lab::run::RunError;
use clap::Args;

use super::{Format, print_json, table};
use crate::cargo::workspace;

/// How the list is shown.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Table or JSON.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write the test that holds the list against the code.
    #[arg(long)]
    write: bool,
}

/// Prints the list.
pub(crate) fn run(arguments: &Arguments) -> Result<(), RunError> {
    let papers = Papers::read(&workspace())?;
    if arguments.write {
        let path = workspace().join("crates/candor/tests/listed_components.rs");
        std::fs::write(&path, papers.component_test())
            .map_err(|error| RunError::file("write", &path, error))?;
        println!("wrote {}", path.display());
        return Ok(());
    }
    if arguments.format == Format::Json {
        return print_json(&papers.paper);
    }
    let mut table = table(&[
        "paper", "title", "year", "arXiv", "crate", "status", "pending",
    ]);
    for paper in &papers.paper {
        table.add_row([
            paper.slug.clone(),
            paper.title.clone(),
            paper.year.map_or_else(String::new, |year| year.to_string()),
            paper.arxiv.clone().unwrap_or_default(),
            paper.krate.clone(),
            match paper.status {
                Status::Done => "done",
                Status::Planned if paper.components.is_empty() => "planned",
                Status::Planned => "in part",
            }
            .to_owned(),
            paper.pending.len().to_string(),
        ]);
    }
    println!("{table}");
    let count = |kind: Kind, done: bool| {
        let counts = |paper: &&candor_lab::papers::Paper| {
            paper.kind == kind && (!done || paper.status == Status::Done)
        };
        papers.paper.iter().filter(counts).count()
    };
    println!(
        "{} of {} papers and {} of {} shared sheets are done",
        count(Kind::Paper, true),
        count(Kind::Paper, false),
        count(Kind::Sheet, true),
        count(Kind::Sheet, false)
    );
    Ok(())
}
