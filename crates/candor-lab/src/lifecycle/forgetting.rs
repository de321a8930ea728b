use std::sync::Arc;

use candor_core::DrawKey;
use candor_metrics::forgetting::{DistanceToRetrained, membership_inference};
use candor_models::Cnn;
use serde::{Deserialize, Serialize};

use super::forget_objective::{ForgetMethod, ForgetObjective};
use super::rows::Rows;
use super::weights::{self, Made};
use super::{Context, teacher};
use crate::report::Check;
use crate::run::RunError;
use crate::training::{Curves, Fit};

/// How many things are forgotten, each on its own.
pub(super) const SCENARIOS: usize = 2;

/// One model, measured on what it should have forgotten and what it should have kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ForgettingResult {
    /// `original`, `retrained` or a method.
    pub model: String,
    /// Accuracy on the rows to forget.
    pub forget_accuracy: f64,
    /// Accuracy on the rows to retain.
    pub retain_accuracy: f64,
    /// Accuracy on test rows of the classes that are kept.
    pub test_accuracy: f64,
    /// Membership inference from losses, forgotten rows against test rows; 0.5 tells nothing.
    pub membership_auc: f64,
    /// Mean KL(retrained ‖ model) over all test rows, in nats.
    pub distance_to_retrained: f64,
    /// Wall time of the training, in seconds; 0 for the original.
    pub seconds: f64,
    /// Learning curves.
    pub curves: Curves,
}

/// One scenario.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScenarioResult {
    /// What is forgotten.
    pub scenario: String,
    /// Rows to forget.
    pub forget_rows: usize,
    /// Rows to retain.
    pub retain_rows: usize,
    /// The models.
    pub models: Vec<ForgettingResult>,
}

/// Rows of one scenario.
struct Scenario {
    name: String,
    stage: &'static str,
    forget: Rows,
    retain: Rows,
    /// Test rows of the classes that are kept.
    test: Rows,
    /// Test rows like the forgotten ones, for membership inference.
    unseen: Rows,
}

/// How many stages forgetting has: each scenario retrains once and runs every method.
pub(super) fn stages() -> usize {
    SCENARIOS * (1 + ForgetMethod::ALL.len())
}

/// The stage of the class that was forgotten by NPO+RT, which is explained afterwards.
pub(super) const EXPLAINED_STAGE: &str = "forget-class-npo-rt";

/// Forgets some random rows and, separately, one whole class.
pub(super) fn run(context: &Context) -> Result<Vec<ScenarioResult>, RunError> {
    scenarios(context)
        .iter()
        .map(|scenario| run_scenario(context, scenario))
        .collect()
}

/// NPO+RT stays beside retraining; gradient ascent, run as long, does not.
pub(super) fn checks(results: &[ScenarioResult]) -> Vec<Check> {
    results.iter().flat_map(ScenarioResult::checks).collect()
}

impl ScenarioResult {
    /// The result of a model by its name.
    pub(super) fn model(&self, name: &str) -> Option<&ForgettingResult> {
        self.models.iter().find(|model| model.model == name)
    }

    fn checks(&self) -> Vec<Check> {
        let retain = |name: &str| {
            self.model(name)
                .map_or(f64::NAN, |model| model.retain_accuracy)
        };
        let lost = |name: &str| retain("retrained") - retain(name);
        let npo_rt = lost(ForgetMethod::NpoRt.label());
        vec![
            Check::at_most(
                format!(
                    "{}: retain accuracy that NPO+RT loses to retraining",
                    self.scenario
                ),
                npo_rt,
                0.02,
            ),
            Check::at_least(
                format!(
                    "{}: retain accuracy that GA, run as long, loses beyond NPO+RT",
                    self.scenario
                ),
                lost(ForgetMethod::GradientAscent.label()) - npo_rt,
                0.1,
            ),
        ]
    }
}

fn scenarios(context: &Context) -> [Scenario; SCENARIOS] {
    let (train, test) = (&context.digits.train, &context.digits.test);
    let settings = &context.settings.unlearn;
    let count = (settings.forget_fraction * train.len() as f64).ceil() as usize;
    let random = train.draw(count.max(1), DrawKey::new(context.settings.seed).row(1));
    let class = settings.forget_class;
    [
        Scenario {
            name: format!("{} random rows", random.len()),
            stage: "forget-rows",
            retain: train.without(&random),
            forget: random,
            test: test.clone(),
            unseen: test.clone(),
        },
        Scenario {
            name: format!("class {class}"),
            stage: "forget-class",
            forget: train.filter(|item| item.label == class),
            retain: train.filter(|item| item.label != class),
            test: test.filter(|item| item.label != class),
            unseen: test.filter(|item| item.label == class),
        },
    ]
}

