//! What every measure promises: settings that survive JSON and refuse the illegal, errors instead of NaN, rows that
//! do not see each other, memory that does not grow with draws or steps.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp
)]

use std::cell::Cell;

use burn::tensor::{DType, Device, FloatDType, Int, Tensor, TensorData};
use candor_core::{Attribution, DrawKey, ExplainError, InputError, MemoryBudget, Target};
use candor_metrics::agreement::{
    AgreementMatrix, AgreementMeasure, AttentionAggregator, KendallTopK, KendallTopKConfig,
    TokenReduce, TopKAgreement, TopKDepth, kendall_tau, pairwise_rank_agreement, pearson_r,
    rank_biased_overlap, spearman_rho, weighted_kendall_tau,
};
use candor_metrics::complexity::{effective_complexity, entropy, gini};
use candor_metrics::faithfulness::{
    Completeness, CompletenessConfig, Curve, CurveMode, Eraser, EraserConfig,
    FaithfulnessCorrelation, FaithfulnessCorrelationConfig, FeatureOrder, Infidelity,
    InfidelityConfig, InsertionDeletion, InsertionDeletionConfig, Monotonicity, MonotonicityConfig,
    PixelFlipping, PixelFlippingConfig,
};
use candor_metrics::forgetting::{
    AnswerProbability, DistanceToRetrained, TruthRatio, accuracy, ks_two_sample,
    membership_inference, model_utility,
};
use candor_metrics::localisation::LocalisationReport;
use candor_metrics::randomisation::{Mprt, MprtConfig, MprtReport};
use candor_metrics::robustness::{Sensitivity, SensitivityConfig};
use candor_testkit::contract::{check_config, check_refused, check_send_sync};
use candor_testkit::devices;

/// The measures that ask a model, by one number list a row, so that one table holds them all.
type Measure = Box<dyn Fn(&Model, Batch) -> Result<Vec<Vec<f64>>, ExplainError>>;
type Model = Box<dyn Fn(Tensor<3>) -> Tensor<2>>;

#[derive(Clone)]
struct Batch {
    inputs: Tensor<3>,
    attributions: Tensor<3>,
    baseline: Tensor<3>,
    target: Target,
    first_row: u64,
}

impl Batch {
    fn key(&self) -> DrawKey {
        DrawKey::new(5).row(self.first_row)
    }

    /// Three rows of 2 x 3 features.
    fn new(device: &Device) -> Self {
        let wave = |phase: f64| {
            let values: Vec<f64> = (0..18)
                .map(|i| (f64::from(i) * 0.9 + phase).sin())
                .collect();
            Tensor::from_data(TensorData::new(values, [3, 2, 3]), (device, DType::F32))
        };
        Self {
            inputs: wave(0.3),
            attributions: wave(1.1),
            baseline: Tensor::zeros([1, 2, 3], device),
            target: Target::PerRow(vec![0, 1, 1]),
            first_row: 0,
        }
    }

    fn row(&self, row: usize) -> Self {
        Self {
            inputs: self.inputs.clone().slice_dim(0, row..row + 1),
            attributions: self.attributions.clone().slice_dim(0, row..row + 1),
            baseline: self.baseline.clone(),
            target: self.target.of_rows(row..row + 1),
            first_row: row as u64,
        }
    }

    fn cast(self, dtype: FloatDType) -> Self {
        Self {
            inputs: self.inputs.cast(dtype),
            attributions: self.attributions.cast(dtype),
            baseline: self.baseline.cast(dtype),
            ..self
        }
    }
}

/// Logits [Σ tanh x, x0·x5].
fn curved() -> Model {
    Box::new(|x: Tensor<3>| {
        let rows = x.dims()[0];
        let x = x.reshape([rows, 6]);
        let product = x.clone().slice_dim(1, 0..1) * x.clone().slice_dim(1, 5..6);
        Tensor::cat(vec![x.tanh().sum_dim(1), product], 1)
    })
}

fn curve(curve: Curve) -> Vec<f64> {
    [curve.values, vec![curve.auc, curve.aopc]].concat()
}

