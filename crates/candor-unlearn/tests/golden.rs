//! The sheet's cases: values and gradients on every device compiled in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use burn::nn::loss::Reduction;
use burn::tensor::{Device, Tensor};
use candor_core::InputError;
use candor_testkit::golden::{Case, OpResult, Outputs, Suite};
use candor_unlearn::{
    DpoUnlearnConfig, GradDiffConfig, IGNORE_INDEX, KtoUnlearnConfig, NpoConfig, NpoKlConfig,
    NpoRtConfig, SequenceLogProbs, SimNpoConfig, retain_kl, validate_retain_mask,
};

#[test]
fn golden_cases() {
    suite().run();
}

pub(crate) fn suite() -> Suite {
    Suite::new("candor-unlearn")
        .sheet("npo")
        .op("npo_loss", npo_loss)
        .op("npo_adaptive_weight", npo_adaptive_weight)
        .op("npo_sequence_logp", npo_sequence_logp)
        .op("npo_rt_loss", npo_rt_loss)
        .op("npo_kl_loss", npo_kl_loss)
        .op("npo_graddiff_loss", npo_graddiff_loss)
        .op("npo_dpo_unlearn_loss", npo_dpo_unlearn_loss)
        .op("npo_kto_unlearn_loss", npo_kto_unlearn_loss)
        .op("npo_simnpo_loss", npo_simnpo_loss)
        .elsewhere(&[
            "npo_truth_ratio",
            "npo_forget_quality",
            "npo_ks_two_sample",
            "npo_model_utility",
            "npo_answer_probability",
            "npo_rouge_l",
        ])
}

fn per_sample(rows: &Tensor<1>, loss: &Tensor<1>) -> Outputs {
    Outputs::new()
        .tensor("per_sample", rows)
        .tensor("loss", loss)
}

fn npo_loss(case: &Case, device: &Device) -> OpResult {
    let npo = NpoConfig::new()
        .with_beta(case.param_or("beta", 0.1))
        .init()?;
    let (policy, reference) = (
        case.tracked::<1>("policy_logp", device),
        case.float("ref_logp", device),
    );
    npo.validate(&policy, &reference)?;
    let rows = npo.forward_no_reduction(policy.clone(), reference.clone());
    let loss = npo.forward(policy.clone(), reference, Reduction::Mean);
    Ok(per_sample(&rows, &loss).gradients(&loss, &[("policy_logp", &policy)]))
}

fn npo_adaptive_weight(case: &Case, device: &Device) -> OpResult {
    let npo = NpoConfig::new()
        .with_beta(case.param_or("beta", 0.1))
        .init()?;
    let (policy, reference) = (
        case.float("policy_logp", device),
        case.float("ref_logp", device),
    );
    npo.validate(&policy, &reference)?;
    Ok(Outputs::new().tensor("weight", &npo.adaptive_weight(policy, reference)))
}

/// Scores token logits of the case, after the check that data would go through.
fn scored(
    case: &Case,
    logits: &Tensor<3>,
    labels: &str,
    device: &Device,
) -> Result<SequenceLogProbs, InputError> {
    let ignore = case.param_or("ignore_index", IGNORE_INDEX as f64) as i64;
    let labels = case.int::<2>(labels, device);
    SequenceLogProbs::validate_tokens(logits, &labels, ignore)?;
    Ok(SequenceLogProbs::of_tokens(logits.clone(), labels, ignore))
}

fn npo_sequence_logp(case: &Case, device: &Device) -> OpResult {
    let logits = case.tracked::<3>("logits", device);
    let scored = scored(case, &logits, "labels", device)?;
    Ok(Outputs::new()
        .tensor("sum_logp", &scored.sum())
        .ints("token_count", &scored.count())
        .tensor("mean_logp", &scored.mean())
        .gradients(&scored.sum().sum(), &[("logits", &logits)]))
}

fn npo_rt_loss(case: &Case, device: &Device) -> OpResult {
    let objective = NpoRtConfig::new()
        .with_beta(case.param_or("beta", 0.1))
        .with_forget_weight(case.param_or("forget_weight", 1.0))
        .with_retain_weight(case.param_or("retain_weight", 1.0))
        .init()?;
    let [forget_logits, retain_logits] =
        ["forget_logits", "retain_logits"].map(|name| case.tracked::<3>(name, device));
    let forget = scored(case, &forget_logits, "forget_labels", device)?;
    let retain = scored(case, &retain_logits, "retain_labels", device)?;
    let reference = scored(
        case,
        &case.float("forget_ref_logits", device),
        "forget_labels",
        device,
    )?
    .sum();
    objective.validate(&forget, &reference, &retain)?;
    let terms = objective.forward(&forget, reference, &retain);
    Ok(Outputs::new()
        .tensor("loss", &terms.total)
        .tensor("forget_term", &terms.forget)
        .tensor("retain_term", &terms.retain)
        .gradients(
            &terms.total,
            &[
                ("forget_logits", &forget_logits),
                ("retain_logits", &retain_logits),
            ],
        ))
}

