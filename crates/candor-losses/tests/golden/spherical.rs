use burn::nn::loss::Reduction;
use burn::tensor::{Device, Tensor};
use candor_core::ConfigError;
use candor_losses::spherical::{
    SphericalLoss, SphericalMse, SphericalOutputLayerConfig, SphericalSoftmaxLossConfig,
    TaylorSoftmaxLoss, ZLossConfig, z_scores,
};
use candor_testkit::golden::{Case, OpResult, Outputs, Suite};

pub(super) fn map(suite: Suite) -> Suite {
    suite
        .sheet("z-loss")
        .op("zl_spherical_loss", spherical_loss)
        .op("zl_spherical_loss_value", spherical_loss_value)
        .op("zl_spherical_from_scalars", from_scalars)
        .op("zl_factored_output_steps", factored_output_steps)
        .op("zl_z_scores", scores)
}

fn loss(case: &Case) -> Result<Box<dyn SphericalLoss>, ConfigError> {
    Ok(match case.text("kind") {
        "z" => Box::new(
            ZLossConfig::new()
                .with_sharpness(case.param_or("a", 1.0))
                .with_margin(case.param_or("b", 0.0))
                .init()?,
        ),
        "mse" => Box::new(SphericalMse::new()),
        "spherical_softmax" => Box::new(
            SphericalSoftmaxLossConfig::new()
                .with_epsilon(case.param_or("eps", 1e-2))
                .init()?,
        ),
        "taylor_softmax" => Box::new(TaylorSoftmaxLoss::new()),
        other => panic!("no spherical loss {other}"),
    })
}

fn spherical_loss(case: &Case, device: &Device) -> OpResult {
    let loss = loss(case)?;
    let (logits, labels) = (
        case.tracked::<2>("logits", device),
        case.int::<1>("target", device),
    );
    loss.validate(&logits, &labels)?;
    let value = loss.forward(logits.clone(), labels.clone(), Reduction::Mean);
    Ok(Outputs::new()
        .tensor(
            "per_example",
            &loss.forward_no_reduction(logits.clone(), labels),
        )
        .tensor("loss", &value)
        .gradients(&value, &[("logits", &logits)]))
}

fn spherical_loss_value(case: &Case, device: &Device) -> OpResult {
    let loss = loss(case)?;
    let (logits, labels) = (
        case.float::<2>("logits", device),
        case.int::<1>("target", device),
    );
    loss.validate(&logits, &labels)?;
    let value = loss.forward(logits.clone(), labels.clone(), Reduction::Mean);
    Ok(Outputs::new()
        .tensor("per_example", &loss.forward_no_reduction(logits, labels))
        .tensor("loss", &value))
}

fn from_scalars(case: &Case, device: &Device) -> OpResult {
    let loss = loss(case)?;
    let [a, q, s] = ["a", "q", "s"].map(|name| case.tracked::<1>(name, device));
    let classes = case.param("D") as usize;
    let rows = loss.forward_summaries(a.clone(), q.clone(), s.clone(), classes);
    Ok(Outputs::new()
        .tensor("per_example", &rows)
        .gradients(&rows.sum(), &[("a", &a), ("q", &q), ("s", &s)]))
}

fn factored_output_steps(case: &Case, device: &Device) -> OpResult {
    let weight = case.float::<2>("w0", device);
    let mut layer =
        SphericalOutputLayerConfig::new(case.param("lr")).init_with_weight(loss(case)?, &weight)?;
    let (hidden, labels) = (
        case.float::<3>("hidden", device),
        case.int::<2>("target", device),
    );
    let (mut losses, mut gradients) = (Vec::new(), Vec::new());
    for step in 0..hidden.dims()[0] {
        let hidden: Tensor<2> = hidden.clone().slice_dim(0, step..step + 1).squeeze_dim(0);
        let labels = labels.clone().slice_dim(0, step..step + 1).squeeze_dim(0);
        let reduction = match case.text("reduction") {
            "mean" => Reduction::Mean,
            "sum" => Reduction::Sum,
            other => panic!("no reduction {other}"),
        };
        let step = layer.step(hidden, labels, reduction)?;
        losses.push(step.losses);
        gradients.push(step.hidden_gradient);
    }
    Ok(Outputs::new()
        .tensor("losses", &Tensor::cat(losses, 0))
        .tensor("grad.hidden", &Tensor::cat(gradients, 0))
        .tensor("w_final", &layer.weight(&weight))
        .tensor("q_final", &layer.weight_squares(&weight))
        .tensor("w_bar_final", &layer.weight_sums(&weight)))
}

fn scores(case: &Case, device: &Device) -> OpResult {
    let z = z_scores(case.float::<2>("logits", device));
    Ok(Outputs::new().tensor("z", &z))
}
