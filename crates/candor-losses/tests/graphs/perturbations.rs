//! Right and wrong graphs, held against the structural check that they are made for.

use std::collections::BTreeMap;

use candor_core::DrawKey;
use candor_losses::graphs::{
    Edge, ExplanationGraph, GraphPerturbation, PerturbationError, draw_accepted, is_relation,
    opposite_relation, reordered, reordered_by, replaceable_concepts, semantic_edits,
    structural_edits, synonym_positive,
};
use candor_metrics::explanation_graphs::StructuralChecker;
use proptest::prelude::*;

const BELIEF: &str = "Cannabis should be legal.";
const ARGUMENT: &str = "It's not a bad thing to make marijuana more available.";
const GOLD: &str = "(cannabis; synonym of; marijuana)(marijuana; capable of; good thing)\
                    (good thing; desires; legal)(legal; causes; more available)";

fn gold() -> ExplanationGraph {
    ExplanationGraph::parse(GOLD).unwrap()
}

fn correct(graph: &ExplanationGraph) -> bool {
    let checker = StructuralChecker::default();
    checker.check_graph(graph, BELIEF, ARGUMENT).correct()
}

fn table(entries: &[(&str, &str)]) -> BTreeMap<String, Vec<String>> {
    let entries = entries.iter();
    entries
        .map(|(concept, other)| ((*concept).to_owned(), vec![(*other).to_owned()]))
        .collect()
}

proptest! {
    #[test]
    fn structural_negatives_fail_the_check_and_semantic_ones_pass_it(run: u64) {
        let (gold, key) = (gold(), DrawKey::new(run));
        let wrong = |graph: &ExplanationGraph| !correct(graph);
        let structural = draw_accepted(&gold, &structural_edits(&gold), wrong, key).unwrap();
        prop_assert!(!correct(&structural));
        let edits = semantic_edits(&gold, &table(&[("good thing", "bad thing")]));
        let semantic = draw_accepted(&gold, &edits, correct, key).unwrap();
        prop_assert!(correct(&semantic) && semantic != gold);
        // The same key draws the same graph.
        prop_assert_eq!(&draw_accepted(&gold, &edits, correct, key).unwrap(), &semantic);
    }

    #[test]
    fn positives_stay_structurally_correct(run: u64) {
        let (gold, key) = (gold(), DrawKey::new(run));
        let shuffled = reordered(&gold, key);
        prop_assert!(correct(&shuffled));
        prop_assert_eq!(shuffled.dfs_linearized(), gold.clone());
        let synonyms = table(&[("good thing", "benefit"), ("cannabis", "weed"), ("legal", "lawful")]);
        let positive = synonym_positive(&gold, BELIEF, ARGUMENT, &synonyms, key).unwrap();
        prop_assert!(correct(&positive));
        prop_assert_eq!(positive.concepts(), ["cannabis", "marijuana", "benefit", "legal", "more available"]);
    }

    #[test]
    fn every_listed_edit_can_be_made(count in 1usize..7, seed: u64) {
        // Any graph of a few concepts: chains, cycles, repeated edges.
        let concept = |index: u64| ((seed >> (index * 3)) % 4).to_string();
        let edges = (0..count as u64).map(|index| Edge::new(concept(2 * index), "causes", concept(2 * index + 1)));
        let graph = ExplanationGraph { edges: edges.collect() };
        let edits = structural_edits(&graph).into_iter().chain(semantic_edits(&graph, &BTreeMap::new()));
        for edit in edits {
            prop_assert!(GraphPerturbation::apply_all(&edit, &graph).is_ok());
        }
        prop_assert_eq!(graph.dfs_linearized().edges.len(), count);
    }

    #[test]
    fn an_edge_reversed_twice_is_where_it_was(edge in 0usize..4) {
        let reverse = GraphPerturbation::ReverseEdge(edge);
        let twice = [reverse.clone(), reverse];
        prop_assert_eq!(GraphPerturbation::apply_all(&twice, &gold()).unwrap(), gold());
    }

    #[test]
    fn text_that_was_written_is_read_back(edges in prop::collection::vec(("[a-z ]{0,6}", "[a-z]{1,4}", "[a-z ]{0,6}"), 1..5)) {
        let edges = edges.into_iter().map(|(head, relation, tail)| Edge::new(head, relation, tail));
        let graph = ExplanationGraph { edges: edges.collect() };
        prop_assert_eq!(ExplanationGraph::parse(&graph.to_string()).unwrap(), graph);
    }
}

#[test]
fn what_the_graph_does_not_have_cannot_be_edited() {
    let missing = PerturbationError::NoSuchEdge { edge: 4, edges: 4 };
    for edit in [
        GraphPerturbation::RemoveEdge(4),
        GraphPerturbation::ReverseEdge(4),
        GraphPerturbation::ReplaceRelation(4, "is a".to_owned()),
    ] {
        assert_eq!(edit.apply(&gold()), Err(missing.clone()));
    }
    let horse = GraphPerturbation::ReplaceNode {
        old: "horse".to_owned(),
        new: "cow".to_owned(),
    };
    let error = horse.apply(&gold()).unwrap_err();
    assert_eq!(error.to_string(), "the graph has no concept \"horse\"");
}

#[test]
fn only_concepts_that_no_text_mentions_are_replaced() {
    let synonyms = table(&[("good thing", "benefit"), ("legal", "lawful")]);
    let graph = gold();
    assert_eq!(
        replaceable_concepts(&graph, BELIEF, ARGUMENT, &synonyms),
        ["good thing"]
    );
    let none = table(&[("legal", "lawful")]);
    assert_eq!(
        synonym_positive(&graph, BELIEF, ARGUMENT, &none, DrawKey::new(0)),
        None
    );
}

#[test]
fn an_order_names_every_edge_once() {
    for bad in [
        &[0, 1, 2][..],
        &[0, 1, 2, 2],
        &[0, 1, 2, 4],
        &[0, 1, 2, 3, 3],
    ] {
        assert!(reordered_by(&gold(), bad).is_err());
    }
    assert_eq!(reordered_by(&gold(), &[0, 1, 2, 3]), Ok(gold()));
}

#[test]
fn every_relation_has_an_opposite_whose_opposite_it_is() {
    for relation in candor_losses::graphs::RELATIONS {
        let opposite = opposite_relation(relation).unwrap();
        assert!(opposite != relation && is_relation(opposite));
        assert_eq!(opposite_relation(opposite), Some(relation));
    }
    assert_eq!(opposite_relation("wants"), None);
}

#[test]
fn nothing_is_drawn_where_nothing_is_accepted() {
    let edits = structural_edits(&gold());
    assert_eq!(
        draw_accepted(&gold(), &edits, |_| false, DrawKey::new(0)),
        None
    );
    assert_eq!(draw_accepted(&gold(), &[], |_| true, DrawKey::new(0)), None);
    assert!(structural_edits(&ExplanationGraph::default()).is_empty());
}
