use std::path::Path;
use std::time::Instant;

use burn::train::TrainStep;

use super::batches::read;
use super::samples::Prompts;
use super::schedule::{optimizer, schedule};
use super::trainee::Trainee;
use super::{Context, FinetuneSettings, Job};
use crate::run::{Cost, Estimate, MemoryWatch, RunError, RunOptions};
use crate::training::Session;

/// Takes a few steps of everything in a temporary folder and says what the whole would take.
///
/// # Errors
///
/// As [`run`](super::run).
pub fn estimate(
    job: &Job,
    settings: &FinetuneSettings,
    options: &RunOptions,
) -> Result<Estimate, RunError> {
    let place = tempfile::tempdir()
        .map_err(|error| RunError::file("create", Path::new("(temporary folder)"), error))?;
    let watch = MemoryWatch::start();
    let context = Context::open(job, settings, options, &place.path().join("probe"))?;
    let costs = vec![training(&context)?, held_out(&context)?, samples(&context)?];
    Ok(Estimate {
        costs,
        peak_bytes: watch.stop(),
    })
}

/// Two steps, of which the second shows what the others take.
fn training(context: &Context) -> Result<Cost, RunError> {
    let settings = &context.settings;
    let steps = settings.train.epochs * context.steps_an_epoch();
    let session = Session::open("training", 1, &context.folder)?;
    let mut trainee = Trainee::new(
        context.base.model.clone(),
        context.training(),
        session.guard(0),
    );
    let mut optimizer = optimizer(&settings.train);
    let mut schedule = schedule(&settings.train, steps)?;
    let loader = context.batcher().shuffled(
        &context.data.train,
        settings.train.batch_size,
        settings.seed,
        0,
        &context.device,
    )?;
    let mut seconds_per_step = 0.0;
    for step in loader.iter().take(2) {
        let started = Instant::now();
        let output = TrainStep::step(&trainee, read(step)?);
        trainee = trainee.optimize(&mut optimizer, schedule.step(), output.grads);
        seconds_per_step = started.elapsed().as_secs_f64();
    }
    Ok(Cost {
        name: "training".to_owned(),
        steps,
        seconds_per_step,
    })
}

/// Held-out rows are measured before, after, and in every epoch; their middle part is taken for all.
fn held_out(context: &Context) -> Result<Cost, RunError> {
    let train = &context.settings.train;
    let parts = context.data.held_out.len().div_ceil(train.micro_batch);
    let started = Instant::now();
    let mut seconds_per_step = 0.0;
    if let Some(step) = context.held_out()?.iter().nth(parts / 2) {
        context
            .loss
            .read_sum(&context.base.model, &read(step)?.parts);
        seconds_per_step = started.elapsed().as_secs_f64();
    }
    Ok(Cost {
        name: "held-out rows".to_owned(),
        steps: parts * (train.epochs + 2),
        seconds_per_step,
    })
}

/// A few tokens of the answers before and after.
fn samples(context: &Context) -> Result<Cost, RunError> {
    const TOKENS: usize = 4;
    let settings = &context.settings;
    let tokens = settings.sample_tokens.min(TOKENS);
    let model = context.loss.computing(&context.base.model);
    let prompts = Prompts::of(
        &context.data.held_out,
        settings.samples,
        tokens,
        model.config().context_length,
    );
    let started = Instant::now();
    prompts.answers(&model, &context.base.tokenizer)?;
    Ok(Cost {
        name: "answers before and after".to_owned(),
        steps: if settings.samples == 0 {
            0
        } else {
            2 * settings.sample_tokens
        },
        seconds_per_step: started.elapsed().as_secs_f64() / tokens as f64,
    })
}
