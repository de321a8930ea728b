use burn::nn::loss::Reduction;
use burn::tensor::Device;
use candor_losses::classification::{GamblerLossConfig, SigmoidCrossEntropyConfig};
use candor_testkit::golden::{Case, OpResult, Outputs, Suite};

pub(super) fn map(suite: Suite) -> Suite {
    suite
        .sheet("welldunn")
        .op("wd_gambler_loss", gambler_loss)
        .op("wd_sigmoid_ce", sigmoid_ce)
}

fn gambler_loss(case: &Case, device: &Device) -> OpResult {
    let loss = GamblerLossConfig::new()
        .with_reward(case.param_or("reward", 4.0))
        .init()?;
    let (logits, targets) = (
        case.tracked::<2>("logits", device),
        case.float::<2>("targets", device),
    );
    loss.validate(&logits, &targets)?;
    let rows = loss.forward_no_reduction(logits.clone(), targets.clone());
    let value = loss.forward(logits.clone(), targets, Reduction::Mean);
    Ok(Outputs::new()
        .tensor("loss", &value)
        .tensor("per_sample", &rows)
        .tensor("reservation", &loss.reservation(logits.clone()))
        .gradients(&value, &[("logits", &logits)]))
}

fn sigmoid_ce(case: &Case, device: &Device) -> OpResult {
    let loss = SigmoidCrossEntropyConfig::new().init()?;
    let (logits, targets) = (
        case.tracked::<2>("logits", device),
        case.float::<2>("targets", device),
    );
    loss.validate(&logits, &targets)?;
    let value = loss.forward(logits.clone(), targets, Reduction::Mean);
    Ok(Outputs::new()
        .tensor("loss", &value)
        .gradients(&value, &[("logits", &logits)]))
}
