use std::time::Instant;

use burn::tensor::{Tensor, TensorData};
use candor_core::{Attribution, DrawKey, ExplainError, MemoryBudget, Target, host};
use candor_explain::attribution::{
    Baseline, Batching, CLimeConfig, GradientXInputConfig, IntegratedGradientsConfig,
    KernelShapConfig, LimeConfig, Masker, OcclusionConfig, RandomAttributionConfig,
    SmoothGradConfig, VanillaGradientConfig,
};
use candor_metrics::agreement::{AgreementMatrix, AgreementMeasure};
use candor_metrics::complexity::gini;
use candor_metrics::faithfulness::{
    CurveMode, FaithfulnessCorrelationConfig, InfidelityConfig, InsertionDeletionConfig,
};
use candor_metrics::robustness::SensitivityConfig;
use candor_models::Cnn;
use serde::{Deserialize, Serialize};

use super::forgetting::EXPLAINED_STAGE;
use super::rows::Rows;
use super::settings::ExplainSettings;
use super::{Context, weights};
use crate::report::Check;
use crate::run::RunError;

/// Each draw explains every image again, which costs as much as the explanation itself.
const SENSITIVITY_DRAWS: usize = 4;

/// An attribution method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The gradient of the score.
    VanillaGradient,
    /// The gradient times the input.
    GradientXInput,
    /// The gradient averaged over Gaussian noise.
    SmoothGrad,
    /// The gradient averaged along the path from the baseline, times the input.
    IntegratedGradients,
    /// The loss of score when a pixel is taken away.
    Occlusion,
    /// A weighted ridge surrogate on random masks.
    Lime,
    /// A linear surrogate on Gaussian noise.
    CLime,
    /// Shapley values by weighted regression.
    KernelShap,
    /// Noise: what every score must be read against.
    Random,
}

impl Method {
    /// The eight methods; noise is scored beside them, not shown.
    pub(super) const EXPLAINERS: [Self; 8] = [
        Self::VanillaGradient,
        Self::GradientXInput,
        Self::SmoothGrad,
        Self::IntegratedGradients,
        Self::Occlusion,
        Self::Lime,
        Self::CLime,
        Self::KernelShap,
    ];

    /// What tables call it.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::VanillaGradient => "gradient",
            Self::GradientXInput => "gradient x input",
            Self::SmoothGrad => "SmoothGrad",
            Self::IntegratedGradients => "integrated gradients",
            Self::Occlusion => "occlusion",
            Self::Lime => "LIME",
            Self::CLime => "C-LIME",
            Self::KernelShap => "KernelSHAP",
            Self::Random => "random",
        }
    }

    fn explain(
        self,
        model: &Cnn,
        images: Tensor<4>,
        target: &Target,
        settings: &ExplainSettings,
        seed: u64,
    ) -> Result<Attribution<4>, RunError> {
        let key = DrawKey::new(seed);
        let batching = Batching::new().with_memory(MemoryBudget::mib(settings.memory_mib));
        let (black, masker) = (Baseline::default(), Masker::default());
        Ok(match self {
            Self::VanillaGradient => VanillaGradientConfig::new()
                .init()?
                .explain(model, images, target)?,
            Self::GradientXInput => GradientXInputConfig::new()
                .init()?
                .explain(model, images, target)?,
            Self::SmoothGrad => SmoothGradConfig::new()
                .with_sigma(settings.sigma)
                .with_n_samples(settings.samples)
                .with_batching(batching)
                .init()?
                .explain(model, images, target, key)?,
            Self::IntegratedGradients => IntegratedGradientsConfig::new()
                .with_n_steps(settings.steps)
                .with_batching(batching)
                .init()?
                .explain(model, images, target, &black)?,
            Self::Occlusion => OcclusionConfig::new()
                .with_batching(batching)
                .init()?
                .explain(model, images, target, &masker)?,
            Self::Lime => LimeConfig::new()
                .with_n_samples(settings.samples)
                .with_batching(batching)
                .init()?
                .explain(model, images, target, &masker, key)?,
            Self::CLime => CLimeConfig::new()
                .with_sigma(settings.sigma)
                .with_n_samples(settings.samples)
                .with_batching(batching)
                .init()?
                .explain(model, images, target, key)?,
            Self::KernelShap => KernelShapConfig::new()
                .with_n_samples(settings.samples)
                .with_batching(batching)
                .init()?
                .explain(model, images, target, &masker, key)?,
            Self::Random => RandomAttributionConfig::new()
                .init()?
                .explain(&images, target, key),
        })
    }
}

/// One method on one model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MethodResult {
    /// The method.
    pub method: Method,
    /// Contributions of each image, row-major.
    pub values: Vec<Vec<f64>>,
    /// Per image: sum of contributions minus the score difference, as a share of that difference, where it is promised.
    pub completeness_error: Option<Vec<f64>>,
    /// Model evaluations an image.
    pub model_calls: f64,
    /// Wall time of all images, in seconds.
    pub seconds: f64,
    /// Mean scores over the images.
    pub scores: Scores,
}

