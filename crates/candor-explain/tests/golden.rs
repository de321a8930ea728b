//! The golden cases of the sheet `lfa`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use burn::tensor::{Device, Tensor};
use candor_core::{InputError, Target};
use candor_explain::attribution::{
    AffineSurrogate, Baseline, Coalitions, FeatureGroups, FitLoss, GradientXInputConfig,
    IntegratedGradientsConfig, KernelShapConfig, KernelShapMode, LimeConfig, LimeDistance,
    LimeKernel, LinearExplanation, LocalFunctionApproximation, LocalFunctionApproximationConfig,
    Masker, MethodChooserConfig, NflCheckConfig, Noise, OcclusionConfig, PerturbationSet,
    PerturbationTestConfig, PerturbedFeatures, Quadrature, ShapleyExactConfig, SmoothGradConfig,
    VanillaGradientConfig,
};
use candor_testkit::golden::{Case, OpResult, Outputs, Suite, TwoLayer};

#[test]
fn golden() {
    suite().run();
}

pub(crate) fn suite() -> Suite {
    Suite::new("candor-explain")
        .sheet("lfa")
        .op("lfa_gradient", gradient)
        .op("lfa_gradient_x_input", gradient_x_input)
        .op("lfa_smoothgrad", smooth_grad)
        .op("lfa_integrated_gradients", integrated_gradients)
        .op("lfa_occlusion", occlusion)
        .op("lfa_shapley_exact", shapley_exact)
        .op("lfa_kernel_shap", kernel_shap)
        .op("lfa_lime", lime)
        .op("lfa_local_fit", local_fit)
        .op("lfa_objective", objective)
        .op("lfa_loss_matrix", loss_matrix)
        .op("lfa_nfl_bound", nfl_bound)
        .op("lfa_perturbation_test", perturbation_test)
}

fn gradient(case: &Case, device: &Device) -> OpResult {
    let method = VanillaGradientConfig::new()
        .with_abs(case.flag("abs"))
        .init()?;
    let explained = method.explain(
        &TwoLayer::of(case, device),
        case.float("x", device),
        &target(case),
    )?;
    Ok(Outputs::new().tensor("attr", &explained.values))
}

fn gradient_x_input(case: &Case, device: &Device) -> OpResult {
    let method = GradientXInputConfig::new().init()?;
    let explained = method.explain(
        &TwoLayer::of(case, device),
        case.float("x", device),
        &target(case),
    )?;
    Ok(Outputs::new().tensor("attr", &explained.values))
}

fn smooth_grad(case: &Case, device: &Device) -> OpResult {
    let method = SmoothGradConfig::new()
        .with_sigma(case.param("sigma"))
        .init()?;
    let inputs = case.float::<2>("x", device);
    let epsilon = case.float("eps", device);
    let explained =
        method.explain_with(&TwoLayer::of(case, device), inputs, &target(case), epsilon)?;
    Ok(Outputs::new().tensor("attr", &explained.values))
}

fn integrated_gradients(case: &Case, device: &Device) -> OpResult {
    let rule = match case.text("method") {
        "gausslegendre" => Quadrature::GaussLegendre,
        "riemann_left" => Quadrature::RiemannLeft,
        "riemann_right" => Quadrature::RiemannRight,
        "riemann_middle" => Quadrature::RiemannMiddle,
        "riemann_trapezoid" => Quadrature::RiemannTrapezoid,
        other => panic!("no quadrature rule {other}"),
    };
    let method = IntegratedGradientsConfig::new()
        .with_n_steps(case.count("n_steps").unwrap())
        .with_rule(rule)
        .init()?;
    let baseline = Baseline::from(case.float::<2>("baseline", device));
    let explained = method.explain(
        &TwoLayer::of(case, device),
        case.float("x", device),
        &target(case),
        &baseline,
    )?;
    Ok(Outputs::new()
        .tensor("attr", &explained.values)
        .values("delta", explained.convergence_delta.unwrap()))
}

