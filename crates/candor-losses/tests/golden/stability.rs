use burn::module::Param;
use burn::nn::loss::Reduction;
use burn::tensor::{Device, Tensor};
use candor_losses::stability::{
    AdamMoments, AuxZLossConfig, CrossEntropyWithZConfig, IndependentAdamWConfig, QkNorm,
    QkNormConfig, QkNormKind, WarmupCosineConfig, WeightDecayKind, attention_logits,
    attention_weights,
};
use candor_metrics::training::AttentionLogitStats;
use candor_testkit::golden::{Case, OpResult, Outputs, Suite};

pub(super) fn map(suite: Suite) -> Suite {
    suite
        .sheet("small-scale-proxies")
        .op("ssp_aux_z_loss", aux_z_loss)
        .op("ssp_aux_z_loss_masked", aux_z_loss_masked)
        .op("ssp_cross_entropy_with_z", cross_entropy_with_z)
        .op("ssp_qk_norm_attention", qk_norm_attention)
        .op("ssp_schedule", schedule)
        .op("ssp_adamw_two_steps", adamw_two_steps)
        .elsewhere(&[
            "ssp_attention_logit_stats",
            "ssp_lr_sensitivity",
            "ssp_norm_extrapolation",
            "ssp_epsilon_attenuation",
        ])
}

fn aux_z_loss(case: &Case, device: &Device) -> OpResult {
    let config = AuxZLossConfig::new().with_coef(case.param("coef"));
    let loss = config.init()?;
    let logits = case.tracked::<2>("logits", device);
    loss.validate(&logits)?;
    let value = loss.forward(logits.clone(), Reduction::Mean);
    let squares = config.with_coef(1.0).init()?;
    Ok(Outputs::new()
        .tensor("loss", &value)
        .tensor(
            "log_z_squared",
            &squares.forward_no_reduction(logits.clone()),
        )
        .gradients(&value, &[("logits", &logits)]))
}

fn aux_z_loss_masked(case: &Case, device: &Device) -> OpResult {
    let loss = AuxZLossConfig::new().with_coef(case.param("coef")).init()?;
    let logits = case.tracked::<2>("logits", device);
    let value = loss.forward_masked(logits.clone(), case.bool::<1>("mask", device));
    Ok(Outputs::new()
        .tensor("loss", &value)
        .gradients(&value, &[("logits", &logits)]))
}

fn cross_entropy_with_z(case: &Case, device: &Device) -> OpResult {
    let loss = CrossEntropyWithZConfig::new()
        .with_coef(case.param("coef"))
        .init()?;
    let (logits, labels) = (
        case.tracked::<2>("logits", device),
        case.int::<1>("target", device),
    );
    loss.validate(&logits, &labels)?;
    let value = loss.forward(logits.clone(), labels, Reduction::Mean);
    Ok(Outputs::new()
        .tensor("loss", &value)
        .gradients(&value, &[("logits", &logits)]))
}

/// Queries, keys, and the module with the case's gains, all tracked.
fn normed(
    case: &Case,
    device: &Device,
) -> Result<(Tensor<4>, Tensor<4>, QkNorm), candor_core::ConfigError> {
    let kind = match case.text("kind") {
        "layer" => QkNormKind::Layer,
        "rms" => QkNormKind::Rms,
        other => panic!("no kind {other}"),
    };
    let tracked = device.clone().autodiff();
    let mut norm = QkNormConfig::new(case.shape("gamma_q")[0])
        .with_epsilon(case.param("eps"))
        .with_kind(kind)
        .init(&tracked)?;
    norm.gamma_q = Param::from_tensor(case.float("gamma_q", &tracked));
    norm.gamma_k = Param::from_tensor(case.float("gamma_k", &tracked));
    Ok((case.tracked("q", device), case.tracked("k", device), norm))
}

fn qk_norm_attention(case: &Case, device: &Device) -> OpResult {
    let (queries, keys, norm) = normed(case, device)?;
    // A backward pass consumes the graph, and there are gradients of two ranks.
    let attend = || {
        let (queries, keys) = norm.forward(queries.clone(), keys.clone());
        let logits = attention_logits(queries, keys);
        let weights = attention_weights(logits.clone(), case.flag("causal"));
        let cotangent = case.float::<4>("cotangent", device);
        (logits, weights.clone(), (weights * cotangent).sum())
    };
    let (logits, weights, value) = attend();
    let stats = AttentionLogitStats::of_logits(&logits)?;
    let (gamma_q, gamma_k) = (norm.gamma_q.val(), norm.gamma_k.val());
    Ok(Outputs::new()
        .tensor("logits", &logits)
        .tensor("weights", &weights)
        .values("max_abs_logit_per_head", stats.per_head)
        .value("max_abs_logit", stats.max)
        .gradients(&value, &[("q", &queries), ("k", &keys)])
        .gradients(&attend().2, &[("gamma_q", &gamma_q), ("gamma_k", &gamma_k)]))
}

fn schedule(case: &Case, _: &Device) -> OpResult {
    let schedule = WarmupCosineConfig::new(case.param("peak"))
        .with_warmup(case.count("warmup").unwrap())
        .with_total(case.count("total").unwrap())
        .with_end(case.param("end"))
        .init()?;
    let steps = case.numbers("steps").into_iter();
    Ok(Outputs::new().values("lr", steps.map(|step| schedule.lr(step as usize))))
}

fn adamw_two_steps(case: &Case, device: &Device) -> OpResult {
    let decay = if case.flag("independent") {
        WeightDecayKind::Independent
    } else {
        WeightDecayKind::Coupled
    };
    let adam = IndependentAdamWConfig::new(case.param("lr"))
        .with_beta1(case.param("beta1"))
        .with_beta2(case.param("beta2"))
        .with_eps(case.param("eps"))
        .with_weight_decay(case.param("weight_decay"))
        .with_decay(decay)
        .init()?;
    let [start, grad1, grad2] =
        ["param", "grad1", "grad2"].map(|name| case.float::<1>(name, device));
    let schedule = case.param("schedule");
    let zeros = AdamMoments::zeros(&start);
    let first = adam.step(start, grad1, zeros, schedule);
    let second = adam.step(first.parameter.clone(), grad2, first.moments, schedule);
    let sizes = Tensor::cat(vec![first.update_rms, second.update_rms], 0);
    Ok(Outputs::new()
        .tensor("param1", &first.parameter)
        .tensor("param2", &second.parameter)
        .tensor("update_rms", &sizes))
}
