//! Every method keeps the promises of `candor_testkit::contract`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use candor_core::{DrawKey, MemoryBudget};
use candor_explain::attribution::*;
use candor_testkit::contract::{Explainer, check_config, check_refused, check_send_sync};

const KEY: DrawKey = DrawKey::new(11);

#[test]
fn every_explainer_keeps_its_promises() {
    let vanilla = VanillaGradientConfig::new().init().unwrap();
    let times_input = GradientXInputConfig::new().init().unwrap();
    let smooth = SmoothGradConfig::new().init().unwrap();
    let c_lime = CLimeConfig::new().with_n_samples(200).init().unwrap();
    let integrated = IntegratedGradientsConfig::new().init().unwrap();
    let occlusion = OcclusionConfig::new().init().unwrap();
    let lime = LimeConfig::new()
        .with_ridge(0.0)
        .with_n_samples(64)
        .init()
        .unwrap();
    let shapley = ShapleyExactConfig::new().init().unwrap();
    let shap = KernelShapConfig::new().init().unwrap();
    let sampled_shap = KernelShapConfig::new().with_n_samples(5).init().unwrap();
    let penalized_shap = KernelShapConfig::new()
        .with_mode(KernelShapMode::Penalized)
        .init()
        .unwrap();
    let masker = Masker::default();
    let explainers = [
        Explainer::new("VanillaGradient", |m, x, t| vanilla.explain(m, x, t)).gives_weights(),
        Explainer::new("SmoothGrad", |m, x, t| smooth.explain(m, x, t, KEY)).gives_weights(),
        Explainer::new("CLime", |m, x, t| c_lime.explain(m, x, t, KEY)).gives_weights(),
        Explainer::new("GradientXInput", |m, x, t| times_input.explain(m, x, t))
            .gives_weights_times_input(),
        Explainer::new("IntegratedGradients", |m, x, t| {
            integrated.explain(m, x, t, &Baseline::Zeros)
        })
        .gives_weights_times_input(),
        Explainer::new("Occlusion", |m, x, t| occlusion.explain(m, x, t, &masker))
            .gives_weights_times_input(),
        Explainer::new("Lime", |m, x, t| lime.explain(m, x, t, &masker, KEY))
            .gives_weights_times_input(),
        Explainer::new("ShapleyExact", |m, x, t| shapley.explain(m, x, t, &masker))
            .gives_weights_times_input(),
        Explainer::new("KernelShap", |m, x, t| shap.explain(m, x, t, &masker, KEY))
            .gives_weights_times_input(),
        Explainer::new("KernelShap, sampled", |m, x, t| {
            sampled_shap.explain(m, x, t, &masker, KEY)
        }),
        Explainer::new("KernelShap, penalized", |m, x, t| {
            penalized_shap.explain(m, x, t, &masker, KEY)
        })
        .gives_weights_times_input(),
    ];
    for explainer in explainers {
        explainer.check();
    }
}

#[test]
fn every_configuration_survives_json() {
    check_config(&Batching::new().with_memory(MemoryBudget::mib(3)), |_| {
        Ok::<_, String>(())
    });
    check_config(
        &VanillaGradientConfig::new().with_abs(true),
        VanillaGradientConfig::init,
    );
    check_config(&GradientXInputConfig::new(), GradientXInputConfig::init);
    check_config(
        &RandomAttributionConfig::new(),
        RandomAttributionConfig::init,
    );
    check_config(
        &SmoothGradConfig::new().with_sigma(0.3),
        SmoothGradConfig::init,
    );
    let trapezoid = IntegratedGradientsConfig::new().with_rule(Quadrature::RiemannTrapezoid);
    check_config(&trapezoid, IntegratedGradientsConfig::init);
    check_config(&OcclusionConfig::new(), OcclusionConfig::init);
    check_config(
        &WindowOcclusionConfig::new(4, 2),
        WindowOcclusionConfig::init,
    );
    check_config(
        &LimeConfig::new().with_kernel(LimeKernel::Full),
        LimeConfig::init,
    );
    check_config(&CLimeConfig::new(), CLimeConfig::init);
    check_config(
        &KernelShapConfig::new().with_mode(KernelShapMode::Penalized),
        KernelShapConfig::init,
    );
    check_config(&ShapleyExactConfig::new(), ShapleyExactConfig::init);
    let matching = LocalFunctionApproximationConfig::new().with_loss(FitLoss::GradientMatching);
    check_config(&matching, LocalFunctionApproximationConfig::init);
    check_config(&MethodChooserConfig::new(), MethodChooserConfig::init);
    check_config(&NflCheckConfig::new(), NflCheckConfig::init);
    check_config(
        &PerturbationTestConfig::new(2),
        PerturbationTestConfig::init,
    );
}

#[test]
fn illegal_settings_are_refused_by_name() {
    for bad in [0.0, -0.1, f64::NAN, f64::INFINITY] {
        check_refused(SmoothGradConfig::new().with_sigma(bad).init(), "sigma");
        check_refused(CLimeConfig::new().with_sigma(bad).init(), "sigma");
        check_refused(
            LimeConfig::new().with_kernel_width(bad).init(),
            "kernel_width",
        );
    }
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        check_refused(LimeConfig::new().with_ridge(bad).init(), "ridge");
        check_refused(
            LocalFunctionApproximationConfig::new()
                .with_ridge(bad)
                .init(),
            "ridge",
        );
    }
    let idle_ridge = LocalFunctionApproximationConfig::new()
        .with_ridge(0.5)
        .with_loss(FitLoss::GradientMatching);
    check_refused(idle_ridge.init(), "ridge");
    check_refused(
        SmoothGradConfig::new().with_n_samples(0).init(),
        "n_samples",
    );
    check_refused(CLimeConfig::new().with_n_samples(0).init(), "n_samples");
    check_refused(LimeConfig::new().with_n_samples(0).init(), "n_samples");
    check_refused(
        KernelShapConfig::new().with_n_samples(0).init(),
        "n_samples",
    );
    check_refused(
        NflCheckConfig::new().with_iterations(0).init(),
        "iterations",
    );
    check_refused(PerturbationTestConfig::new(0).init(), "k");
    check_refused(WindowOcclusionConfig::new(0, 1).init(), "window");
    for stride in [0, 5] {
        check_refused(WindowOcclusionConfig::new(4, stride).init(), "stride");
    }
    let steps = |rule, steps| {
        IntegratedGradientsConfig::new()
            .with_rule(rule)
            .with_n_steps(steps)
            .init()
    };
    check_refused(steps(Quadrature::GaussLegendre, 0), "n_steps");
    check_refused(steps(Quadrature::RiemannTrapezoid, 1), "n_steps");
}

#[test]
fn methods_may_be_shared_between_threads() {
    check_send_sync::<VanillaGradient>();
    check_send_sync::<SmoothGrad>();
    check_send_sync::<IntegratedGradients>();
    check_send_sync::<Occlusion>();
    check_send_sync::<Lime>();
    check_send_sync::<CLime>();
    check_send_sync::<KernelShap>();
    check_send_sync::<ShapleyExact>();
    check_send_sync::<LocalFunctionApproximation>();
    check_send_sync::<MethodChooser>();
    check_send_sync::<NflCheck>();
    check_send_sync::<PerturbationTest>();
    check_send_sync::<RandomAttribution>();
    check_send_sync::<Masker<4>>();
}