fn occlusion(case: &Case, device: &Device) -> OpResult {
    let method = OcclusionConfig::new().init()?;
    let (model, input) = (TwoLayer::of(case, device), row(case, "x", device));
    let values = method.explain_groups(&model, input, &target(case), &masker(case, device)?)?;
    Ok(Outputs::new().values("attr", values.concat()))
}

fn shapley_exact(case: &Case, device: &Device) -> OpResult {
    let method = ShapleyExactConfig::new().init()?;
    let (model, input) = (TwoLayer::of(case, device), row(case, "x", device));
    let values = method.explain_groups(&model, input, &target(case), &masker(case, device)?)?;
    Ok(Outputs::new().values("attr", values.concat()))
}

fn kernel_shap(case: &Case, device: &Device) -> OpResult {
    let mode = match case.text("mode") {
        "constrained" => KernelShapMode::Constrained,
        "penalized" => KernelShapMode::Penalized,
        other => panic!("no mode {other}"),
    };
    let method = KernelShapConfig::new().with_mode(mode).init()?;
    let surrogates = method.surrogates_with(
        &TwoLayer::of(case, device),
        row(case, "x", device),
        &target(case),
        &masker(case, device)?,
        &Coalitions::from_tensor(case.bool("masks", device))?,
        Some(&case.sizes("counts")),
    )?;
    Ok(linear(&surrogates[0]))
}

fn lime(case: &Case, device: &Device) -> OpResult {
    let distance = match case.text("distance") {
        "euclidean" => LimeDistance::Euclidean,
        "cosine" => LimeDistance::Cosine,
        other => panic!("no distance {other}"),
    };
    let kernel = match case.text("kernel_form") {
        "half" => LimeKernel::Half,
        "full" => LimeKernel::Full,
        other => panic!("no kernel {other}"),
    };
    let method = LimeConfig::new()
        .with_distance(distance)
        .with_kernel(kernel)
        .with_kernel_width(case.param("kernel_width"))
        .with_ridge(case.param("ridge"))
        .init()?;
    let surrogates = method.surrogates_with(
        &TwoLayer::of(case, device),
        row(case, "x", device),
        &target(case),
        &masker(case, device)?,
        &Coalitions::from_tensor(case.bool("masks", device))?,
    )?;
    let explanation = &surrogates[0].explanation;
    Ok(linear(explanation)
        .value("r2", explanation.r2.unwrap())
        .value("local_pred", explanation.local_pred)
        .values("weights", surrogates[0].weights.clone()))
}

fn local_fit(case: &Case, device: &Device) -> OpResult {
    let fitted = framework(case)?.fit(
        &TwoLayer::of(case, device),
        row(case, "x", device),
        &target(case),
        &baseline(case, device),
        &perturbations(case, device),
    )?;
    Ok(linear(&fitted[0]))
}

fn objective(case: &Case, device: &Device) -> OpResult {
    let weight = case.tracked::<1>("g_weight", device);
    let bias = case.tracked::<1>("g_bias", device);
    let surrogates = AffineSurrogate {
        weights: weight.clone().unsqueeze(),
        bias: bias.clone(),
    };
    let loss = framework(case)?.objective(
        &TwoLayer::of(case, device),
        row(case, "x", device),
        &target(case),
        &baseline(case, device),
        &perturbations(case, device),
        &surrogates,
    )?;
    Ok(Outputs::new()
        .tensor("loss", &loss)
        .gradients(&loss, &[("g_weight", &weight), ("g_bias", &bias)]))
}

