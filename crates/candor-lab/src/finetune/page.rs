use super::Context;
use super::metrics::{LOSS, PERPLEXITY};
use super::results::{FinetuneResults, Perplexity, Training};
use super::samples::Sample;
use crate::report::{Better, Figure, LineSeries, Page, Section, Table, TextTable, line_chart};
use crate::run::RunError;
use crate::training::learning_chart;

/// The report of a fine-tuning.
pub(super) fn page(context: &Context, results: &FinetuneResults) -> Result<Page, RunError> {
    let training = &results.training;
    Ok(Page {
        title: "Candor: fine-tuning".to_owned(),
        subtitle: format!(
            "{} ({}) on {}: {} answers learned, {} held out, seed {}. Every number is also in results.json.",
            context.job.model.name(),
            context.settings.trained(),
            context.job.data_name(),
            training.answers.learned,
            training.answers.held_out,
            context.settings.seed
        ),
        checks: results.checks.clone(),
        sections: vec![learning(training)?, answering(&training.samples)],
    })
}

fn learning(training: &Training) -> Result<Section, RunError> {
    let Perplexity { before, after } = training.perplexity;
    let mut table = Table::new("Perplexity of the held-out answers.")
        .column("perplexity", Better::Lower, 3)
        .row("before", [before]);
    for &(epoch, perplexity) in training.perplexity_by_epoch() {
        table = table.row(format!("epoch {epoch}"), [perplexity]);
    }
    let kept = format!("kept, of epoch {}", training.best_epoch);
    let steps = LineSeries {
        name: "train".to_owned(),
        points: training.steps.clone(),
    };
    Ok(Section {
        title: "Learning".to_owned(),
        text: format!(
            "{} of {} parameters were trained in {:.1} s on {} tokens of answers an epoch; prompts count for nothing.",
            training.parameters.trained,
            training.parameters.all,
            training.seconds,
            training.answers.learned_tokens
        ),
        figures: vec![
            Figure {
                svg: line_chart("Loss by step", "epochs", "nats a token", &[steps])?,
                caption: "Cross-entropy of the learned answers' tokens, step by step.".to_owned(),
            },
            Figure {
                svg: learning_chart(LOSS, &[("", &training.curves)])?,
                caption: "Means over the epochs; valid is the held-out rows, by which the epoch that is kept was chosen."
                    .to_owned(),
            },
            Figure {
                svg: learning_chart(PERPLEXITY, &[("", &training.curves)])?,
                caption: "The exponential of the loss: among how many tokens the model hesitates.".to_owned(),
            },
        ],
        tables: vec![table.row(kept, [after])],
        ..Section::default()
    })
}

fn answering(samples: &[Sample]) -> Section {
    let row = |sample: &Sample| {
        [
            &sample.prompt,
            &sample.expected,
            &sample.before,
            &sample.after,
        ]
        .map(|text| printable(text))
        .into()
    };
    Section {
        title: "Answers to held-out prompts".to_owned(),
        text: "The most likely token each time, by the model before and after.".to_owned(),
        texts: vec![TextTable {
            caption: "None of these rows was learned.".to_owned(),
            columns: ["prompt", "expected", "before", "after"]
                .map(str::to_owned)
                .into(),
            rows: samples.iter().map(row).collect(),
        }],
        ..Section::default()
    }
}

/// A model may say anything; a page may not hold control characters.
fn printable(text: &str) -> String {
    let shown = |character: char| match character {
        '\n' => '\n',
        other if other.is_control() => char::REPLACEMENT_CHARACTER,
        other => other,
    };
    text.chars().map(shown).collect()
}