#[allow(clippy::too_many_lines)] // one entry a measure
fn measures(budget: MemoryBudget, draws: usize) -> Vec<(&'static str, Measure)> {
    let deletion = InsertionDeletionConfig::new(CurveMode::Deletion)
        .with_order(FeatureOrder::LeastRelevantFirst)
        .with_budget(budget);
    let insertion = InsertionDeletionConfig::new(CurveMode::Insertion)
        .with_n_steps(Some(4))
        .with_budget(budget);
    let flipping = PixelFlippingConfig::new()
        .with_features_per_step(4)
        .with_budget(budget);
    let eraser = EraserConfig::new().with_budget(budget);
    let monotonicity = MonotonicityConfig::new().with_budget(budget);
    let completeness = CompletenessConfig::new().with_budget(budget);
    let infidelity = InfidelityConfig::new()
        .with_normalize(true)
        .with_n_samples(draws)
        .with_budget(budget);
    let correlation = FaithfulnessCorrelationConfig::new()
        .with_subset_size(Some(2))
        .with_n_samples(draws)
        .with_budget(budget);
    let along_curve = |measure: InsertionDeletion| -> Measure {
        Box::new(move |model, b| {
            let curves =
                measure.evaluate(model, b.inputs, &b.attributions, b.baseline, &b.target)?;
            Ok(curves.into_iter().map(curve).collect())
        })
    };
    let (flipping, eraser) = (flipping.init().unwrap(), eraser.init().unwrap());
    let (monotonicity, completeness) = (monotonicity.init().unwrap(), completeness.init().unwrap());
    let (infidelity, correlation) = (infidelity.init().unwrap(), correlation.init().unwrap());
    vec![
        ("deletion", along_curve(deletion.init().unwrap())),
        ("insertion", along_curve(insertion.init().unwrap())),
        (
            "pixel flipping",
            Box::new(move |model, b| {
                let curves =
                    flipping.evaluate(model, b.inputs, &b.attributions, b.baseline, &b.target)?;
                Ok(curves.into_iter().map(curve).collect())
            }),
        ),
        (
            "eraser",
            Box::new(move |model, b| {
                let reports =
                    eraser.evaluate(model, b.inputs, &b.attributions, b.baseline, &b.target)?;
                Ok(reports
                    .into_iter()
                    .map(|r| [r.sufficiency, r.comprehensiveness].concat())
                    .collect())
            }),
        ),
        (
            "monotonicity",
            Box::new(move |model, b| {
                let reports = monotonicity.evaluate(
                    model,
                    b.inputs,
                    &b.attributions,
                    b.baseline,
                    &b.target,
                )?;
                Ok(reports.into_iter().map(|report| report.curve).collect())
            }),
        ),
        (
            "completeness",
            Box::new(move |model, b| {
                let gaps = completeness.evaluate(
                    model,
                    b.inputs,
                    &b.attributions,
                    b.baseline,
                    &b.target,
                )?;
                Ok(gaps.into_iter().map(|gap| vec![gap]).collect())
            }),
        ),
        (
            "infidelity",
            Box::new(move |model, b| {
                let key = b.key();
                let values =
                    infidelity.evaluate(model, b.inputs, &b.attributions, &b.target, key)?;
                Ok(values.into_iter().map(|value| vec![value]).collect())
            }),
        ),
        (
            "faithfulness correlation",
            Box::new(move |model, b| {
                let key = b.key();
                let reports = correlation.evaluate(
                    model,
                    b.inputs,
                    &b.attributions,
                    b.baseline,
                    &b.target,
                    key,
                )?;
                Ok(reports
                    .into_iter()
                    .map(|r| [vec![r.correlation], r.deltas].concat())
                    .collect())
            }),
        ),
    ]
}

fn all() -> Vec<(&'static str, Measure)> {
    measures(MemoryBudget::default(), 10)
}

