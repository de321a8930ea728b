use burn::tensor::Device;
use candor_core::MemoryBudget;
use candor_metrics::training::{
    AttentionLogitStats, CrossingDirection, LrWeighting, NormExtrapolation, epsilon_attenuation,
    lr_sensitivity,
};
use candor_testkit::golden::{Case, OpResult, Outputs, Suite};

pub(super) fn map(suite: Suite) -> Suite {
    suite
        .sheet("small-scale-proxies")
        .op("ssp_attention_logit_stats", attention_logit_stats)
        .op("ssp_lr_sensitivity", sensitivity)
        .op("ssp_norm_extrapolation", norm_extrapolation)
        .op("ssp_epsilon_attenuation", attenuation)
        .elsewhere(&[
            "ssp_aux_z_loss",
            "ssp_aux_z_loss_masked",
            "ssp_cross_entropy_with_z",
            "ssp_qk_norm_attention",
            "ssp_schedule",
            "ssp_adamw_two_steps",
        ])
}

fn attention_logit_stats(case: &Case, device: &Device) -> OpResult {
    let (queries, keys) = (case.float::<4>("q", device), case.float::<4>("k", device));
    let stats = AttentionLogitStats::of(&queries, &keys, MemoryBudget::default())?;
    Ok(Outputs::new()
        .value("max_abs_logit", stats.max)
        .values("max_abs_logit_per_head", stats.per_head))
}

fn sensitivity(case: &Case, _: &Device) -> OpResult {
    let weighting = match case.text("weighting") {
        "mean" => LrWeighting::Mean,
        "trapezoid_log" => LrWeighting::TrapezoidLog,
        other => panic!("no weighting {other}"),
    };
    let losses = case.value("losses").as_array().unwrap();
    let losses: Vec<Option<f64>> = losses.iter().map(serde_json::Value::as_f64).collect();
    let found = lr_sensitivity(&case.numbers("lrs"), &losses, case.param("l0"), weighting)?;
    Ok(Outputs::new()
        .value("sensitivity", found.sensitivity)
        .value("best_loss", found.best_loss)
        .value("best_lr", found.best_lr))
}

fn norm_extrapolation(case: &Case, _: &Device) -> OpResult {
    let degree = case.count("degree").unwrap();
    let law = NormExtrapolation::fit(&case.numbers("sizes"), &case.numbers("values"), degree)?;
    let outputs = Outputs::new()
        .values("coefficients", law.coefficients().iter().copied())
        .value("prediction", law.predict(case.param("target_size"))?);
    let crossing = law.crossing(case.param("threshold"), CrossingDirection::Rises)?;
    Ok(match crossing {
        Some(size) => outputs.value("crossing_size", size),
        None => outputs.json("crossing_size", serde_json::Value::Null),
    })
}

fn attenuation(case: &Case, _: &Device) -> OpResult {
    let values: Result<Vec<f64>, _> = case
        .floats("grad_rms")
        .into_iter()
        .map(|rms| epsilon_attenuation(rms, case.param("eps")))
        .collect();
    Ok(Outputs::new().values("attenuation", values?))
}
