//! Of the sheet `explagraph`, the measures.

use burn::tensor::Device;
use candor_metrics::explanation_graphs::{
    BenchmarkRow, ExplanationGraph, GraphBenchmark, StructuralChecker, edge_importance_accuracy,
    edge_match_score, graph_edit_distance,
};
use candor_testkit::golden::{Case, OpResult, Outputs, Suite};

pub(super) fn map(suite: Suite) -> Suite {
    suite
        .sheet("explagraph")
        .op("eg_structural_check", structural_check)
        .op("eg_graph_edit_distance", edit_distance)
        .op("eg_edge_match_score", edge_match)
        .op("eg_edge_importance", edge_importance)
        .op("eg_benchmark_pipeline", pipeline)
        .elsewhere(&[
            "eg_max_margin_loss",
            "eg_info_nce_loss",
            "eg_masked_mean_pool",
            "eg_dfs_linearize",
            "eg_perturb",
        ])
}

#[allow(clippy::unnecessary_wraps)] // all operators have one shape
fn structural_check(case: &Case, _: &Device) -> OpResult {
    let report = StructuralChecker::default().check(
        case.text("graph"),
        case.text("belief"),
        case.text("argument"),
    );
    Ok(Outputs::new()
        .json("edge_count", report.edge_count)
        .json("well_formed", report.well_formed)
        .json("edges_legal", report.edges_legal)
        .json("concepts", report.concepts)
        .json("connected", report.connected)
        .json("acyclic", report.acyclic)
        .json("correct", report.correct()))
}

fn edit_distance(case: &Case, _: &Device) -> OpResult {
    let edits = graph_edit_distance(
        &ExplanationGraph::parse(case.text("gold"))?,
        &ExplanationGraph::parse(case.text("pred"))?,
    )?;
    Ok(Outputs::new()
        .value("distance", edits.distance as f64)
        .value("normalized", edits.normalized)
        .value("normalizer", edits.normalizer as f64))
}

fn edge_match(case: &Case, _: &Device) -> OpResult {
    let shape = case.shape("similarity");
    let score = edge_match_score(&case.floats("similarity"), shape[0], shape[1])?;
    Ok(Outputs::new()
        .value("total", score.total)
        .value("precision", score.precision)
        .value("recall", score.recall)
        .value("f1", score.f1))
}

fn edge_importance(case: &Case, _: &Device) -> OpResult {
    let lists = case.value("left_out").as_array().unwrap();
    let left_out: Vec<Vec<f64>> = lists
        .iter()
        .map(|list| {
            let list = list.as_array().unwrap().iter();
            list.map(|value| value.as_f64().unwrap()).collect()
        })
        .collect();
    let accuracy = edge_importance_accuracy(
        &case.numbers("initial"),
        &left_out,
        case.count("total_samples").unwrap(),
    )?;
    Ok(Outputs::new().value("accuracy", accuracy))
}

fn pipeline(case: &Case, _: &Device) -> OpResult {
    let rows: Vec<BenchmarkRow<'_>> = case
        .value("rows")
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = |name: &str| row.get(name).and_then(|text| text.as_str()).unwrap_or("");
            BenchmarkRow {
                belief: text("belief"),
                argument: text("argument"),
                stance: text("stance"),
                gold_stance: text("gold_stance"),
                graph: text("graph"),
                gold: text("gold"),
            }
        })
        .collect();
    let report = GraphBenchmark::default().evaluate(&rows)?;
    Ok(Outputs::new()
        .value("stance_accuracy", report.stance_accuracy)
        .value("structural_accuracy", report.structural_accuracy)
        .value("ged", report.ged)
        .json("annotations", serde_json::to_value(&report.annotations)?))
}