fn close(name: &str, seen: &[f64], wanted: &[f64], tolerance: f64) {
    assert_eq!(seen.len(), wanted.len(), "{name}");
    for (seen, wanted) in seen.iter().zip(wanted) {
        assert!(
            (seen - wanted).abs() <= tolerance * (1.0 + wanted.abs()),
            "{name}: {seen} and {wanted}"
        );
    }
}

#[test]
fn a_row_is_measured_alike_alone_and_in_a_batch() {
    for device in devices() {
        let batch = Batch::new(&device.device);
        for (name, measure) in all() {
            let together = measure(&curved(), batch.clone()).unwrap();
            assert_eq!(together.len(), 3, "{name}: one result a row");
            for (row, together) in together.iter().enumerate() {
                close(
                    name,
                    &measure(&curved(), batch.row(row)).unwrap()[0],
                    together,
                    1e-5,
                );
            }
        }
    }
}

#[test]
fn the_memory_budget_changes_no_number() {
    let batch = Batch::new(&Device::flex());
    for ((name, wide), (_, narrow)) in all().iter().zip(measures(MemoryBudget::bytes(1), 10)) {
        let (wide, narrow) = (
            wide(&curved(), batch.clone()).unwrap(),
            narrow(&curved(), batch.clone()).unwrap(),
        );
        close(name, &narrow.concat(), &wide.concat(), 1e-5);
    }
}

#[test]
fn memory_is_flat_from_64_to_4096_draws() {
    let most_rows = |draws: usize, index: usize| {
        let most = std::rc::Rc::new(Cell::new(0));
        let (seen, inner) = (most.clone(), curved());
        let counting: Model = Box::new(move |x: Tensor<3>| {
            seen.set(seen.get().max(x.dims()[0]));
            inner(x)
        });
        // 4 copies of 6 features in f32 are 96 bytes: ten rows.
        let (_, measure) = measures(MemoryBudget::bytes(960), draws).swap_remove(index);
        measure(&counting, Batch::new(&Device::flex())).unwrap();
        most.get()
    };
    for (index, (name, _)) in all().iter().enumerate().skip(6) {
        assert_eq!(
            (most_rows(64, index), most_rows(4096, index)),
            (10, 10),
            "{name}"
        );
    }
}

#[test]
fn no_call_has_more_than_256_rows() {
    let model = |x: Tensor<2>| {
        assert!(x.dims()[0] <= 256);
        x
    };
    let inputs = Tensor::<2>::ones([2, 700], &Device::flex());
    let flipping = PixelFlippingConfig::new().init().unwrap();
    let curves = flipping.evaluate(
        &model,
        inputs.clone(),
        &inputs,
        inputs.zeros_like(),
        &Target::Output(0),
    );
    assert_eq!(curves.unwrap()[1].values.len(), 701);
}

#[test]
fn bad_batches_are_errors() {
    let device = Device::flex();
    let good = Batch::new(&device);
    let nan = Tensor::<3>::full([3, 2, 3], f64::NAN, &device);
    let bad = [
        (
            "NaN in the attributions",
            Batch {
                attributions: nan.clone(),
                ..good.clone()
            },
        ),
        (
            "NaN in the inputs",
            Batch {
                inputs: nan,
                ..good.clone()
            },
        ),
        (
            "other attributions",
            Batch {
                attributions: Tensor::ones([3, 3, 2], &device),
                ..good.clone()
            },
        ),
        (
            "a missing output",
            Batch {
                target: Target::Output(2),
                ..good.clone()
            },
        ),
        (
            "too few targets",
            Batch {
                target: Target::PerRow(vec![0]),
                ..good.clone()
            },
        ),
        (
            "an empty batch",
            Batch {
                inputs: Tensor::zeros([0, 2, 3], &device),
                attributions: Tensor::zeros([0, 2, 3], &device),
                ..good
            },
        ),
    ];
    for (name, measure) in all() {
        for (what, batch) in &bad {
            assert!(
                measure(&curved(), batch.clone()).is_err(),
                "{name} accepts {what}"
            );
        }
    }
}

