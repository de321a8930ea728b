//! The list of papers says what is true.

use std::path::Path;

use candor_lab::claims;
use candor_lab::papers::{Kind, Papers};

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn the_list_holds_all_papers_and_no_contradiction() {
    let papers = Papers::read(workspace()).unwrap();
    let count = papers
        .paper
        .iter()
        .filter(|paper| paper.kind == Kind::Paper)
        .count();
    assert_eq!(count, 41);
    assert_eq!(papers.problems(workspace()).unwrap(), Vec::<String>::new());
}

#[test]
fn every_listed_component_is_looked_up_by_the_compiler() {
    let wanted = Papers::read(workspace()).unwrap().component_test();
    let path = workspace().join("crates/candor/tests/listed_components.rs");
    let seen = std::fs::read_to_string(path).unwrap();
    assert_eq!(seen, wanted, "run `cargo xtask papers --write`");
}

#[test]
fn every_listed_claim_can_be_run_and_every_claim_is_listed() {
    let papers = Papers::read(workspace()).unwrap();
    let mut listed: Vec<&str> = papers
        .paper
        .iter()
        .filter_map(|paper| paper.claim.as_deref())
        .collect();
    let runnable = claims::all();
    let mut known: Vec<&str> = runnable.iter().map(|claim| claim.paper()).collect();
    listed.sort_unstable();
    known.sort_unstable();
    assert_eq!(listed, known);
}
