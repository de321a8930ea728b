use std::sync::Arc;

use burn::module::Module;
use burn::train::{Learner, SupervisedTraining};
use serde::{Deserialize, Serialize};

use super::examples::Example;
use super::metrics::{LOSS, PERPLEXITY, TokenMetric};
use super::results::{Answers, Parameters, Perplexity, Training, best_epoch};
use super::schedule::{optimizer, schedule};
use super::settings::Method;
use super::trainee::Trainee;
use super::{Context, export};
use crate::run::RunError;
use crate::training::{BestAndLast, Curves, Session, step_curve};

/// What is known before the training.
#[derive(Debug, Serialize, Deserialize)]
struct Before {
    perplexity: f64,
    answers: Vec<String>,
}

/// Measures, trains, keeps the best epoch and measures again; what is done already is not done twice.
pub(super) fn run(context: &Context) -> Result<Training, RunError> {
    let before = context.folder.once("before", || measure(context))?;
    context.progress.advance();
    let result = context.folder.once("training", || train(context, before))?;
    context.progress.advance();
    Ok(result)
}

fn measure(context: &Context) -> Result<Before, RunError> {
    let waiting = context.progress.waiting("measuring the model as it is");
    let model = context.loss.computing(&context.base.model);
    let score = context.loss.score(&model, &context.held_out()?)?;
    let answers = context.prompts().answers(&model, &context.base.tokenizer)?;
    waiting.finish_and_clear();
    Ok(Before {
        perplexity: score.perplexity(),
        answers,
    })
}

fn train(context: &Context, before: Before) -> Result<Training, RunError> {
    let settings = &context.settings;
    let epochs = settings.train.epochs;
    let session = Session::open("training", epochs, &context.folder)?;
    let steps = context.steps_an_epoch();
    let trainee = Trainee::new(
        context.base.model.clone(),
        context.training(),
        session.guard(steps),
    );
    let learner = Learner::new(
        trainee.clone(),
        optimizer(&settings.train),
        schedule(&settings.train, epochs * steps)?,
    );
    let adapt = |training: SupervisedTraining<Trainee>| {
        training
            .metrics((TokenMetric::loss(), TokenMetric::perplexity()))
            .with_checkpointing_strategy(BestAndLast)
    };
    let rows = context.data.train.len();
    let loader = context.batcher().shuffled(
        &context.data.train,
        settings.train.batch_size,
        settings.seed,
        session.epochs_done(),
        &context.device,
    )?;
    let bar = context.progress.stage("training", epochs * rows);
    let ended = session.launch(learner, loader, context.held_out()?, adapt, bar.clone())?;
    bar.finish_and_clear();

    let curves = Curves::read(session.directory(), &[LOSS, PERPLEXITY]);
    let best_epoch = best_epoch(&curves).unwrap_or(epochs);
    let kept = session.restore(trainee, best_epoch)?.kept().valid();
    export::save(context, &kept)?;

    let waiting = context.progress.waiting("measuring the model that is kept");
    let model = context.loss.computing(&kept);
    let score = context.loss.score(&model, &context.held_out()?)?;
    let prompts = context.prompts();
    let answers = prompts.answers(&model, &context.base.tokenizer)?;
    waiting.finish_and_clear();
    let result = Training {
        answers: answers_of(context),
        parameters: parameters(context),
        perplexity: Perplexity {
            before: before.perplexity,
            after: score.perplexity(),
        },
        best_epoch,
        curves,
        steps: step_curve(session.directory(), LOSS, epochs),
        samples: prompts.beside(before.answers, answers),
        seconds: ended.seconds,
    };
    export::save_card(context, &result)?;
    Ok(result)
}

fn answers_of(context: &Context) -> Answers {
    let tokens = |rows: &[Arc<Example>]| rows.iter().map(|row| row.answer_tokens()).sum();
    Answers {
        learned: context.data.train.len(),
        learned_tokens: tokens(&context.data.train),
        held_out: context.data.held_out.len(),
        held_out_tokens: tokens(&context.data.held_out),
    }
}

fn parameters(context: &Context) -> Parameters {
    let model = &context.base.model;
    let all = model.num_params();
    Parameters {
        all,
        trained: match context.settings.method {
            Method::Full => all,
            Method::Lora => model.num_adapter_params(),
        },
    }
}