#[test]
fn a_baseline_of_another_shape_is_an_error() {
    let good = Batch::new(&Device::flex());
    let batch = Batch {
        baseline: Tensor::zeros([2, 2, 3], &Device::flex()),
        ..good
    };
    for (name, measure) in all().into_iter().filter(|(name, _)| *name != "infidelity") {
        assert!(measure(&curved(), batch.clone()).is_err(), "{name}");
    }
}

#[test]
fn a_model_that_loses_rows_is_an_error() {
    let model: Model = Box::new(|x: Tensor<3>| Tensor::zeros([1, 2], &x.device()));
    for (name, measure) in all() {
        let result = measure(&model, Batch::new(&Device::flex()));
        assert!(
            matches!(result, Err(ExplainError::PredictionRows { .. })),
            "{name}"
        );
    }
}

#[test]
fn extreme_logits_stay_finite() {
    let steep: Model = Box::new(|x: Tensor<3>| {
        let rows = x.dims()[0];
        x.reshape([rows, 6]) * 1e4
    });
    for (name, measure) in all() {
        let values = measure(&steep, Batch::new(&Device::flex())).unwrap();
        assert!(
            values.concat().iter().all(|value| value.is_finite()),
            "{name}"
        );
    }
}

#[test]
fn half_precision_inputs_are_measured_in_full() {
    let batch = Batch::new(&Device::flex());
    for (name, measure) in all() {
        let full = measure(&curved(), batch.clone()).unwrap();
        let half = measure(&curved(), batch.clone().cast(FloatDType::F16)).unwrap();
        close(name, &half.concat(), &full.concat(), 5e-2);
    }
}

#[test]
fn an_input_of_one_feature_is_legal() {
    let device = Device::flex();
    let inputs = Tensor::<2>::ones([2, 1], &device);
    let (target, model) = (Target::Output(0), |x: Tensor<2>| x);
    let baseline = inputs.zeros_like();
    let correlation = FaithfulnessCorrelationConfig::new().init().unwrap();
    let reports = correlation
        .evaluate(
            &model,
            inputs.clone(),
            &inputs,
            baseline.clone(),
            &target,
            DrawKey::new(1),
        )
        .unwrap();
    assert_eq!(reports[0].correlation, 0.0);
    let deletion = InsertionDeletionConfig::new(CurveMode::Deletion)
        .init()
        .unwrap();
    let curves = deletion
        .evaluate(&model, inputs.clone(), &inputs, baseline, &target)
        .unwrap();
    assert_eq!(curves[0].values.len(), 2);
}

#[test]
fn more_steps_or_larger_subsets_than_features_are_errors() {
    let b = Batch::new(&Device::flex());
    let deletion = InsertionDeletionConfig::new(CurveMode::Deletion)
        .with_n_steps(Some(7))
        .init()
        .unwrap();
    assert!(
        deletion
            .evaluate(
                &curved(),
                b.inputs.clone(),
                &b.attributions,
                b.baseline.clone(),
                &b.target
            )
            .is_err()
    );
    let correlation = FaithfulnessCorrelationConfig::new()
        .with_subset_size(Some(7))
        .init()
        .unwrap();
    let key = b.key();
    assert!(
        correlation
            .evaluate(
                &curved(),
                b.inputs,
                &b.attributions,
                b.baseline,
                &b.target,
                key
            )
            .is_err()
    );
}

#[test]
fn given_draws_that_do_not_fit_are_errors() {
    let device = Device::flex();
    let b = Batch::new(&device);
    let infidelity = InfidelityConfig::new().init().unwrap();
    for shape in [[4, 2, 3], [0, 2, 3], [3, 3, 2]] {
        let draws = Tensor::<3>::ones(shape, &device);
        let result = infidelity.evaluate_with(
            &curved(),
            b.inputs.clone(),
            &b.attributions,
            &b.target,
            draws,
        );
        assert!(result.is_err(), "{shape:?}");
    }
    let correlation = FaithfulnessCorrelationConfig::new().init().unwrap();
    let short = vec![0, 1, 2]; // one a row
    let (large, negative) = (vec![0, 1, 2, 3, 4, 6], vec![0, 1, 2, 3, 4, -1]);
    for subsets in [vec![0, 1, 2, 3], short, large, negative] {
        let rows = subsets.len();
        let subsets = Tensor::<2, Int>::from_data(TensorData::new(subsets, [rows, 1]), &device);
        let result = correlation.evaluate_with(
            &curved(),
            b.inputs.clone(),
            &b.attributions,
            b.baseline.clone(),
            &b.target,
            &subsets,
        );
        assert!(result.is_err());
    }
}

