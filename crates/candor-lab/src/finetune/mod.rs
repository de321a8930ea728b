//! Supervised fine-tuning of a language model on questions and answers: `cargo xtask run finetune`.
//!
//! | item | what it is |
//! |---|---|
//! | [`run`] | the whole: read the rows, measure, train, keep the best epoch, measure again, report |
//! | [`estimate`] | what that will take, from a few measured steps |
//! | [`Job`], [`BaseModel`] | which model, and which rows |
//! | [`FinetuneSettings`] | how |
//! | [`FinetuneResults`] | what came of it |
//!
//! The loss is the cross-entropy of the answers' tokens, the end of the text included. Its logits are never in memory
//! at once ([`candor_core::linear`]). Training goes through burn-train, and a killed run that is resumed ends with the
//! numbers of an uninterrupted one.

mod answer_loss;
mod base_model;
mod batches;
mod cast;
mod data;
mod estimate;
mod examples;
mod export;
mod metrics;
mod page;
mod results;
mod rows;
mod samples;
mod schedule;
mod settings;
mod trainee;
mod training;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::Device;
use serde::Serialize;

pub use base_model::BaseModel;
pub use estimate::estimate;
pub use results::{Answers, FinetuneResults, Parameters, Perplexity, Training};
pub use samples::Sample;
pub use settings::{FinetuneSettings, Format, LoraSettings, Method, TrainSettings};

use crate::generate::LanguageModel;
use crate::run::{Progress, RunError, RunFolder, RunOptions};
use answer_loss::AnswerLoss;
use batches::{Loader, StepBatcher};
use data::Data;
use examples::Encoder;
use samples::Prompts;

/// What is trained on what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Job {
    /// What the training begins with.
    pub model: BaseModel,
    /// Rows in JSON Lines; the questions that are compiled in where there is no file.
    pub data: Option<PathBuf>,
    /// Rows to hold out; a share of the others where there is no file.
    pub held_out: Option<PathBuf>,
}

impl Job {
    /// What reports call the rows.
    fn data_name(&self) -> String {
        self.data.as_ref().map_or_else(
            || "the questions that are compiled in".to_owned(),
            |file| file.display().to_string(),
        )
    }
}

/// What a run prints when it is done.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The results, also in `results.json`.
    pub results: FinetuneResults,
    /// Where the report is.
    pub report: PathBuf,
    /// Where the trained model or adapter is.
    pub trained: PathBuf,
    /// Wall time of this session, in seconds.
    pub seconds: f64,
}

/// Fine-tunes in `out`.
///
/// # Errors
///
/// Illegal settings, rows or a model that cannot be used, a folder in use or not writable, a missing device, or whatever
/// stops the training.
pub fn run(
    job: &Job,
    settings: &FinetuneSettings,
    options: &RunOptions,
    out: &Path,
) -> Result<Outcome, RunError> {
    let started = Instant::now();
    let context = Context::open(job, settings, options, out)?;
    let training = training::run(&context)?;
    let results = FinetuneResults {
        checks: training.checks(),
        training,
    };
    context.folder.write_json("results.json", &results)?;
    let page = page::page(&context, &results)?.html()?;
    context.folder.write("report.html", page.as_bytes())?;
    context.progress.finish();
    Ok(Outcome {
        results,
        report: context.folder.path("report.html"),
        trained: context.folder.path(export::folder(context.settings.method)),
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// What the parts of a run share.
struct Context {
    job: Job,
    settings: FinetuneSettings,
    device: Device,
    progress: Progress,
    folder: RunFolder,
    /// The model before it is trained.
    base: LanguageModel,
    data: Data,
    loss: AnswerLoss,
}

impl Context {
    fn open(
        job: &Job,
        settings: &FinetuneSettings,
        options: &RunOptions,
        out: &Path,
    ) -> Result<Self, RunError> {
        settings.check()?;
        let (settings, limit) = if options.dry_run {
            (
                settings.clone().dry(),
                options.limit.or(Some(dry_rows(settings))),
            )
        } else {
            (settings.clone(), options.limit)
        };
        let device = options.device.open()?;
        let precision = settings.precision.on(&device, options.device)?;
        let progress = Progress::new(STAGES, options.quiet);
        let base = job.model.load(&settings, &device, precision, &progress)?;
        let config = base.model.config();
        let max_tokens = settings.max_tokens.min(config.context_length);
        let encoder = Encoder::new(
            &base.tokenizer,
            settings.format,
            config.vocab_size,
            max_tokens,
        )?;
        let data = Data::load(job, &settings, &encoder, limit)?;
        let effective = Effective {
            device: options.device.to_string(),
            limit,
            model: job.model.to_string(),
            data: job.data.as_deref(),
            held_out: job.held_out.as_deref(),
            finetune: &settings,
        };
        let folder = RunFolder::open(out, &effective, options.resume)?;
        Ok(Self {
            job: job.clone(),
            loss: AnswerLoss::new(precision)?,
            settings,
            device,
            progress,
            folder,
            base,
            data,
        })
    }

    fn batcher(&self) -> StepBatcher {
        StepBatcher {
            micro_batch: self.settings.train.micro_batch,
            filler: self.base.tokenizer.pad().unwrap_or(0),
        }
    }

    fn steps_an_epoch(&self) -> usize {
        let rows = self.data.train.len();
        rows.div_ceil(self.settings.train.batch_size)
    }

    fn held_out(&self) -> Result<Loader, RunError> {
        Ok(self.batcher().in_order(&self.data.held_out, &self.device)?)
    }

    fn prompts(&self) -> Prompts {
        Prompts::of(
            &self.data.held_out,
            self.settings.samples,
            self.settings.sample_tokens,
            self.base.model.config().context_length,
        )
    }

    /// What the steps of the training share.
    fn training(&self) -> Arc<trainee::Training> {
        Arc::new(trainee::Training {
            loss: self.loss.clone(),
            method: self.settings.method,
            settings: self.settings.train.clone(),
        })
    }
}

/// Rows of a dry run, of which at least one is held out.
fn dry_rows(settings: &FinetuneSettings) -> usize {
    const FEW: usize = 20;
    FEW.max((1.0 / settings.held_out).ceil() as usize)
}

/// Before the training, and the training with what comes after.
const STAGES: usize = 2;

/// What `settings.toml` in the run's folder holds: everything that decides the numbers.
#[derive(Serialize)]
struct Effective<'a> {
    device: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<usize>,
    model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_out: Option<&'a Path>,
    finetune: &'a FinetuneSettings,
}
