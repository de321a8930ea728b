use burn::nn::loss::Reduction;
use burn::tensor::Device;
use candor_losses::contrastive::{
    HardInfoNceLossConfig, HardSimpleContrastiveLossConfig, InfoNceLossConfig, NtXentLossConfig,
    PenaltyAnalysisConfig, SimilarityForm, SimpleContrastiveLossConfig, high_temperature_limit,
    low_temperature_limit,
};
use candor_testkit::golden::{Case, OpResult, Outputs, Suite};

pub(super) fn map(suite: Suite) -> Suite {
    suite
        .sheet("contrastive-behaviour")
        .op("cb_infonce", infonce)
        .op("cb_infonce_batch", infonce_batch)
        .op("cb_nt_xent", nt_xent)
        .op("cb_hard_infonce", hard_infonce)
        .op("cb_simple", simple)
        .op("cb_hard_simple", hard_simple)
        .op("cb_relative_penalty", relative_penalty)
        .op("cb_gradient_parts", gradient_parts)
        .op("cb_limit_losses", limit_losses)
        .elsewhere(&["cb_uniformity", "cb_tolerance", "cb_alignment"])
}

/// Losses of a case's similarities, their mean, and its gradients.
fn of_similarities(loss: &impl SimilarityForm, case: &Case, device: &Device) -> OpResult {
    let (pos, neg) = (
        case.tracked::<1>("pos", device),
        case.tracked::<2>("neg", device),
    );
    loss.validate_similarities(&pos, &neg)?;
    let losses = loss.forward_similarities_no_reduction(pos.clone(), neg.clone());
    let mean = loss.forward_similarities(pos.clone(), neg.clone(), Reduction::Mean);
    let gradients = mean.backward();
    Ok(Outputs::new()
        .tensor("loss", &losses)
        .tensor("mean", &mean)
        .tensor("grad.pos", &pos.grad(&gradients).unwrap())
        .tensor("grad.neg", &neg.grad(&gradients).unwrap()))
}

fn infonce(case: &Case, device: &Device) -> OpResult {
    let config = InfoNceLossConfig::new().with_temperature(case.param("tau"));
    let loss = config.init()?;
    of_similarities(&loss, case, device)
}

fn infonce_batch(case: &Case, device: &Device) -> OpResult {
    let loss = InfoNceLossConfig::new()
        .with_temperature(case.param("tau"))
        .with_normalize(case.flag("normalize"))
        .init()?;
    let [anchor, positive] = ["anchor", "positive"].map(|name| case.tracked::<2>(name, device));
    loss.validate(&anchor, &positive)?;
    let losses = loss.forward_no_reduction(anchor.clone(), positive.clone());
    let mean = loss.forward(anchor.clone(), positive.clone(), Reduction::Mean);
    let outputs = Outputs::new().tensor("loss", &losses).tensor("mean", &mean);
    Ok(outputs.gradients(&mean, &[("anchor", &anchor), ("positive", &positive)]))
}

fn nt_xent(case: &Case, device: &Device) -> OpResult {
    let config = NtXentLossConfig::new().with_temperature(case.param("tau"));
    let loss = config.init()?;
    let [first, second] = ["z1", "z2"].map(|name| case.tracked::<2>(name, device));
    loss.validate(&first, &second)?;
    let losses = loss.forward_no_reduction(first.clone(), second.clone());
    let mean = loss.forward(first.clone(), second.clone(), Reduction::Mean);
    let outputs = Outputs::new().tensor("loss", &losses).tensor("mean", &mean);
    Ok(outputs.gradients(&mean, &[("z1", &first), ("z2", &second)]))
}

fn hard_infonce(case: &Case, device: &Device) -> OpResult {
    let loss = HardInfoNceLossConfig::new()
        .with_temperature(case.param("tau"))
        .with_hard_fraction(case.param("alpha"))
        .init()?;
    let outputs = of_similarities(&loss, case, device)?;
    let kept = loss.keep_mask(case.float::<2>("neg", device)).float();
    Ok(outputs.tensor("keep", &kept))
}

fn simple(case: &Case, device: &Device) -> OpResult {
    let config = SimpleContrastiveLossConfig::new();
    let loss = config
        .with_negative_weight(Some(case.param("lambda")))
        .init()?;
    of_similarities(&loss, case, device)
}

fn hard_simple(case: &Case, device: &Device) -> OpResult {
    let loss = HardSimpleContrastiveLossConfig::new()
        .with_negative_weight(Some(case.param("lambda")))
        .with_hard_fraction(case.param("alpha"))
        .init()?;
    of_similarities(&loss, case, device)
}

fn relative_penalty(case: &Case, device: &Device) -> OpResult {
    let fraction = case.param_or("alpha", f64::NAN);
    let analysis = PenaltyAnalysisConfig::new()
        .with_temperature(case.param("tau"))
        .with_hard_fraction((!fraction.is_nan()).then_some(fraction))
        .init()?;
    let found = analysis.penalties(case.float::<2>("neg", device))?;
    Ok(Outputs::new()
        .tensor("penalty", &found.penalty)
        .tensor("entropy", &found.entropy))
}

fn gradient_parts(case: &Case, device: &Device) -> OpResult {
    let config = InfoNceLossConfig::new().with_temperature(case.param("tau"));
    let loss = config.init()?;
    let (pos, neg) = (
        case.float::<1>("pos", device),
        case.float::<2>("neg", device),
    );
    loss.validate_similarities(&pos, &neg)?;
    let parts = loss.gradient_parts(pos, neg);
    Ok(Outputs::new()
        .tensor("prob_pos", &parts.positive_probability)
        .tensor("prob_neg", &parts.negative_probabilities)
        .tensor("grad_pos", &parts.positive_gradient)
        .tensor("grad_neg", &parts.negative_gradients))
}

fn limit_losses(case: &Case, device: &Device) -> OpResult {
    let pair = || {
        (
            case.float::<1>("pos", device),
            case.float::<2>("neg", device),
        )
    };
    let ((pos, neg), (pos_again, neg_again)) = (pair(), pair());
    Ok(Outputs::new()
        .tensor("low_temperature", &low_temperature_limit(pos, neg))
        .tensor(
            "high_temperature",
            &high_temperature_limit(pos_again, neg_again),
        ))
}
