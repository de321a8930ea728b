//! What the measures of explanation graphs promise.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp
)]

use burn::tensor::{Device, Tensor, TensorData};
use candor_metrics::explanation_graphs::{
    Annotation, BenchmarkRow, Edge, ExplanationGraph, GraphBenchmark, GraphBenchmarkError,
    StructuralChecker, StructuralCheckerConfig, StructuralReport, corpus_mean,
    edge_importance_accuracy, edge_match_score, edge_similarities, graph_bert_score,
    graph_edit_distance,
};
use candor_testkit::contract::{check_config, check_refused, check_send_sync};
use proptest::prelude::*;

const BELIEF: &str = "Cannabis should be LEGAL.";
const ARGUMENT: &str = "Make marijuana more available.";
const GRAPH: &str =
    "(cannabis; synonym of; marijuana)(marijuana; causes; legal)(legal; causes; more available)";

fn graph(text: &str) -> ExplanationGraph {
    ExplanationGraph::parse(text).unwrap()
}

fn check(text: &str) -> StructuralReport {
    StructuralChecker::default().check(text, BELIEF, ARGUMENT)
}

/// A graph of the given concepts and relations, by their numbers.
fn numbered(edges: &[(u8, u8, u8)]) -> ExplanationGraph {
    let edges = edges.iter().map(|(head, relation, tail)| {
        Edge::new(
            format!("c{head}"),
            format!("r{relation}"),
            format!("c{tail}"),
        )
    });
    ExplanationGraph {
        edges: edges.collect(),
    }
}

fn edges(most: usize) -> impl Strategy<Value = Vec<(u8, u8, u8)>> {
    prop::collection::vec((0..5u8, 0..3u8, 0..5u8), 0..most)
}

/// The distance by trying every way to map gold nodes to predicted ones or to nothing.
fn by_trying(gold: &ExplanationGraph, predicted: &ExplanationGraph) -> usize {
    fn pairs(graph: &ExplanationGraph) -> Vec<(usize, usize, &str)> {
        let concepts = graph.concepts();
        let place = |name: &str| {
            concepts
                .iter()
                .position(|concept| *concept == name)
                .unwrap()
        };
        let mut pairs: Vec<(usize, usize, &str)> = Vec::new();
        for edge in &graph.edges {
            let (head, tail) = (place(&edge.head), place(&edge.tail));
            pairs.retain(|pair| (pair.0, pair.1) != (head, tail));
            pairs.push((head, tail, &edge.relation));
        }
        pairs
    }
    fn cost(gold: &ExplanationGraph, predicted: &ExplanationGraph, map: &[Option<usize>]) -> usize {
        let (from, to) = (gold.concepts(), predicted.concepts());
        let (gold, predicted) = (pairs(gold), pairs(predicted));
        let mapped = map.iter().flatten().count();
        let nodes: usize = map
            .iter()
            .zip(&from)
            .map(|(target, label)| usize::from(target.is_none_or(|target| to[target] != *label)))
            .sum();
        let mut matched = 0;
        let mut edges = 0;
        for (head, tail, relation) in &gold {
            let image = map[*head].zip(map[*tail]);
            let found = predicted
                .iter()
                .find(|other| image == Some((other.0, other.1)));
            matched += usize::from(found.is_some());
            edges += usize::from(found.is_none_or(|found| found.2 != *relation));
        }
        nodes + (to.len() - mapped) + edges + (predicted.len() - matched)
    }
    fn best(
        gold: &ExplanationGraph,
        predicted: &ExplanationGraph,
        map: &mut Vec<Option<usize>>,
    ) -> usize {
        if map.len() == gold.concepts().len() {
            return cost(gold, predicted, map);
        }
        let targets = predicted.concepts().len();
        let free = (0..targets).map(Some).chain([None]);
        let free: Vec<Option<usize>> = free
            .filter(|target| target.is_none() || !map.contains(target))
            .collect();
        let tried = free.into_iter().map(|target| {
            map.push(target);
            let cost = best(gold, predicted, map);
            map.pop();
            cost
        });
        tried.min().unwrap()
    }
    best(gold, predicted, &mut Vec::new())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_edit_distance_is_the_least_over_all_pairings(a in edges(6), b in edges(6)) {
        let (a, b) = (numbered(&a), numbered(&b));
        let edits = graph_edit_distance(&a, &b).unwrap();
        prop_assert_eq!(edits.distance, by_trying(&a, &b));
        prop_assert!((0.0..=1.0).contains(&edits.normalized));
    }

    #[test]
    fn the_edit_distance_is_a_metric(a in edges(7), b in edges(7), c in edges(7)) {
        let (a, b, c) = (numbered(&a), numbered(&b), numbered(&c));
        let distance = |a, b| graph_edit_distance(a, b).unwrap().distance;
        prop_assert_eq!(distance(&a, &a), 0);
        prop_assert_eq!(distance(&a, &b), distance(&b, &a));
        prop_assert!(distance(&a, &c) <= distance(&a, &b) + distance(&b, &c));
    }

    #[test]
    fn edge_match_is_symmetric_and_swaps_precision_and_recall(
        scores in prop::collection::vec(-1.0..1.0f64, 6),
    ) {
        let transposed: Vec<f64> = (0..6).map(|index| scores[index % 2 * 3 + index / 2]).collect();
        let (one, two) = (edge_match_score(&scores, 2, 3).unwrap(), edge_match_score(&transposed, 3, 2).unwrap());
        prop_assert!((one.total - two.total).abs() < 1e-12 && (one.f1 - two.f1).abs() < 1e-12);
        prop_assert!((one.precision - two.recall).abs() < 1e-12);
    }

    #[test]
    fn no_text_makes_the_checker_panic(text in "[ab;() ]{0,30}") {
        let report = check(&text);
        prop_assert!(!report.correct());
        prop_assert!(report.well_formed || !(report.connected || report.acyclic || report.concepts));
    }
}