#[test]
fn drawn_and_given_draws_measure_the_same() {
    // On a linear model infidelity of its own gradient is zero for any draws.
    let device = Device::flex();
    let inputs = Tensor::<2>::from_floats([[0.3, -0.7], [1.0, 2.0]], &device);
    let model = |x: Tensor<2>| x.sum_dim(1);
    let infidelity = InfidelityConfig::new().init().unwrap();
    let gradient = inputs.ones_like();
    let drawn = infidelity
        .evaluate(
            &model,
            inputs.clone(),
            &gradient,
            &Target::Output(0),
            DrawKey::new(2),
        )
        .unwrap();
    let given = infidelity
        .evaluate_with(
            &model,
            inputs,
            &gradient,
            &Target::Output(0),
            Tensor::ones([6, 2], &device),
        )
        .unwrap();
    for value in drawn.into_iter().chain(given) {
        assert!(value < 1e-10);
    }
}

#[test]
fn sensitivity_depends_on_the_row_and_not_on_its_batch() {
    let sensitivity = SensitivityConfig::new().init().unwrap();
    // Input times gradient of Σ x²: 2x², twice as steep in relative terms as x.
    let explain =
        |x: Tensor<3>, target: &Target| Ok(Attribution::new(x.square() * 2.0, target.clone(), 1));
    for device in devices() {
        let batch = Batch::new(&device.device);
        let run = |b: Batch| {
            sensitivity
                .evaluate(b.inputs.clone(), &b.target, b.key(), explain)
                .unwrap()
        };
        let together = run(batch.clone());
        for (row, together) in together.iter().enumerate() {
            let alone = run(batch.row(row))[0];
            close(
                "sensitivity",
                &[alone.max, alone.mean],
                &[together.max, together.mean],
                1e-6,
            );
            assert!(together.max >= together.mean && together.mean > 0.0);
        }
    }
}

#[test]
fn an_explanation_of_zeros_has_no_sensitivity() {
    let b = Batch::new(&Device::flex());
    let sensitivity = SensitivityConfig::new().init().unwrap();
    let explain =
        |x: Tensor<3>, target: &Target| Ok(Attribution::new(x.zeros_like(), target.clone(), 1));
    let result = sensitivity.evaluate(b.inputs.clone(), &b.target, b.key(), explain);
    assert!(matches!(
        result,
        Err(ExplainError::Input(InputError::Undefined { .. }))
    ));
}

#[test]
fn randomising_the_weights_of_a_weight_dependent_explanation_lowers_mprt() {
    let device = Device::flex();
    let weights = Tensor::<1>::from_floats([1.0, 2.0, 3.0, 4.0], &device);
    let inputs = Tensor::<2>::ones([2, 4], &device);
    let explain = |weights: &Tensor<1>, x: Tensor<2>, target: &Target| {
        Ok(Attribution::new(
            x * weights.clone().unsqueeze(),
            target.clone(),
            1,
        ))
    };
    let mprt = MprtConfig::new(2).init().unwrap();
    let reports = mprt
        .evaluate(
            &weights,
            inputs,
            &Target::Output(0),
            |weights, _| weights.flip([0]),
            explain,
        )
        .unwrap();
    // Flipped once the ranks are reversed, flipped twice they are back.
    assert_eq!(reports.len(), 2);
    close("mprt", &reports[1].spearman, &[-1.0, 1.0], 1e-12);
}

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

