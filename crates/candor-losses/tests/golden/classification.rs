use burn::nn::loss::Reduction;
use burn::tensor::{Device, Tensor};
use candor_losses::classification::consistency::{
    CompSumBounds, conditional_infimum, minimizability_gap, minimizability_gap_upper, phi,
};
use candor_losses::classification::{
    AnyLoss, AnyLossConfig, CompSumLossConfig, ConfusionMetric, PerturbationNorm, PgdAttackConfig,
    RhoMarginCompSumConfig, SmoothAdversarialCompSumConfig,
};
use candor_testkit::golden::{Case, OpResult, Outputs, Suite};

pub(super) fn map(suite: Suite) -> Suite {
    suite
        .sheet("anyloss")
        .op("anyloss_approx", anyloss_approx)
        .op("anyloss_confusion", anyloss_confusion)
        .op("anyloss_loss", anyloss_loss)
        .op("anyloss_loss_logits", anyloss_loss_logits)
        .op("anyloss_multilabel", anyloss_multilabel)
        .op("anyloss_multiclass", anyloss_multiclass)
        .sheet("comp-sum")
        .op("compsum_loss", compsum_loss)
        .op("compsum_phi", compsum_phi)
        .op("compsum_t", compsum_t)
        .op("compsum_gamma", compsum_gamma)
        .op("compsum_gamma_tilde", compsum_gamma_tilde)
        .op("compsum_conditional_infimum", compsum_conditional_infimum)
        .op("compsum_minimizability_gap", compsum_minimizability_gap)
        .op("compsum_rho_margin", compsum_rho_margin)
        .op("compsum_smooth_adv", compsum_smooth_adv)
        .op("compsum_pgd_step", compsum_pgd_step)
}

fn any_loss(case: &Case) -> Result<AnyLoss, candor_core::ConfigError> {
    let metric = match case.text("metric") {
        "accuracy" => ConfusionMetric::Accuracy,
        "f_beta" => ConfusionMetric::FBeta {
            beta: case.param_or("beta", 1.0),
        },
        "balanced_accuracy" => ConfusionMetric::BalancedAccuracy,
        "g_mean" => ConfusionMetric::GMean,
        "g_mean_squared" => ConfusionMetric::GMeanSquared,
        "mcc" => ConfusionMetric::Mcc,
        "precision" => ConfusionMetric::Precision,
        "recall" => ConfusionMetric::Recall,
        "specificity" => ConfusionMetric::Specificity,
        "jaccard" => ConfusionMetric::Jaccard,
        other => panic!("no metric {other}"),
    };
    AnyLossConfig::new()
        .with_metric(metric)
        .with_sharpness(case.param("l"))
        .init()
}

fn anyloss_approx(case: &Case, device: &Device) -> OpResult {
    let p = case.tracked::<1>("p", device);
    let loss = AnyLossConfig::new()
        .with_sharpness(case.param("l"))
        .init()?;
    let amplified = loss.amplify(p.clone());
    Ok(Outputs::new()
        .tensor("a", &amplified)
        .gradients(&amplified.sum(), &[("p", &p)]))
}

fn anyloss_confusion(case: &Case, device: &Device) -> OpResult {
    let (p, y) = (case.float::<1>("p", device), case.int::<1>("y", device));
    let loss = AnyLossConfig::new()
        .with_sharpness(case.param("l"))
        .init()?;
    loss.validate(&p, &y)?;
    let confusion = loss.confusion(p, y);
    Ok(Outputs::new()
        .tensor("tp", &confusion.true_positives)
        .tensor("fn", &confusion.false_negatives)
        .tensor("fp", &confusion.false_positives)
        .tensor("tn", &confusion.true_negatives))
}

fn anyloss_loss(case: &Case, device: &Device) -> OpResult {
    let loss = any_loss(case)?;
    let (p, y) = (case.tracked::<1>("p", device), case.int::<1>("y", device));
    loss.validate(&p, &y)?;
    let value = loss.forward(p.clone(), y);
    Ok(Outputs::new()
        .tensor("loss", &value)
        .gradients(&value, &[("p", &p)]))
}

fn anyloss_loss_logits(case: &Case, device: &Device) -> OpResult {
    let loss = any_loss(case)?;
    let (logits, y) = (
        case.tracked::<1>("logits", device),
        case.int::<1>("y", device),
    );
    loss.validate_logits(&logits, &y)?;
    let value = loss.forward_logits(logits.clone(), y);
    Ok(Outputs::new()
        .tensor("loss", &value)
        .gradients(&value, &[("logits", &logits)]))
}

fn anyloss_multilabel(case: &Case, device: &Device) -> OpResult {
    let loss = any_loss(case)?;
    let (p, y) = (case.tracked::<2>("p", device), case.int::<2>("y", device));
    loss.validate(&p, &y)?;
    let value = loss.forward_multi_label(p.clone(), y.clone(), Reduction::Mean);
    Ok(Outputs::new()
        .tensor("loss", &value)
        .tensor(
            "per_label",
            &loss.forward_multi_label_no_reduction(p.clone(), y),
        )
        .gradients(&value, &[("p", &p)]))
}