#[test]
fn the_search_is_fast_where_nothing_matches() {
    // The largest graphs it takes: no label in common, edges at random.
    let random = |offset: usize, step: usize| {
        let edges = (0..16).map(|index| {
            let (head, tail) = (index % 12, (index * step + 5) % 12);
            Edge::new(
                (offset + head).to_string(),
                format!("r{}", index % 4),
                (offset + tail).to_string(),
            )
        });
        ExplanationGraph {
            edges: edges.collect(),
        }
    };
    let (a, b) = (random(0, 7), random(100, 5));
    assert!(graph_edit_distance(&a, &b).unwrap().distance >= 12);
    let chain = |offset: usize, count: usize| ExplanationGraph {
        edges: (0..count - 1)
            .map(|index| {
                Edge::new(
                    (offset + index).to_string(),
                    "causes",
                    (offset + index + 1).to_string(),
                )
            })
            .collect(),
    };
    assert_eq!(
        graph_edit_distance(&chain(0, 12), &chain(100, 12))
            .unwrap()
            .distance,
        12
    );
    let too_large = graph_edit_distance(&chain(0, 13), &chain(0, 3)).unwrap_err();
    assert_eq!((too_large.concepts, too_large.limit), (13, 12));
}

#[test]
fn a_repeated_pair_keeps_its_last_relation_and_counts_once() {
    let gold = graph("(a; is a; b)");
    let edits = graph_edit_distance(&gold, &graph("(a; causes; b)(a; is a; b)")).unwrap();
    assert_eq!((edits.distance, edits.normalizer), (0, 2 + 1 + 17));
    let empty = graph_edit_distance(&gold, &ExplanationGraph::default()).unwrap();
    assert_eq!(empty.distance, 3);
}

#[test]
fn the_normalized_distance_is_cut_at_one() {
    let gold = graph("(a; is a; b)");
    let many = (0..11).flat_map(|head| [(head, head + 1), ((head + 1) % 11, head)]);
    let many = ExplanationGraph {
        edges: many
            .map(|(head, tail)| Edge::new(format!("n{head}"), "causes", format!("n{tail}")))
            .collect(),
    };
    let edits = graph_edit_distance(&gold, &many).unwrap();
    assert!(edits.distance > edits.normalizer && edits.normalized == 1.0);
}