#[test]
fn agreement_refuses_what_it_has_no_value_for() {
    type Pair = Box<dyn Fn(&[f64], &[f64]) -> Result<f64, InputError>>;
    let top_k = KendallTopKConfig::new().init().unwrap();
    let correlations: Vec<Pair> = vec![
        Box::new(kendall_tau),
        Box::new(spearman_rho),
        Box::new(pearson_r),
        Box::new(|a, b| weighted_kendall_tau(a, b, 1.0)),
    ];
    let others: Vec<Pair> = vec![
        Box::new(move |a, b| Ok(top_k.compute(a, b, None)?.value)),
        Box::new(|a, b| Ok(TopKAgreement::of(a, b, 1)?.feature)),
        Box::new(|a, b| rank_biased_overlap(a, b, 0.9)),
        Box::new(|a, b| pairwise_rank_agreement(a, b, &[0, 1])),
    ];
    for measure in correlations.iter().chain(&others) {
        assert!(measure(&[1.0, 2.0], &[1.0, 2.0, 3.0]).is_err(), "lengths");
        assert!(measure(&[1.0, f64::NAN], &[1.0, 2.0]).is_err(), "NaN");
        assert!(
            measure(&[1.0, 2.0], &[f64::INFINITY, 2.0]).is_err(),
            "infinity"
        );
        assert!(measure(&[], &[]).is_err(), "empty");
    }
    for measure in &correlations {
        assert!(matches!(
            measure(&[1.0, 1.0], &[1.0, 2.0]),
            Err(InputError::Undefined { .. })
        ));
        assert!(matches!(
            measure(&[1.0], &[1.0]),
            Err(InputError::Undefined { .. })
        ));
    }
    let (a, b) = ([1.0, 2.0, 3.0], [3.0, 1.0, 2.0]);
    for bad in [f64::NAN, 0.0, 1.0, -0.5, 2.0] {
        assert!(rank_biased_overlap(&a, &b, bad).is_err());
    }
    assert!(
        weighted_kendall_tau(&a, &b, -1.0).is_err()
            && weighted_kendall_tau(&a, &b, f64::NAN).is_err()
    );
    assert!(TopKAgreement::of(&a, &b, 0).is_err() && TopKAgreement::of(&a, &b, 4).is_err());
    for features in [vec![], vec![1], vec![0, 3], vec![1, 1]] {
        assert!(pairwise_rank_agreement(&a, &b, &features).is_err());
    }
}

#[test]
fn kendall_top_k_counts_buckets_and_says_when_it_compared_nothing() {
    let measure = KendallTopKConfig::new().init().unwrap();
    // The first bucket of the left side holds two features.
    let report = measure
        .compute(&[2.0, -2.0, 1.0], &[3.0, 2.0, 1.0], Some(1))
        .unwrap();
    assert_eq!((report.k, report.pairs, report.value), (1, 1, 0.0));
    let nothing = measure.compute_non_zero(&[0.0, 0.0], &[1.0, 2.0]).unwrap();
    assert_eq!((nothing.k, nothing.pairs, nothing.value), (0, 0, 1.0));
    assert_eq!(
        measure
            .compute(&[1.0, 2.0], &[1.0, 2.0], Some(9))
            .unwrap()
            .k,
        2
    );
    assert!(measure.compute(&[1.0, 2.0], &[1.0, 2.0], Some(0)).is_err());
}

