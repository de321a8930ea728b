use burn::nn::loss::Reduction;
use burn::tensor::{Device, Int, Tensor};
use candor_losses::metric_learning::{
    EpisodeLossConfig, EpisodeTerm, IcnnLossConfig, IcnnOriginalLossConfig,
    ProtoCrossEntropyLossConfig, ProtoTripletLossConfig, prototypes, validate_support,
};
use candor_testkit::golden::{Case, OpResult, Outputs, Suite};

pub(super) fn map(suite: Suite) -> Suite {
    suite
        .sheet("susana-distancia")
        .op("susana_icnn_loss", icnn_loss)
        .op("susana_icnn_original_loss", icnn_original_loss)
        .op("susana_proto_triplet_loss", proto_triplet_loss)
        .op("susana_proto_ce_loss", proto_ce_loss)
        .op("susana_prototypes", susana_prototypes)
        .op("susana_episode_loss", episode_loss)
}

fn icnn_loss(case: &Case, device: &Device) -> OpResult {
    let loss = IcnnLossConfig::new()
        .with_k(case.param_or("k", 4.0) as usize)
        .with_neighbourhood(case.count("neighbourhood"))
        .with_drop_first(case.flag("drop_first"))
        .init()?;
    let (rows, labels) = (
        case.tracked::<2>("x", device),
        case.int::<1>("labels", device),
    );
    if !case.has("target") {
        loss.validate(&rows, &labels)?;
        let score = loss.score(rows.clone(), labels.clone());
        let value = loss.forward(rows.clone(), labels);
        return Ok(Outputs::new()
            .tensor("loss", &value)
            .tensor("score", &score.score)
            .tensor("lambda_same", &score.lambda_same)
            .tensor("lambda_diff", &score.lambda_diff)
            .tensor("gamma", &score.gamma)
            .gradients(&value, &[("x", &rows)]));
    }
    let targets = case.tracked::<2>("target", device);
    let target_labels = case.int::<1>("target_labels", device);
    loss.validate_against(&rows, &labels, &targets, &target_labels)?;
    let sets = || {
        let (rows, targets) = (rows.clone(), targets.clone());
        (rows, labels.clone(), targets, target_labels.clone())
    };
    let (a, b, c, d) = sets();
    let score = loss.score_against(a, b, c, d);
    let (a, b, c, d) = sets();
    let value = loss.forward_against(a, b, c, d);
    Ok(Outputs::new()
        .tensor("loss", &value)
        .tensor("score", &score.score)
        .tensor("lambda_same", &score.lambda_same)
        .tensor("lambda_diff", &score.lambda_diff)
        .tensor("gamma", &score.gamma)
        .gradients(&value, &[("x", &rows), ("target", &targets)]))
}

fn icnn_original_loss(case: &Case, device: &Device) -> OpResult {
    let loss = IcnnOriginalLossConfig::new()
        .with_k(case.param_or("k", 5.0) as usize)
        .with_p(case.param_or("p", 2.0))
        .with_q(case.param_or("q", 2.0))
        .with_r(case.param_or("r", 2.0))
        .with_use_omega(case.flag("use_omega"))
        .init()?;
    let (rows, labels) = (
        case.tracked::<2>("x", device),
        case.int::<1>("labels", device),
    );
    loss.validate(&rows, &labels)?;
    let score = loss.score(rows.clone(), labels.clone());
    let value = loss.forward(rows.clone(), labels);
    Ok(Outputs::new()
        .tensor("loss", &value)
        .tensor("score", &score.score)
        .tensor("lambda", &score.lambda)
        .tensor("omega", &score.omega)
        .tensor("gamma", &score.gamma)
        .gradients(&value, &[("x", &rows)]))
}

/// Queries, their labels and prototypes.
fn queries(case: &Case, device: &Device) -> (Tensor<2>, Tensor<1, Int>, Tensor<2>) {
    (
        case.tracked("queries", device),
        case.int("labels", device),
        case.tracked("prototypes", device),
    )
}

fn proto_triplet_loss(case: &Case, device: &Device) -> OpResult {
    let loss = ProtoTripletLossConfig::new()
        .with_margin(case.param_or("margin", 0.5))
        .init()?;
    let (queries, labels, prototypes) = queries(case, device);
    loss.validate(&queries, &labels, &prototypes)?;
    let (q, y, c) = (&queries, &labels, &prototypes);
    let rows = loss.forward_no_reduction(q.clone(), y.clone(), c.clone());
    let [own, wrong] = loss.distances(q.clone(), y.clone(), c.clone());
    let value = loss.forward(q.clone(), y.clone(), c.clone(), Reduction::Mean);
    Ok(Outputs::new()
        .tensor("loss", &rows)
        .tensor("mean", &value)
        .tensor("d_pos", &own)
        .tensor("d_neg", &wrong)
        .gradients(&value, &[("queries", q), ("prototypes", c)]))
}

fn proto_ce_loss(case: &Case, device: &Device) -> OpResult {
    let loss = ProtoCrossEntropyLossConfig::new()
        .with_squared(case.flag("squared"))
        .with_temperature(case.param_or("temperature", 1.0))
        .init()?;
    let (queries, labels, prototypes) = queries(case, device);
    loss.validate(&queries, &labels, &prototypes)?;
    let (q, y, c) = (&queries, &labels, &prototypes);
    let rows = loss.forward_no_reduction(q.clone(), y.clone(), c.clone());
    let value = loss.forward(q.clone(), y.clone(), c.clone(), Reduction::Mean);
    Ok(Outputs::new()
        .tensor("loss", &rows)
        .tensor("mean", &value)
        .tensor("logits", &loss.logits(q.clone(), c.clone()))
        .gradients(&value, &[("queries", q), ("prototypes", c)]))
}

fn susana_prototypes(case: &Case, device: &Device) -> OpResult {
    let (support, labels) = (
        case.float::<2>("support", device),
        case.int::<1>("labels", device),
    );
    let way = case.count("way").unwrap_or(0);
    validate_support(&support, &labels, way)?;
    Ok(Outputs::new().tensor("prototypes", &prototypes(support, labels, way)))
}

fn episode_loss(case: &Case, device: &Device) -> OpResult {
    let terms: Vec<EpisodeTerm> = serde_json::from_value(case.value("terms").clone())?;
    let loss = EpisodeLossConfig::new(case.count("way").unwrap_or(0))
        .with_terms(terms)
        .with_margin(case.param_or("margin", 0.5))
        .with_temperature(case.param_or("temperature", 1.0))
        .with_k(case.param_or("k", 4.0) as usize)
        .init()?;
    let (support, queries) = (
        case.tracked::<2>("support", device),
        case.tracked::<2>("queries", device),
    );
    let [support_labels, query_labels] =
        ["support_labels", "query_labels"].map(|name| case.int::<1>(name, device));
    loss.validate(&support, &support_labels, &queries, &query_labels)?;
    let value = loss.forward(
        support.clone(),
        support_labels,
        queries.clone(),
        query_labels,
    );
    Ok(Outputs::new()
        .tensor("loss", &value)
        .gradients(&value, &[("support", &support), ("queries", &queries)]))
}