#[test]
fn each_structural_rule_is_seen_alone() {
    assert!(check(GRAPH).correct());
    assert!(check(&format!("  {}\n", GRAPH.to_uppercase())).correct());
    let everything_but = |text: &str, spoil: fn(&mut StructuralReport)| {
        let mut wanted = check(GRAPH);
        spoil(&mut wanted);
        assert_eq!(check(text), wanted, "{text}");
    };
    everything_but(&GRAPH.replace("causes; legal", "wants; legal"), |report| {
        report.edges_legal = false;
    });
    everything_but(&format!("{GRAPH}(legal; is a; )"), |report| {
        report.edges_legal = false;
    });
    everything_but(&format!("{GRAPH}(legal; is a; a b c d)"), |report| {
        report.edges_legal = false;
    });
    everything_but(&format!("{GRAPH}(legal; is a; legal)"), |report| {
        report.acyclic = false;
    });
    everything_but(&format!("{GRAPH}(cat; is a; dog)"), |report| {
        report.connected = false;
    });
    let two = "(cannabis; synonym of; marijuana)(marijuana; causes; legal)";
    everything_but(&format!("{two}(legal; causes; joy)"), |report| {
        report.concepts = false;
    });
    let repeated =
        "(cannabis; is a; marijuana)(cannabis; is a; marijuana)(cannabis; is a; marijuana)";
    assert!(check(repeated).edge_count);
}

#[test]
fn what_is_no_graph_keeps_no_rule() {
    for text in ["", "()", "(", "a; is a; b", "(a; b)"] {
        assert_eq!(check(text), StructuralReport::default(), "{text:?}");
    }
    let counted = StructuralReport {
        edge_count: true,
        ..StructuralReport::default()
    };
    assert_eq!(check("(a; is a; b)(b; c)(c; is a; d)"), counted);
}

#[test]
fn a_concept_occurs_as_a_run_of_characters() {
    let report =
        StructuralChecker::default().check("(can; is a; able)", "cannabis able", "canable");
    assert!(report.concepts && !report.edge_count);
}

#[test]
fn settings_survive_json_and_zeros_are_refused() {
    check_config(
        &StructuralCheckerConfig::new(),
        StructuralCheckerConfig::init,
    );
    let config = StructuralCheckerConfig::new();
    check_refused(config.clone().with_min_edges(0).init(), "min_edges");
    check_refused(config.clone().with_max_words(0).init(), "max_words");
    check_refused(config.with_min_concepts(0).init(), "min_concepts");
    check_send_sync::<(StructuralChecker, GraphBenchmark, GraphBenchmarkError)>();
    let lenient = StructuralCheckerConfig::new()
        .with_min_edges(1)
        .with_min_concepts(1);
    let lenient = lenient.init().unwrap();
    assert!(
        lenient
            .check("(cannabis; is a; marijuana)", BELIEF, ARGUMENT)
            .correct()
    );
}

#[test]
fn edge_match_of_nothing_is_zero_and_bad_numbers_are_errors() {
    for (gold, predicted) in [(0, 3), (3, 0), (0, 0)] {
        assert_eq!(edge_match_score(&[], gold, predicted).unwrap().f1, 0.0);
    }
    assert_eq!(edge_match_score(&[0.0; 4], 2, 2).unwrap().f1, 0.0);
    assert!(edge_match_score(&[0.1], 1, 2).is_err());
    assert!(edge_match_score(&[f64::NAN], 1, 1).is_err());
}

#[test]
fn edge_importance_is_strict_and_counts_wrong_samples_as_zero() {
    assert_eq!(edge_importance_accuracy(&[], &[], 4).unwrap(), 0.0);
    assert_eq!(
        edge_importance_accuracy(&[0.5], &[vec![0.5, 0.5]], 1).unwrap(),
        0.0
    );
    assert!(edge_importance_accuracy(&[], &[], 0).is_err());
    assert!(edge_importance_accuracy(&[0.5], &[vec![0.1]], 0).is_err());
    assert!(edge_importance_accuracy(&[0.5], &[], 1).is_err());
    assert!(edge_importance_accuracy(&[0.5], &[vec![]], 1).is_err());
    assert!(edge_importance_accuracy(&[1.5], &[vec![0.1]], 1).is_err());
    assert!(edge_importance_accuracy(&[0.5], &[vec![f64::NAN]], 1).is_err());
    assert!(corpus_mean(&[], 0).is_err() && corpus_mean(&[1.0, 1.0], 1).is_err());
}

