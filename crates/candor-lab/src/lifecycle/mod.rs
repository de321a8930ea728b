//! The main job: train, distil, unlearn, explain and score on the embedded digits, with a report.

mod distillation;
mod explanation;
mod forget_objective;
mod forgetting;
mod pages;
mod rows;
mod settings;
mod student_objective;
mod teacher;
mod weights;

use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::tensor::Device;
use serde::Serialize;

use crate::report::Check;
use crate::run::{Cost, Estimate, MemoryWatch, Progress, RunError, RunFolder, RunOptions};
use rows::Digits;
pub use settings::{
    DistillSettings, ExplainSettings, LifecycleSettings, TrainSettings, UnlearnSettings,
};

/// What the pipeline's stages share.
struct Context {
    settings: LifecycleSettings,
    folder: RunFolder,
    device: Device,
    progress: Progress,
    digits: Digits,
}

/// Everything that a run found, as `results.json` holds it.
#[derive(Debug, Clone, Serialize)]
pub struct LifecycleResults {
    /// What the run promises.
    pub checks: Vec<Check>,
    /// The teacher.
    pub teacher: teacher::TeacherResult,
    /// Students by method.
    pub distillation: distillation::DistillationResult,
    /// Forgetting by scenario and method.
    pub forgetting: Vec<forgetting::ScenarioResult>,
    /// Explanations before and after forgetting, with their scores.
    pub explanations: explanation::ExplanationResult,
}

/// What a run prints when it is done.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The results, also in `results.json`.
    pub results: LifecycleResults,
    /// Where the report is.
    pub report: PathBuf,
    /// Wall time of this session, in seconds.
    pub seconds: f64,
}

/// Runs the whole job in `out`.
///
/// # Errors
///
/// Illegal settings, a folder in use or not writable, a missing device, or whatever stops a stage.
pub fn run(
    settings: LifecycleSettings,
    options: &RunOptions,
    out: &Path,
) -> Result<Outcome, RunError> {
    let started = Instant::now();
    let context = Context::open(settings, options, out)?;
    let results = context.stages()?;
    context.folder.write_json("results.json", &results)?;
    context.folder.write(
        "report.html",
        pages::page(&context, &results)?.html()?.as_bytes(),
    )?;
    context.progress.finish();
    Ok(Outcome {
        results,
        report: context.folder.path("report.html"),
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Measures one step of everything in a temporary folder and says what the whole would take.
///
/// # Errors
///
/// As [`run`].
pub fn estimate(settings: &LifecycleSettings, options: &RunOptions) -> Result<Estimate, RunError> {
    settings.check()?;
    let place = tempfile::tempdir()
        .map_err(|error| RunError::file("create", Path::new("(temporary folder)"), error))?;
    let probe = RunOptions {
        dry_run: true,
        quiet: true,
        ..options.clone()
    };
    let context = Context::open(settings.clone(), &probe, &place.path().join("probe"))?;
    let digits = Digits::load(settings.seed, settings.test_fraction, options.limit)?;
    let (planned, probed) = (
        Plan::of(settings, &digits),
        Plan::of(&context.settings, &context.digits),
    );
    let mut estimate = Estimate::default();
    let watch = MemoryWatch::start();
    for part in Part::ALL {
        let started = Instant::now();
        part.run(&context)?;
        estimate.costs.push(Cost {
            name: part.name().to_owned(),
            steps: planned.steps(part),
            seconds_per_step: started.elapsed().as_secs_f64() / probed.steps(part).max(1) as f64,
        });
    }
    estimate.peak_bytes = watch.stop();
    Ok(estimate)
}

/// The parts of the job, which an estimate measures one by one.
#[derive(Debug, Clone, Copy)]
enum Part {
    Teacher,
    Students,
    Forgetting,
    Explanations,
}

impl Part {
    const ALL: [Self; 4] = [
        Self::Teacher,
        Self::Students,
        Self::Forgetting,
        Self::Explanations,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Teacher => "teacher",
            Self::Students => "students",
            Self::Forgetting => "forgetting",
            Self::Explanations => "explanations",
        }
    }

    fn run(self, context: &Context) -> Result<(), RunError> {
        match self {
            Self::Teacher => teacher::run(context).map(drop),
            Self::Students => distillation::run(context).map(drop),
            Self::Forgetting => forgetting::run(context).map(drop),
            Self::Explanations => explanation::run(context).map(drop),
        }
    }
}

/// How many steps each part has: optimiser steps, and model evaluations of explained rows.
struct Plan {
    teacher: usize,
    students: usize,
    forgetting: usize,
    explanations: usize,
}

impl Plan {
    fn steps(&self, part: Part) -> usize {
        match part {
            Part::Teacher => self.teacher,
            Part::Students => self.students,
            Part::Forgetting => self.forgetting,
            Part::Explanations => self.explanations,
        }
    }

    fn of(settings: &LifecycleSettings, digits: &Digits) -> Self {
        let rows = digits.train.len();
        let teacher = settings.train.epochs * rows.div_ceil(settings.train.batch_size);
        let student_rows = settings.distill.rows.min(rows);
        let unlearning = settings.unlearn.epochs * rows.div_ceil(settings.unlearn.batch_size);
        let explain = &settings.explain;
        Self {
            teacher,
            students: student_objective::StudentMethod::ALL.len()
                * settings.distill.seeds
                * settings.distill.epochs
                * student_rows.div_ceil(settings.distill.batch_size),
            // Each scenario retrains once and runs every method.
            forgetting: forgetting::SCENARIOS
                * (teacher + forget_objective::ForgetMethod::ALL.len() * unlearning),
            explanations: 2 * explain.images * (explain.samples + explain.steps),
        }
    }
}

impl Context {
    fn open(
        settings: LifecycleSettings,
        options: &RunOptions,
        out: &Path,
    ) -> Result<Self, RunError> {
        let settings = if options.dry_run {
            settings.dry()
        } else {
            settings
        };
        settings.check()?;
        let device = options.device.open()?;
        let limit = if options.dry_run {
            Some(options.limit.unwrap_or(200))
        } else {
            options.limit
        };
        let digits = Digits::load(settings.seed, settings.test_fraction, limit)?;
        let effective = Effective {
            device: options.device.to_string(),
            limit,
            lifecycle: &settings,
        };
        let folder = RunFolder::open(out, &effective, options.resume)?;
        let stages = 2 + distillation::stages(&settings) + forgetting::stages();
        Ok(Self {
            progress: Progress::new(stages, options.quiet),
            settings,
            folder,
            device,
            digits,
        })
    }

    fn stages(&self) -> Result<LifecycleResults, RunError> {
        let teacher = teacher::run(self)?;
        let distillation = distillation::run(self)?;
        let forgetting = forgetting::run(self)?;
        let explanations = explanation::run(self)?;
        let checks = [
            teacher.checks(),
            distillation.checks(),
            forgetting::checks(&forgetting),
            explanations.checks(),
        ]
        .concat();
        Ok(LifecycleResults {
            checks,
            teacher,
            distillation,
            forgetting,
            explanations,
        })
    }
}

/// What `settings.toml` in the run's folder holds: everything that decides the numbers.
#[derive(Serialize)]
struct Effective<'a> {
    device: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<usize>,
    lifecycle: &'a LifecycleSettings,
}
