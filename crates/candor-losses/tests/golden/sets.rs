use burn::nn::loss::Reduction;
use burn::tensor::{Device, Tensor};
use candor_core::InputError;
use candor_losses::sets::{
    AssignmentLoss, MarkovScorer, OrderObjective, OrderSearchConfig, OrderSearchLossConfig,
    ancestral_order, hungarian, sort_metrics,
};
use candor_testkit::golden::{Case, OpResult, Outputs, Suite};

pub(super) fn map(suite: Suite) -> Suite {
    suite
        .sheet("order-matters")
        .op("om_order_losses", order_losses)
        .op("om_exact_order_search", exact_order_search)
        .op("om_ancestral_order", ancestral)
        .op("om_assignment", assignment)
        .op("om_assignment_set_loss", assignment_set_loss)
        .op("om_sort_metrics", sorting)
        // The networks are in candor-models.
        .elsewhere(&["om_process_block", "om_pointer_step"])
}

fn order_losses(case: &Case, device: &Device) -> OpResult {
    let objectives = [
        ("best", OrderObjective::Best),
        ("uniform", OrderObjective::Uniform),
        ("sampled", OrderObjective::Sampled),
        ("expected", OrderObjective::Expected),
        ("marginal", OrderObjective::Marginal),
    ];
    let chosen = case.int::<1>("chosen", device);
    let mut outputs = Outputs::new();
    for (name, objective) in objectives {
        let loss = OrderSearchLossConfig::new()
            .with_objective(objective)
            .init()?;
        let log_probs = case.tracked::<2>("log_probs", device);
        loss.validate(&log_probs, Some(&chosen))?;
        let rows = loss.forward_no_reduction(log_probs.clone(), Some(chosen.clone()));
        let value = loss.forward(log_probs.clone(), Some(chosen.clone()), Reduction::Mean);
        outputs = outputs
            .tensor(name, &rows)
            .gradients(&value, &[(name, &log_probs)]);
    }
    Ok(outputs)
}

fn markov_scorer(case: &Case) -> Result<MarkovScorer, InputError> {
    let tokens: Vec<usize> = case
        .ints("tokens")
        .into_iter()
        .map(|token| usize::try_from(token).unwrap_or(usize::MAX))
        .collect();
    MarkovScorer::from_logits(
        &case.floats("start_logits"),
        &case.floats("transition_logits"),
        &tokens,
    )
}

fn exact_order_search(case: &Case, _: &Device) -> OpResult {
    let search = OrderSearchConfig::new()
        .with_max_exact(case.count("max_exact").unwrap_or(7))
        .init()?;
    let scorer = markov_scorer(case)?;
    let found = search.exact(&scorer, scorer.elements())?;
    Ok(Outputs::new()
        .values("order", found.order.into_iter().map(|index| index as f64))
        .value("log_prob", found.log_prob)
        .value("uniform_nll", found.uniform_nll)
        .value("marginal_nll", found.marginal_nll))
}

fn ancestral(case: &Case, _: &Device) -> OpResult {
    let scorer = markov_scorer(case)?;
    let uniforms = case.floats("uniforms");
    InputError::check_dims(
        "golden case",
        "uniforms",
        &[uniforms.len()],
        &[scorer.elements()],
    )?;
    let drawn = ancestral_order(&scorer, &uniforms)?;
    Ok(Outputs::new()
        .values("order", drawn.order.into_iter().map(|index| index as f64))
        .value("log_proposal", drawn.log_proposal)
        .value("log_prob", drawn.log_prob))
}

fn assignment(case: &Case, _: &Device) -> OpResult {
    let shape = case.shape("cost");
    let (rows, cols) = (shape[0], shape[1]);
    let found = hungarian(&case.floats("cost"), rows, cols)?;
    let mut gradient = vec![0.0; rows * cols];
    for (row, column) in found.columns.iter().enumerate() {
        if let Some(column) = column {
            gradient[row * cols + column] = 1.0;
        }
    }
    let columns = found.columns.into_iter();
    Ok(Outputs::new()
        .values(
            "assignment",
            columns.map(|column| column.map_or(-1.0, |column| column as f64)),
        )
        .value("total", found.total)
        .values("grad.cost", gradient))
}

fn assignment_set_loss(case: &Case, device: &Device) -> OpResult {
    let logits = case.tracked::<3>("logits", device);
    let targets = case.int::<2>("targets", device);
    AssignmentLoss.validate(&logits, &targets)?;
    let matching = AssignmentLoss.assign(&logits, &targets)?;
    let rows: Tensor<1> =
        AssignmentLoss.forward_no_reduction(logits.clone(), targets.clone(), matching.clone());
    let value = AssignmentLoss.forward(logits.clone(), targets, matching.clone(), Reduction::Mean);
    Ok(Outputs::new()
        .tensor("loss", &rows)
        .ints("assignment", &matching)
        .gradients(&value, &[("logits", &logits)]))
}

fn sorting(case: &Case, _: &Device) -> OpResult {
    let width = case.shape("values")[1];
    let metrics = sort_metrics(&case.floats("values"), width, &case.ints("predicted"))?;
    Ok(Outputs::new()
        .values(
            "target",
            metrics.target.into_iter().map(|index| index as f64),
        )
        .value("exact", metrics.exact)
        .value("elementwise", metrics.elementwise))
}