#[test]
fn an_encoder_of_tokens_gives_bert_scores_f1() {
    // Each word is an axis: a cosine is 1 for the same word and 0 else.
    let words = ["a", "b", "c", "is"];
    let encode = |sentence: &str| {
        let tokens: Vec<&str> = sentence.split(' ').collect();
        let values: Vec<f32> = tokens
            .iter()
            .flat_map(|token| words.map(|word| f32::from(u8::from(word == *token))))
            .collect();
        Tensor::<2>::from_data(TensorData::new(values, [tokens.len(), 4]), &Device::flex())
    };
    let (gold, predicted) = (graph("(a; is; b)(b; is; c)"), graph("(a; is; a)"));
    // (a is b, a is a): recall 2/3, precision 1. (b is c, a is a): 1/3 and 1/3.
    let similarity = edge_similarities(&gold, &predicted, encode).unwrap();
    assert!((similarity[0] - 0.8).abs() < 1e-6 && (similarity[1] - 1.0 / 3.0).abs() < 1e-6);
    let score = graph_bert_score(&gold, &predicted, encode).unwrap();
    assert!((score.precision - 0.8).abs() < 1e-6 && (score.recall - 0.4).abs() < 1e-6);
    let nothing = |_: &str| Tensor::<2>::from_data([[f32::NAN]], &Device::flex());
    assert!(graph_bert_score(&gold, &predicted, nothing).is_err());
}

fn row<'a>(stance: &'a str, graph: &'a str) -> BenchmarkRow<'a> {
    BenchmarkRow {
        belief: BELIEF,
        argument: ARGUMENT,
        stance,
        gold_stance: "support",
        graph,
        gold: GRAPH,
    }
}

#[test]
fn the_pipeline_stops_where_a_row_is_wrong() {
    let rows = [
        row("support", GRAPH),
        row("counter", GRAPH),
        row("support", "(a; b)"),
    ];
    let report = GraphBenchmark::default().evaluate(&rows).unwrap();
    assert_eq!(
        report.annotations,
        [
            Annotation::StructCorrect,
            Annotation::StanceIncorrect,
            Annotation::StructIncorrect
        ]
    );
    assert_eq!(report.stance_accuracy, 2.0 / 3.0);
    assert_eq!(
        (report.structural_accuracy, report.ged),
        (1.0 / 3.0, 2.0 / 3.0)
    );
}

#[test]
fn semantics_are_the_classifiers_and_asked_only_of_correct_rows() {
    let rows = [
        row("support", GRAPH),
        row("counter", GRAPH),
        row("support", "(a; b)"),
    ];
    let mut asked = 0;
    let benchmark = GraphBenchmark::default();
    let accuracy = benchmark.semantic_accuracy(&rows, |_, _| {
        asked += 1;
        "support"
    });
    assert_eq!((accuracy.unwrap(), asked), (1.0 / 3.0, 1));
    assert_eq!(
        benchmark
            .semantic_accuracy(&rows, |_, _| "incorrect")
            .unwrap(),
        0.0
    );
    assert!(benchmark.semantic_accuracy(&[], |_, _| "support").is_err());
}

#[test]
fn what_cannot_be_scored_names_its_row() {
    let benchmark = GraphBenchmark::default();
    assert!(benchmark.evaluate(&[]).is_err());
    let bad = BenchmarkRow {
        gold: "none",
        ..row("support", GRAPH)
    };
    let error = benchmark
        .evaluate(&[row("support", GRAPH), bad])
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("row 1: the gold graph cannot be read")
    );
    let chain: Vec<String> = (0..13)
        .map(|index| format!("(x{index}; causes; x{})", index + 1))
        .collect();
    let long = format!("{GRAPH}(legal; causes; x0){}", chain.concat());
    let error = benchmark.evaluate(&[row("support", &long)]).unwrap_err();
    assert!(matches!(
        error,
        GraphBenchmarkError::TooLarge { row: 0, .. }
    ));
}