/// Mean scores of a method over the images.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scores {
    /// Area under the probability while the most relevant pixels go; lower is better.
    pub deletion_auc: f64,
    /// Area under the probability while the most relevant pixels come; higher is better.
    pub insertion_auc: f64,
    /// Correlation of summed contributions and score drops; higher is better.
    pub faithfulness_correlation: f64,
    /// Squared difference of predicted and seen score changes; lower is better.
    pub infidelity: f64,
    /// Largest relative change of the explanation under small noise; lower is better.
    pub max_sensitivity: f64,
    /// Sparseness; higher is sparser.
    pub gini: f64,
}

/// One model's explanations of the images.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ModelExplanations {
    /// `before` or `after` forgetting.
    pub model: String,
    /// The methods, noise last.
    pub methods: Vec<MethodResult>,
    /// Mean Kendall's τ of absolute contributions between the methods, without noise.
    pub agreement: Vec<Vec<f64>>,
}

/// All explanations.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExplanationResult {
    /// The images' pixels, row-major.
    pub images: Vec<Vec<f64>>,
    /// Their labels, which are the outputs explained.
    pub labels: Vec<usize>,
    /// Before and after forgetting.
    pub models: Vec<ModelExplanations>,
}

impl ExplanationResult {
    pub(super) fn checks(&self) -> Vec<Check> {
        let methods = self.models.iter().flat_map(|model| &model.methods);
        let errors = methods.filter(|result| result.method == Method::IntegratedGradients);
        let worst = errors
            .flat_map(|result| result.completeness_error.iter().flatten())
            .fold(0.0f64, |worst, error| worst.max(error.abs()));
        vec![Check::at_most(
            "integrated gradients: largest completeness error, as a share of the score difference",
            worst,
            0.01,
        )]
    }
}

/// Explains the same images by every method, before and after a class was forgotten, and scores the explanations.
pub(super) fn run(context: &Context) -> Result<ExplanationResult, RunError> {
    let images = chosen(context);
    let models = [("before", "teacher"), ("after", EXPLAINED_STAGE)]
        .into_iter()
        .map(|(name, stage)| {
            let done = context.folder.once(&format!("explain-{name}"), || {
                let model = weights::load(context, stage)?;
                explain_all(context, name, &model, &images)
            });
            context.progress.advance();
            done
        })
        .collect::<Result<Vec<_>, _>>()?;
    let widen = |pixels: &Vec<f32>| pixels.iter().copied().map(f64::from).collect();
    Ok(ExplanationResult {
        images: images
            .items()
            .iter()
            .map(|item| widen(&item.pixels))
            .collect(),
        labels: images.items().iter().map(|item| item.label).collect(),
        models,
    })
}

/// Test images of different classes, the forgotten one first.
fn chosen(context: &Context) -> Rows {
    let forgotten = context.settings.unlearn.forget_class;
    let count = context.settings.explain.images;
    let test = &context.digits.test;
    let rank = |label: usize| (label + 10 - forgotten) % 10;
    let mut seen = [0usize; 10];
    // The n-th image of a class comes after the (n-1)-th of all others.
    let mut order: Vec<(usize, usize, usize)> = test
        .items()
        .iter()
        .map(|item| {
            seen[item.label] += 1;
            (seen[item.label], rank(item.label), item.index)
        })
        .collect();
    order.sort_unstable();
    let keep: Vec<usize> = order
        .into_iter()
        .take(count)
        .map(|(_, _, index)| index)
        .collect();
    test.filter(|item| keep.contains(&item.index))
}