fn run_scenario(context: &Context, scenario: &Scenario) -> Result<ScenarioResult, RunError> {
    let original = weights::load(context, "teacher")?;
    let stage = format!("{}-retrained", scenario.stage);
    let from_scratch =
        teacher::train_from_scratch(context, &stage, &scenario.retain, "the rows to retain")?;
    let retrained = weights::load(context, &stage)?;
    let measure = |name: &str, model: &Cnn| measure(context, scenario, name, model, &retrained);
    let mut models = vec![
        measure("original", &original)?,
        ForgettingResult {
            seconds: from_scratch.seconds,
            curves: from_scratch.curves,
            ..measure("retrained", &retrained)?
        },
    ];
    for method in ForgetMethod::ALL {
        let stage = format!("{}-{}", scenario.stage, method.stage());
        let result = context.folder.once(&stage, || {
            let (model, seconds, curves) = forget(context, scenario, method, &stage, &original)?;
            Ok(ForgettingResult {
                seconds,
                curves,
                ..measure(method.label(), &model)?
            })
        })?;
        context.progress.advance();
        models.push(result);
    }
    Ok(ScenarioResult {
        scenario: scenario.name.clone(),
        forget_rows: scenario.forget.len(),
        retain_rows: scenario.retain.len(),
        models,
    })
}

fn forget(
    context: &Context,
    scenario: &Scenario,
    method: ForgetMethod,
    stage: &str,
    original: &Cnn,
) -> Result<(Cnn, f64, Curves), RunError> {
    let settings = &context.settings;
    let fit = Fit {
        name: stage.to_owned(),
        epochs: settings.unlearn.epochs,
        batch_size: settings.unlearn.batch_size,
        learning_rate: settings.unlearn.lr,
        weight_decay: 0.0,
        ema_decay: 0.0,
        objective: Arc::new(ForgetObjective::new(
            method,
            &settings.unlearn,
            original.clone(),
        )?),
    };
    let bar = context.progress.stage(stage, fit.epochs);
    let fitted = fit.run(
        original.clone(),
        |done| {
            let batch = settings.unlearn.batch_size;
            scenario.retain.loader_beside(
                &scenario.forget,
                batch,
                settings.seed,
                done,
                &context.device,
            )
        },
        scenario.test.in_order(&context.device)?,
        &context.folder,
        bar.clone(),
    )?;
    bar.finish_and_clear();
    let made = Made {
        data: "all training rows; then made to forget",
        training: format!(
            "the teacher, then {} of {}, AdamW at {}, {} epochs of batches of {}",
            method.label(),
            scenario.name,
            fit.learning_rate,
            fit.epochs,
            fit.batch_size
        ),
        test_accuracy: context
            .digits
            .test
            .answers(&fitted.model, &context.device)
            .accuracy()?,
    };
    weights::save(context, stage, &fitted.model, made)?;
    Ok((fitted.model, fitted.seconds, fitted.curves))
}

fn measure(
    context: &Context,
    scenario: &Scenario,
    name: &str,
    model: &Cnn,
    retrained: &Cnn,
) -> Result<ForgettingResult, RunError> {
    let of = |model: &Cnn, rows: &Rows| rows.answers(model, &context.device);
    let (forget, unseen) = (of(model, &scenario.forget), of(model, &scenario.unseen));
    let distance = DistanceToRetrained::of(
        &of(model, &context.digits.test).logits,
        &of(retrained, &context.digits.test).logits,
    )?;
    Ok(ForgettingResult {
        model: name.to_owned(),
        forget_accuracy: forget.accuracy()?,
        retain_accuracy: of(model, &scenario.retain).accuracy()?,
        test_accuracy: of(model, &scenario.test).accuracy()?,
        membership_auc: membership_inference(&forget.losses(), &unseen.losses())?,
        distance_to_retrained: distance.kl,
        seconds: 0.0,
        curves: Curves::default(),
    })
}
