//! Every measure that asks a model, in one table.

use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use candor_core::{DrawKey, ExplainError, MemoryBudget, Target};
use candor_metrics::faithfulness::{
    CompletenessConfig, Curve, CurveMode, EraserConfig, FaithfulnessCorrelationConfig,
    FeatureOrder, InfidelityConfig, InsertionDeletion, InsertionDeletionConfig, MonotonicityConfig,
    PixelFlippingConfig,
};

/// The measures that ask a model, by one number list a row, so that one table holds them all.
pub(super) type Measure = Box<dyn Fn(&Model, Batch) -> Result<Vec<Vec<f64>>, ExplainError>>;
pub(super) type Model = Box<dyn Fn(Tensor<3>) -> Tensor<2>>;

#[derive(Clone)]
pub(super) struct Batch {
    pub(super) inputs: Tensor<3>,
    pub(super) attributions: Tensor<3>,
    pub(super) baseline: Tensor<3>,
    pub(super) target: Target,
    pub(super) first_row: u64,
}

impl Batch {
    pub(super) fn key(&self) -> DrawKey {
        DrawKey::new(5).row(self.first_row)
    }

    /// Three rows of 2 x 3 features.
    pub(super) fn new(device: &Device) -> Self {
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

    pub(super) fn row(&self, row: usize) -> Self {
        Self {
            inputs: self.inputs.clone().slice_dim(0, row..row + 1),
            attributions: self.attributions.clone().slice_dim(0, row..row + 1),
            baseline: self.baseline.clone(),
            target: self.target.of_rows(row..row + 1),
            first_row: row as u64,
        }
    }

    pub(super) fn cast(self, dtype: FloatDType) -> Self {
        Self {
            inputs: self.inputs.cast(dtype),
            attributions: self.attributions.cast(dtype),
            baseline: self.baseline.cast(dtype),
            ..self
        }
    }
}

/// Logits [Σ tanh x, x0·x5].
pub(super) fn curved() -> Model {
    Box::new(|x: Tensor<3>| {
        let rows = x.dims()[0];
        let x = x.reshape([rows, 6]);
        let product = x.clone().slice_dim(1, 0..1) * x.clone().slice_dim(1, 5..6);
        Tensor::cat(vec![x.tanh().sum_dim(1), product], 1)
    })
}

pub(super) fn curve(curve: Curve) -> Vec<f64> {
    [curve.values, vec![curve.auc, curve.aopc]].concat()
}

#[allow(clippy::too_many_lines)] // one entry a measure
pub(super) fn measures(budget: MemoryBudget, draws: usize) -> Vec<(&'static str, Measure)> {
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

pub(super) fn all() -> Vec<(&'static str, Measure)> {
    measures(MemoryBudget::default(), 10)
}