fn explain_all(
    context: &Context,
    name: &str,
    model: &Cnn,
    images: &Rows,
) -> Result<ModelExplanations, RunError> {
    let batch = images.batch(&context.device);
    let target = Target::PerRow(images.items().iter().map(|item| item.label).collect());
    let bar = context
        .progress
        .stage(&format!("explain {name}"), Method::EXPLAINERS.len() + 1);
    let mut methods = Vec::new();
    for method in Method::EXPLAINERS.into_iter().chain([Method::Random]) {
        bar.set_message(method.label());
        methods.push(explain_one(context, model, &batch.inputs, &target, method)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(ModelExplanations {
        model: name.to_owned(),
        agreement: agreement(&methods[..Method::EXPLAINERS.len()])?,
        methods,
    })
}

fn explain_one(
    context: &Context,
    model: &Cnn,
    images: &Tensor<4>,
    target: &Target,
    method: Method,
) -> Result<MethodResult, RunError> {
    let (settings, seed) = (&context.settings.explain, context.settings.seed);
    let started = Instant::now();
    let attribution = method.explain(model, images.clone(), target, settings, seed)?;
    let seconds = started.elapsed().as_secs_f64();
    let rows = images.dims()[0];
    let scores = score(context, model, images, target, method, &attribution)?;
    Ok(MethodResult {
        method,
        values: (0..rows).map(|row| attribution.row(row)).collect(),
        completeness_error: attribution
            .convergence_delta
            .as_ref()
            .map(|deltas| relative(model, images, target, deltas))
            .transpose()?,
        model_calls: attribution.model_calls as f64 / rows as f64,
        seconds,
        scores,
    })
}

/// Completeness gaps as shares of the score difference to the black baseline.
fn relative(
    model: &Cnn,
    images: &Tensor<4>,
    target: &Target,
    deltas: &[f64],
) -> Result<Vec<f64>, ExplainError> {
    let score = |images: Tensor<4>| {
        Ok::<_, ExplainError>(host::floats(&target.select(model.logits(images))?))
    };
    let (seen, black) = (score(images.clone())?, score(images.zeros_like())?);
    let differences = seen.iter().zip(&black).map(|(seen, black)| seen - black);
    Ok(deltas
        .iter()
        .zip(differences)
        .map(|(delta, difference)| delta / difference)
        .collect())
}

fn score(
    context: &Context,
    model: &Cnn,
    images: &Tensor<4>,
    target: &Target,
    method: Method,
    attribution: &Attribution<4>,
) -> Result<Scores, RunError> {
    let settings = &context.settings.explain;
    let key = DrawKey::new(context.settings.seed.wrapping_add(1));
    let budget = MemoryBudget::mib(settings.memory_mib);
    let (values, black) = (&attribution.values, images.zeros_like());
    let area = |mode: CurveMode| -> Result<f64, RunError> {
        let curve = InsertionDeletionConfig::new(mode)
            .with_budget(budget)
            .init()?;
        let curves = curve.evaluate(model, images.clone(), values, black.clone(), target)?;
        Ok(mean(curves.iter().map(|curve| curve.auc)))
    };
    let correlation = FaithfulnessCorrelationConfig::new()
        .with_budget(budget)
        .init()?;
    let infidelity = InfidelityConfig::new().with_budget(budget).init()?;
    let correlations =
        correlation.evaluate(model, images.clone(), values, black.clone(), target, key)?;
    Ok(Scores {
        deletion_auc: area(CurveMode::Deletion)?,
        insertion_auc: area(CurveMode::Insertion)?,
        faithfulness_correlation: mean(correlations.iter().map(|report| report.correlation)),
        infidelity: mean(infidelity.evaluate(model, images.clone(), values, target, key)?),
        max_sensitivity: sensitivity(context, model, images, target, method, key)?,
        gini: mean(
            (0..images.dims()[0])
                .map(|row| gini(&attribution.row(row)))
                .collect::<Result<Vec<_>, _>>()?,
        ),
    })
}

/// How far the explanation moves under noise too small to matter; the method's own draws stay the same.
fn sensitivity(
    context: &Context,
    model: &Cnn,
    images: &Tensor<4>,
    target: &Target,
    method: Method,
    key: DrawKey,
) -> Result<f64, RunError> {
    let (settings, seed) = (&context.settings.explain, context.settings.seed);
    // A model that answers the same whatever it is shown has explanations of zero, whose relative change is undefined.
    let failed = std::cell::RefCell::new(None);
    let explain = |images: Tensor<4>, target: &Target| {
        method
            .explain(model, images, target, settings, seed)
            .map_err(|error| match error {
                RunError::Explain(error) => error,
                other => {
                    failed.replace(Some(other));
                    ExplainError::NotDifferentiable
                }
            })
    };
    let reports = SensitivityConfig::new()
        .with_n_samples(SENSITIVITY_DRAWS)
        .init()?
        .evaluate(images.clone(), target, key, explain);
    match (failed.into_inner(), reports) {
        (Some(error), _) => Err(error),
        (None, reports) => Ok(mean(reports?.iter().map(|report| report.max))),
    }
}

fn agreement(methods: &[MethodResult]) -> Result<Vec<Vec<f64>>, RunError> {
    let (rows, width) = (methods[0].values.len(), methods[0].values[0].len());
    let magnitudes: Vec<f64> = methods
        .iter()
        .flat_map(|method| method.values.iter().flatten())
        .map(|value| value.abs())
        .collect();
    let device = crate::run::DeviceChoice::default().open()?;
    let stacked = Tensor::<3>::from_data(
        TensorData::new(magnitudes, [methods.len(), rows, width]),
        &device,
    );
    Ok(AgreementMatrix::compute(&stacked, &vec![width; rows], &AgreementMeasure::KendallTau)?.mean)
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) = values
        .into_iter()
        .fold((0.0, 0usize), |(sum, count), value| {
            (sum + value, count + 1)
        });
    sum / count as f64
}