fn loss_matrix(case: &Case, device: &Device) -> OpResult {
    let weights = case.float_rows("g_weight").into_iter();
    let methods: Vec<LinearExplanation> = weights
        .zip(case.floats("g_bias"))
        .map(|(weights, bias)| explanation(weights, bias))
        .collect();
    let xi = case.float::<3>("xi", device);
    let neighbourhoods: Vec<Tensor<2>> = xi.iter_dim(0).map(|xi| xi.squeeze_dim(0)).collect();
    let losses = MethodChooserConfig::new()
        .with_noise(noise(case))
        .init()?
        .loss_matrix(
            &TwoLayer::of(case, device),
            row(case, "x", device),
            &target(case),
            &baseline(case, device),
            &methods,
            &neighbourhoods,
        )?;
    Ok(Outputs::new()
        .values("mean_loss", losses.mean.concat())
        .values("max_loss", losses.max.concat())
        .json("choice", losses.choice))
}

fn nfl_bound(case: &Case, device: &Device) -> OpResult {
    let check = NflCheckConfig::new()
        .with_iterations(case.count("iters").unwrap())
        .init()?;
    let (xi, y) = (case.float("xi", device), case.float("y", device));
    let bound = check.bound(&xi, &y)?;
    let method = explanation(case.floats("g_weight"), case.floats("g_bias")[0]);
    Ok(Outputs::new()
        .value("lower", bound.lower)
        .value("upper", bound.upper)
        .value("method_max", check.worst_loss(&xi, &y, &method)?))
}

fn perturbation_test(case: &Case, device: &Device) -> OpResult {
    let order = match case.text("order") {
        "top" => PerturbedFeatures::Top,
        "bottom" => PerturbedFeatures::Bottom,
        other => panic!("no order {other}"),
    };
    let test = PerturbationTestConfig::new(case.count("k").unwrap_or(0))
        .with_order(order)
        .init()?;
    let changes = test.changes(
        &TwoLayer::of(case, device),
        case.float("x", device),
        &target(case),
        &case.float::<2>("attr", device),
    )?;
    Ok(Outputs::new().values("delta", changes))
}

fn framework(case: &Case) -> Result<LocalFunctionApproximation, candor_core::ConfigError> {
    let loss = match case.text("loss") {
        "squared" => FitLoss::Squared,
        "gradient_matching" => FitLoss::GradientMatching,
        other => panic!("no loss {other}"),
    };
    LocalFunctionApproximationConfig::new()
        .with_noise(noise(case))
        .with_loss(loss)
        .with_ridge(case.param_or("ridge", 0.0))
        .init()
}

fn noise(case: &Case) -> Noise {
    match case.text("noise") {
        "additive" => Noise::Additive,
        "multiplicative" => Noise::Multiplicative,
        other => panic!("no noise {other}"),
    }
}

fn target(case: &Case) -> Target {
    Target::Output(case.count("target").unwrap())
}

/// A vector input as a batch of one.
fn row(case: &Case, name: &str, device: &Device) -> Tensor<2> {
    case.float::<1>(name, device).unsqueeze()
}

fn baseline(case: &Case, device: &Device) -> Baseline<2> {
    if case.has("baseline") {
        row(case, "baseline", device).into()
    } else {
        Baseline::Zeros
    }
}

fn masker(case: &Case, device: &Device) -> Result<Masker<2>, InputError> {
    let masker = Masker::default().with_baseline(baseline(case, device));
    if case.has("feature_mask") {
        Ok(masker.with_groups(FeatureGroups::from_ids(&case.ints("feature_mask"))?))
    } else {
        Ok(masker)
    }
}

fn perturbations(case: &Case, device: &Device) -> PerturbationSet {
    let set = PerturbationSet::new(case.float("xi", device));
    if case.has("weights") {
        set.with_weights(case.float("weights", device))
    } else {
        set
    }
}

fn explanation(weights: Vec<f64>, bias: f64) -> LinearExplanation {
    LinearExplanation {
        weights,
        bias,
        r2: None,
        local_pred: bias,
    }
}

fn linear(explanation: &LinearExplanation) -> Outputs {
    Outputs::new()
        .values("attr", explanation.weights.clone())
        .value("bias", explanation.bias)
}