fn npo_kl_loss(case: &Case, device: &Device) -> OpResult {
    let objective = NpoKlConfig::new()
        .with_beta(case.param_or("beta", 0.1))
        .with_forget_weight(case.param_or("forget_weight", 1.0))
        .with_retain_weight(case.param_or("retain_weight", 1.0))
        .init()?;
    let [forget_logits, retain_logits] =
        ["forget_logits", "retain_logits"].map(|name| case.tracked::<3>(name, device));
    let forget = scored(case, &forget_logits, "forget_labels", device)?;
    let reference = scored(
        case,
        &case.float("forget_ref_logits", device),
        "forget_labels",
        device,
    )?
    .sum();
    objective.validate(&forget, &reference)?;
    let mask = case
        .has("retain_mask")
        .then(|| case.bool::<2>("retain_mask", device));
    mask.as_ref().map_or(Ok(()), validate_retain_mask)?;
    let kl = retain_kl(
        retain_logits.clone(),
        case.float("retain_ref_logits", device),
        mask,
    );
    let terms = objective.forward(&forget, reference, kl);
    Ok(Outputs::new()
        .tensor("loss", &terms.total)
        .tensor("forget_term", &terms.forget)
        .tensor("retain_term", &terms.retain)
        .gradients(
            &terms.total,
            &[
                ("forget_logits", &forget_logits),
                ("retain_logits", &retain_logits),
            ],
        ))
}

fn npo_graddiff_loss(case: &Case, device: &Device) -> OpResult {
    let objective = GradDiffConfig::new()
        .with_forget_weight(case.param_or("forget_weight", 1.0))
        .with_retain_weight(case.param_or("retain_weight", 1.0))
        .init()?;
    let [forget_logits, retain_logits] =
        ["forget_logits", "retain_logits"].map(|name| case.tracked::<3>(name, device));
    let forget = scored(case, &forget_logits, "forget_labels", device)?;
    let retain = scored(case, &retain_logits, "retain_labels", device)?;
    objective.validate(&forget, &retain)?;
    let terms = objective.forward(&forget, &retain);
    Ok(Outputs::new()
        .tensor("loss", &terms.total)
        .tensor("ga_term", &terms.forget)
        .tensor("retain_term", &terms.retain)
        .gradients(
            &terms.total,
            &[
                ("forget_logits", &forget_logits),
                ("retain_logits", &retain_logits),
            ],
        ))
}

fn npo_dpo_unlearn_loss(case: &Case, device: &Device) -> OpResult {
    let dpo = DpoUnlearnConfig::new()
        .with_beta(case.param_or("beta", 0.1))
        .init()?;
    let [policy, idk] = ["policy_logp", "idk_logp"].map(|name| case.tracked::<1>(name, device));
    let [reference, idk_reference] =
        ["ref_logp", "idk_ref_logp"].map(|name| case.float::<1>(name, device));
    dpo.validate(&policy, &reference, &idk, &idk_reference)?;
    let rows = dpo.forward_no_reduction(
        policy.clone(),
        reference.clone(),
        idk.clone(),
        idk_reference.clone(),
    );
    let loss = dpo.forward(
        policy.clone(),
        reference,
        idk.clone(),
        idk_reference,
        Reduction::Mean,
    );
    Ok(per_sample(&rows, &loss).gradients(&loss, &[("policy_logp", &policy), ("idk_logp", &idk)]))
}

fn npo_kto_unlearn_loss(case: &Case, device: &Device) -> OpResult {
    let kto = KtoUnlearnConfig::new()
        .with_beta(case.param_or("beta", 0.1))
        .init()?;
    let [policy, idk] = ["policy_logp", "idk_logp"].map(|name| case.tracked::<1>(name, device));
    let [reference, idk_reference] =
        ["ref_logp", "idk_ref_logp"].map(|name| case.float::<1>(name, device));
    kto.validate(&policy, &reference, &idk, &idk_reference)?;
    let rows = kto.forward_no_reduction(
        policy.clone(),
        reference.clone(),
        idk.clone(),
        idk_reference.clone(),
    );
    let loss = kto.forward(
        policy.clone(),
        reference,
        idk.clone(),
        idk_reference,
        Reduction::Mean,
    );
    Ok(per_sample(&rows, &loss).gradients(&loss, &[("policy_logp", &policy), ("idk_logp", &idk)]))
}

fn npo_simnpo_loss(case: &Case, device: &Device) -> OpResult {
    let sim_npo = SimNpoConfig::new()
        .with_beta(case.param_or("beta", 4.5))
        .with_gamma(case.param_or("gamma", 0.0))
        .init()?;
    let (policy, counts) = (
        case.tracked::<1>("policy_logp", device),
        case.int("token_count", device),
    );
    sim_npo.validate(&policy, &counts)?;
    let rows = sim_npo.forward_no_reduction(policy.clone(), counts.clone());
    let loss = sim_npo.forward(policy.clone(), counts, Reduction::Mean);
    Ok(per_sample(&rows, &loss).gradients(&loss, &[("policy_logp", &policy)]))
}
