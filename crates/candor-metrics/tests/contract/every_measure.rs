//! What holds for every measure that asks a model: rows, memory, bad input.

use burn::tensor::{DType, Device, FloatDType, Int, Tensor, TensorData};
use candor_core::{DrawKey, ExplainError, MemoryBudget, Target};
use candor_metrics::faithfulness::{
    CurveMode, FaithfulnessCorrelationConfig, InfidelityConfig, InsertionDeletionConfig,
    PixelFlippingConfig,
};
use candor_testkit::devices;
use std::cell::Cell;

use super::close;
use super::measures::{Batch, Model, all, curved, measures};

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