#[test]
fn an_agreement_matrix_counts_the_instances_it_could_measure() {
    let device = Device::flex();
    // The second text is constant under the second method.
    let scores = Tensor::<3>::from_floats(
        [
            [[1.0, 2.0, 3.0], [1.0, 2.0, 9.0]],
            [[1.0, 2.0, 3.0], [5.0, 5.0, 9.0]],
        ],
        &device,
    );
    let matrix = AgreementMatrix::compute(&scores, &[3, 2], &AgreementMeasure::KendallTau).unwrap();
    assert_eq!(matrix.count, [[2, 1], [1, 1]]);
    assert_eq!(matrix.mean, [[1.0, 1.0], [1.0, 1.0]]);
    assert_eq!(matrix.std, [[0.0, 0.0], [0.0, 0.0]]);

    let compute = |lengths: &[usize], measure| AgreementMatrix::compute(&scores, lengths, &measure);
    for lengths in [vec![0, 2], vec![4, 2], vec![3]] {
        assert!(compute(&lengths, AgreementMeasure::Spearman).is_err());
    }
    let illegal = [
        AgreementMeasure::WeightedKendallTau { alpha: -1.0 },
        AgreementMeasure::RankBiasedOverlap { persistence: 1.0 },
        AgreementMeasure::KendallTopK {
            penalty: 0.0,
            depth: TopKDepth::All,
        },
        AgreementMeasure::TopKFeature(TopKDepth::Fixed(0)),
        AgreementMeasure::TopKRank(TopKDepth::Fraction(0.0)),
        AgreementMeasure::TopKSign(TopKDepth::Fraction(f64::NAN)),
    ];
    for measure in illegal {
        assert!(compute(&[3, 2], measure).is_err(), "{measure:?}");
    }
    let deep = compute(&[3, 2], AgreementMeasure::TopKJaccard(TopKDepth::Fixed(3))).unwrap();
    assert_eq!(deep.count, [[1, 1], [1, 1]]);
}

#[test]
fn attention_of_a_single_token_and_bad_attention() {
    let device = Device::flex();
    let single = Tensor::<4>::ones([2, 3, 1, 1], &device);
    for aggregator in [AttentionAggregator::Rollout, AttentionAggregator::Flow] {
        assert_eq!(
            aggregator.scores(&single, 0).unwrap().into_scalar::<f32>(),
            1.0
        );
    }
    let bad = [
        (Tensor::<4>::ones([1, 1, 2, 3], &device), 0),
        (Tensor::<4>::ones([0, 1, 2, 2], &device), 0),
        (Tensor::<4>::ones([1, 1, 2, 2], &device), 2),
        (Tensor::<4>::full([1, 1, 2, 2], f64::NAN, &device), 0),
        (Tensor::<4>::full([1, 1, 2, 2], -0.5, &device), 0),
    ];
    for (attention, row) in bad {
        assert!(
            AttentionAggregator::Rollout
                .scores(&attention, row)
                .is_err()
        );
    }
}

#[test]
fn token_scores_keep_their_precision() {
    let half = Tensor::<3>::ones([1, 1, 4096], (&Device::flex(), DType::F16));
    let scores = TokenReduce::AbsSum.reduce(half);
    assert_eq!(scores.dtype(), DType::F16);
    assert_eq!(scores.into_data().iter::<f64>().next(), Some(4096.0));
}

#[test]
fn complexity_and_localisation_refuse_bad_input() {
    for bad in [vec![], vec![1.0, f64::NAN], vec![f64::INFINITY]] {
        assert!(
            gini(&bad).is_err()
                && entropy(&bad).is_err()
                && effective_complexity(&bad, 1e-5).is_err()
        );
    }
    assert!(effective_complexity(&[1.0], -1.0).is_err());
    // Magnitudes whose sum would overflow.
    assert_eq!(gini(&[f64::MAX, f64::MAX]).unwrap(), 0.0);
    assert!((entropy(&[f64::MAX, f64::MAX]).unwrap() - 2f64.ln()).abs() < 1e-15);

    let attributions = [1.0, 2.0];
    assert!(LocalisationReport::of(&attributions, &[false, false], None).is_err());
    assert!(LocalisationReport::of(&attributions, &[true], None).is_err());
    assert!(LocalisationReport::of(&[f64::NAN, 1.0], &[true, false], None).is_err());
    for k in [0, 3] {
        assert!(LocalisationReport::of(&attributions, &[true, false], Some(k)).is_err());
    }
    let everything = LocalisationReport::of(&[-1.0, -2.0], &[true, true], None).unwrap();
    assert_eq!(
        (
            everything.relevance_rank_accuracy,
            everything.relevance_mass_accuracy,
            everything.auc
        ),
        (1.0, 0.0, 0.0)
    );
}