fn anyloss_multiclass(case: &Case, device: &Device) -> OpResult {
    let loss = any_loss(case)?;
    let (logits, labels) = (
        case.tracked::<2>("logits", device),
        case.int::<1>("target", device),
    );
    loss.validate_multi_class(&logits, &labels)?;
    let value = loss.forward_multi_class(logits.clone(), labels);
    Ok(Outputs::new()
        .tensor("loss", &value)
        .gradients(&value, &[("logits", &logits)]))
}

fn compsum_loss(case: &Case, device: &Device) -> OpResult {
    let loss = CompSumLossConfig::new()
        .with_tau(case.param("tau"))
        .init()?;
    let (logits, labels) = (
        case.tracked::<2>("logits", device),
        case.int::<1>("target", device),
    );
    loss.validate(&logits, &labels)?;
    let rows = loss.forward_no_reduction(logits.clone(), labels.clone());
    let value = loss.forward(logits.clone(), labels, Reduction::Mean);
    Ok(per_example(&rows, &value).gradients(&value, &[("logits", &logits)]))
}

fn per_example(rows: &Tensor<1>, loss: &Tensor<1>) -> Outputs {
    Outputs::new()
        .tensor("per_example", rows)
        .tensor("loss", loss)
}

fn compsum_phi(case: &Case, _: &Device) -> OpResult {
    map_values(case, "u", "phi", |u| phi(u, case.param("tau")))
}

fn compsum_t(case: &Case, _: &Device) -> OpResult {
    let bounds = bounds(case)?;
    map_values(case, "beta", "t", |beta| bounds.t_transform(beta))
}

fn compsum_gamma(case: &Case, _: &Device) -> OpResult {
    let bounds = bounds(case)?;
    map_values(case, "t", "beta", |t| bounds.gamma(t))
}

fn compsum_gamma_tilde(case: &Case, _: &Device) -> OpResult {
    let bounds = bounds(case)?;
    map_values(case, "t", "bound", |t| bounds.gamma_tilde(t))
}

fn bounds(case: &Case) -> Result<CompSumBounds, candor_core::ConfigError> {
    CompSumBounds::new(case.param("tau"), case.count("n_classes").unwrap_or(0))
}

fn map_values(
    case: &Case,
    input: &str,
    output: &str,
    value: impl Fn(f64) -> Result<f64, candor_core::InputError>,
) -> OpResult {
    let values = case
        .floats(input)
        .into_iter()
        .map(value)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Outputs::new().values(output, values))
}

fn compsum_conditional_infimum(case: &Case, _: &Device) -> OpResult {
    let rows = case.float_rows("p");
    let values: Result<Vec<f64>, _> = rows
        .iter()
        .map(|row| conditional_infimum(row, case.param("tau")))
        .collect();
    Ok(Outputs::new().values("value", values?))
}

fn compsum_minimizability_gap(case: &Case, _: &Device) -> OpResult {
    let (rows, tau) = (case.float_rows("p"), case.param("tau"));
    let gap = minimizability_gap(case.param("best_in_class_risk"), &rows, tau)?;
    let upper = minimizability_gap_upper(case.param("best_in_class_risk_tau0"), &rows, tau)?;
    Ok(Outputs::new().value("gap", gap).value("gap_upper", upper))
}

fn compsum_rho_margin(case: &Case, device: &Device) -> OpResult {
    let config = RhoMarginCompSumConfig::new();
    let loss = config
        .with_tau(case.param("tau"))
        .with_rho(case.param("rho"))
        .init()?;
    let (logits, labels) = (
        case.tracked::<2>("logits", device),
        case.int::<1>("target", device),
    );
    loss.validate(&logits, &labels)?;
    let rows = loss.forward_no_reduction(logits.clone(), labels.clone());
    let value = loss.forward(logits.clone(), labels, Reduction::Mean);
    Ok(per_example(&rows, &value).gradients(&value, &[("logits", &logits)]))
}

fn compsum_smooth_adv(case: &Case, device: &Device) -> OpResult {
    let loss = SmoothAdversarialCompSumConfig::new()
        .with_tau(case.param("tau"))
        .with_rho(case.param("rho"))
        .with_nu(case.param("nu"))
        .init()?;
    let clean = case.tracked::<2>("logits_clean", device);
    let adversarial = case.tracked::<2>("logits_adv", device);
    let labels = case.int::<1>("target", device);
    loss.validate(&clean, &adversarial, &labels)?;
    let rows = loss.forward_no_reduction(clean.clone(), adversarial.clone(), labels.clone());
    let value = loss.forward(clean.clone(), adversarial.clone(), labels, Reduction::Mean);
    Ok(per_example(&rows, &value).gradients(
        &value,
        &[("logits_clean", &clean), ("logits_adv", &adversarial)],
    ))
}

fn compsum_pgd_step(case: &Case, device: &Device) -> OpResult {
    let norm = match case.text("norm") {
        "linf" => PerturbationNorm::LInf,
        "l2" => PerturbationNorm::L2,
        other => panic!("no norm {other}"),
    };
    let attack = PgdAttackConfig::new()
        .with_norm(norm)
        .with_step_size(case.param("step"))
        .with_radius(case.param("gamma"))
        .with_lower(case.param("lo"))
        .with_upper(case.param("hi"))
        .init()?;
    let [current, gradient, inputs] = ["x", "grad", "x0"].map(|name| case.float::<2>(name, device));
    Ok(Outputs::new().tensor("x_new", &attack.step(current, gradient, inputs)))
}
