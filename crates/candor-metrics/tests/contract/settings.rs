//! Settings and reports as JSON, and between threads.

use candor_metrics::agreement::{KendallTopK, KendallTopKConfig};
use candor_metrics::faithfulness::{
    Completeness, CompletenessConfig, Curve, CurveMode, Eraser, EraserConfig,
    FaithfulnessCorrelation, FaithfulnessCorrelationConfig, Infidelity, InfidelityConfig,
    InsertionDeletion, InsertionDeletionConfig, Monotonicity, MonotonicityConfig, PixelFlipping,
    PixelFlippingConfig,
};
use candor_metrics::randomisation::{Mprt, MprtConfig, MprtReport};
use candor_metrics::robustness::{Sensitivity, SensitivityConfig};
use candor_testkit::contract::{check_config, check_refused, check_send_sync};

#[test]
fn configurations_survive_json_and_refuse_the_illegal() {
    check_config(
        &InsertionDeletionConfig::new(CurveMode::Insertion).with_n_steps(Some(3)),
        InsertionDeletionConfig::init,
    );
    check_config(&PixelFlippingConfig::new(), PixelFlippingConfig::init);
    check_config(&EraserConfig::new(), EraserConfig::init);
    check_config(&MonotonicityConfig::new(), MonotonicityConfig::init);
    check_config(&CompletenessConfig::new(), CompletenessConfig::init);
    check_config(&InfidelityConfig::new(), InfidelityConfig::init);
    check_config(
        &FaithfulnessCorrelationConfig::new(),
        FaithfulnessCorrelationConfig::init,
    );
    check_config(&SensitivityConfig::new(), SensitivityConfig::init);
    check_config(&MprtConfig::new(3), MprtConfig::init);
    check_config(&KendallTopKConfig::new(), KendallTopKConfig::init);

    let deletion = InsertionDeletionConfig::new(CurveMode::Deletion);
    check_refused(deletion.with_n_steps(Some(0)).init(), "n_steps");
    check_refused(
        PixelFlippingConfig::new().with_features_per_step(0).init(),
        "features_per_step",
    );
    check_refused(
        InfidelityConfig::new().with_n_samples(0).init(),
        "n_samples",
    );
    check_refused(
        FaithfulnessCorrelationConfig::new()
            .with_n_samples(1)
            .init(),
        "n_samples",
    );
    check_refused(
        FaithfulnessCorrelationConfig::new()
            .with_subset_size(Some(0))
            .init(),
        "subset_size",
    );
    check_refused(
        SensitivityConfig::new().with_n_samples(0).init(),
        "n_samples",
    );
    check_refused(MprtConfig::new(0).init(), "n_layers");
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        check_refused(InfidelityConfig::new().with_sigma(bad).init(), "sigma");
        check_refused(SensitivityConfig::new().with_radius(bad).init(), "radius");
        check_refused(KendallTopKConfig::new().with_penalty(bad).init(), "penalty");
        check_refused(
            EraserConfig::new().with_fractions(vec![0.5, bad]).init(),
            "fractions",
        );
    }
    check_refused(
        EraserConfig::new().with_fractions(vec![]).init(),
        "fractions",
    );
    check_refused(
        EraserConfig::new().with_fractions(vec![1.5]).init(),
        "fractions",
    );
}

#[test]
fn measures_may_be_shared_between_threads() {
    check_send_sync::<(
        InsertionDeletion,
        PixelFlipping,
        Eraser,
        Monotonicity,
        Completeness,
    )>();
    check_send_sync::<(
        Infidelity,
        FaithfulnessCorrelation,
        Sensitivity,
        Mprt,
        KendallTopK,
    )>();
}

#[test]
fn reports_survive_json() {
    let report = MprtReport::of(&[1.0, 2.0], &[vec![2.0, 1.0]]).unwrap();
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<MprtReport>(&text).unwrap(), report);
    let curve = Curve::new(vec![0.1, 0.2]);
    let text = serde_json::to_string(&curve).unwrap();
    assert_eq!(serde_json::from_str::<Curve>(&text).unwrap(), curve);
}
