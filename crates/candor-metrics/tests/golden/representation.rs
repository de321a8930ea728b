use burn::tensor::Device;
use candor_metrics::representation::{self, ToleranceMode};
use candor_testkit::golden::{Case, OpResult, Outputs, Suite};

pub(crate) fn map(suite: Suite) -> Suite {
    suite
        .sheet("contrastive-behaviour")
        .op("cb_uniformity", uniformity)
        .op("cb_tolerance", tolerance)
        .op("cb_alignment", alignment)
        .elsewhere(&[
            "cb_infonce",
            "cb_infonce_batch",
            "cb_nt_xent",
            "cb_hard_infonce",
            "cb_simple",
            "cb_hard_simple",
            "cb_relative_penalty",
            "cb_gradient_parts",
            "cb_limit_losses",
        ])
}

fn uniformity(case: &Case, device: &Device) -> OpResult {
    let x = case.tracked::<2>("x", device);
    let value = representation::uniformity(x.clone(), case.param_or("t", 2.0))?;
    Ok(Outputs::new()
        .tensor("uniformity", &value)
        .gradients(&value, &[("x", &x)]))
}

fn tolerance(case: &Case, device: &Device) -> OpResult {
    let mode = match case.text("mode") {
        "joint" => ToleranceMode::Joint,
        _ => ToleranceMode::SameClass,
    };
    let x = case.float::<2>("x", device);
    let value = representation::tolerance(&x, &case.ints("labels"), mode)?;
    Ok(Outputs::new().value("tolerance", value))
}

fn alignment(case: &Case, device: &Device) -> OpResult {
    let (x, y) = (
        case.tracked::<2>("x", device),
        case.tracked::<2>("y", device),
    );
    let value = representation::alignment(x.clone(), y.clone(), case.param_or("alpha", 2.0))?;
    Ok(Outputs::new()
        .tensor("alignment", &value)
        .gradients(&value, &[("x", &x), ("y", &y)]))
}