#[test]
fn randomisation_refuses_bad_input_and_calls_a_constant_unrelated() {
    assert!(MprtReport::of(&[1.0, 2.0], &[]).is_err());
    assert!(MprtReport::of(&[1.0, 2.0], &[vec![1.0]]).is_err());
    assert!(MprtReport::of(&[1.0, f64::NAN], &[vec![1.0, 2.0]]).is_err());
    assert_eq!(
        MprtReport::of(&[1.0, 2.0], &[vec![0.0, 0.0]]).unwrap().mean,
        0.0
    );
}

#[test]
fn forgetting_refuses_bad_input_and_survives_extremes() {
    assert!(ks_two_sample(&[], &[1.0]).is_err() && ks_two_sample(&[f64::NAN], &[1.0]).is_err());
    assert!(TruthRatio::of(&[], &[]).is_err());
    assert!(TruthRatio::of(&[vec![]], &[1.0]).is_err());
    assert!(TruthRatio::of(&[vec![1.0]], &[1.0, 2.0]).is_err());
    assert!(TruthRatio::of(&[vec![f64::NAN]], &[1.0]).is_err());
    let extreme = TruthRatio::of(&[vec![0.0], vec![1e4]], &[1e4, 0.0]).unwrap();
    assert_eq!((extreme.forget_score, extreme.utility_score), (0.0, 0.5));
    for bad in [vec![], vec![-0.1], vec![f64::NAN], vec![f64::INFINITY]] {
        assert!(model_utility(&bad).is_err());
    }
    assert!(
        AnswerProbability::plain(&[]).is_err() && AnswerProbability::choice(&[1.0], &[]).is_err()
    );
    assert_eq!(
        AnswerProbability::choice(&[1e4], &[vec![1e4, 2e4]])
            .unwrap()
            .mean,
        0.5
    );
    assert!(
        membership_inference(&[], &[1.0]).is_err()
            && membership_inference(&[f64::NAN], &[1.0]).is_err()
    );

    let device = Device::flex();
    let logits = Tensor::<2>::from_floats([[1e4, -1e4]], &device);
    let labels = |label: i64| Tensor::<1, Int>::from_ints([label], &device);
    assert_eq!(accuracy(&logits, &labels(0)).unwrap(), 1.0);
    assert!(accuracy(&logits, &labels(2)).is_err() && accuracy(&logits, &labels(-1)).is_err());
    assert!(accuracy(&Tensor::full([1, 2], f64::NAN, &device), &labels(0)).is_err());
    let distance = DistanceToRetrained::of(&-logits.clone(), &logits).unwrap();
    assert_eq!((distance.kl, distance.disagreement), (2e4, 1.0));
    assert_eq!(DistanceToRetrained::of(&logits, &logits).unwrap().kl, 0.0);
    assert!(DistanceToRetrained::of(&Tensor::zeros([1, 3], &device), &logits).is_err());
    assert!(DistanceToRetrained::of(&Tensor::full([1, 2], f64::NAN, &device), &logits).is_err());
}

#[test]
fn a_model_that_does_not_react_correlates_with_nothing() {
    let b = Batch::new(&Device::flex());
    let deaf: Model = Box::new(|x: Tensor<3>| {
        // The last bit of the score moves with the row, as it may in a matrix product.
        let rows = x.dims()[0];
        let noise = |row: usize| f64::from(f32::from_bits(0x4040_0000 + (row % 2) as u32));
        let scores: Vec<f64> = (0..rows)
            .flat_map(|row| [noise(row), noise(row + 1)])
            .collect();
        Tensor::from_data(
            TensorData::new(scores, [rows, 2]),
            (&x.device(), DType::F32),
        )
    });
    let correlation = FaithfulnessCorrelationConfig::new().init().unwrap();
    let key = b.key();
    let reports = correlation
        .evaluate(&deaf, b.inputs, &b.attributions, b.baseline, &b.target, key)
        .unwrap();
    assert!(reports.iter().all(|report| report.correlation == 0.0));
}
