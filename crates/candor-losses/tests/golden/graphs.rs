use burn::nn::loss::Reduction;
use burn::tensor::Device;
use candor_losses::graphs::{
    Edge, ExplanationGraph, GraphInfoNceLossConfig, GraphMaxMarginLossConfig, GraphPerturbation,
    PadMode, masked_mean_pool,
};
use candor_metrics::explanation_graphs::StructuralChecker;
use candor_testkit::golden::{Case, OpResult, Outputs, Suite};

pub(super) fn map(suite: Suite) -> Suite {
    suite
        .sheet("explagraph")
        .op("eg_max_margin_loss", max_margin)
        .op("eg_info_nce_loss", info_nce)
        .op("eg_masked_mean_pool", pool)
        .op("eg_dfs_linearize", dfs_linearize)
        .op("eg_perturb", perturb)
        .elsewhere(&[
            "eg_structural_check",
            "eg_graph_edit_distance",
            "eg_edge_match_score",
            "eg_edge_importance",
            "eg_benchmark_pipeline",
        ])
}

fn max_margin(case: &Case, device: &Device) -> OpResult {
    let pad_mode = match case.text("pad_mode") {
        "masked" => PadMode::Masked,
        "as_published" => PadMode::AsPublished,
        other => panic!("no mode {other}"),
    };
    let loss = GraphMaxMarginLossConfig::new()
        .with_alpha(case.param("alpha"))
        .with_beta(case.param("beta"))
        .with_pad(case.param("pad") as i64)
        .with_pad_mode(pad_mode)
        .init()?;
    let logits = case.tracked::<3>("logits", device);
    let (gold, negative) = (
        case.int::<2>("gold", device),
        case.int::<2>("negative", device),
    );
    loss.validate(&logits, &gold, &negative)?;
    let parts = loss.parts(logits.clone(), gold, negative);
    Ok(Outputs::new()
        .tensor("loss", &parts.loss)
        .tensor("cross_entropy", &parts.cross_entropy)
        .tensor("margin", &parts.margin)
        .gradients(&parts.loss, &[("logits", &logits)]))
}

fn info_nce(case: &Case, device: &Device) -> OpResult {
    let loss = GraphInfoNceLossConfig::new()
        .with_tau(case.param("tau"))
        .init()?;
    let (anchor, positive) = (
        case.tracked::<2>("anchor", device),
        case.tracked::<2>("positive", device),
    );
    let negatives = case.tracked::<3>("negatives", device);
    loss.validate(&anchor, &positive, &negatives)?;
    let inputs = || (anchor.clone(), positive.clone(), negatives.clone());
    let (a, p, n) = inputs();
    let each = loss.forward_no_reduction(a, p, n);
    let (a, p, n) = inputs();
    let mean = loss.forward(a, p, n, Reduction::Mean);
    let gradients = mean.backward();
    Ok(Outputs::new()
        .tensor("loss", &each)
        .tensor("mean", &mean)
        .tensor("grad.anchor", &anchor.grad(&gradients).unwrap())
        .tensor("grad.positive", &positive.grad(&gradients).unwrap())
        .tensor("grad.negatives", &negatives.grad(&gradients).unwrap()))
}

/// The file's gradient is that of the sum of squares.
fn pool(case: &Case, device: &Device) -> OpResult {
    let hidden = case.tracked::<3>("hidden", device);
    let pooled = masked_mean_pool(hidden.clone(), case.bool::<2>("mask", device));
    Ok(Outputs::new()
        .tensor("pooled", &pooled)
        .gradients(&pooled.square().sum(), &[("hidden", &hidden)]))
}

fn dfs_linearize(case: &Case, _: &Device) -> OpResult {
    let graph = ExplanationGraph::parse(case.text("graph"))?;
    Ok(Outputs::new().json("graph", graph.dfs_linearized().to_string()))
}

fn perturb(case: &Case, _: &Device) -> OpResult {
    let edge = || case.count("edge").unwrap();
    let text = |name: &str| case.text(name).to_owned();
    let perturbation = match case.text("kind") {
        "remove_edge" => GraphPerturbation::RemoveEdge(edge()),
        "add_edge" => {
            GraphPerturbation::AddEdge(Edge::new(text("head"), text("relation"), text("tail")))
        }
        "replace_relation" => GraphPerturbation::ReplaceRelation(edge(), text("relation")),
        "replace_node" => GraphPerturbation::ReplaceNode {
            old: text("old"),
            new: text("new"),
        },
        "reverse_edge" => GraphPerturbation::ReverseEdge(edge()),
        other => panic!("no perturbation {other}"),
    };
    let edited = perturbation.apply(&ExplanationGraph::parse(case.text("graph"))?)?;
    let written = edited.to_string();
    let checker = StructuralChecker::default();
    let report = checker.check(&written, case.text("belief"), case.text("argument"));
    Ok(Outputs::new()
        .json("graph", written)
        .json("structurally_correct", report.correct()))
}
