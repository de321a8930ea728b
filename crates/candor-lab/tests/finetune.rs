//! Fine-tuning through the library: every output is there, what was trained can be loaded, bad rows are named.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use burn::tensor::{Device, FloatDType};
use candor_lab::finetune::{
    BaseModel, FinetuneResults, FinetuneSettings, Job, Method, estimate, run,
};
use candor_lab::generate::{GenerateSettings, LanguageModel, Prompt, generate};
use candor_lab::run::{Precision, Progress, RunError, RunOptions};

fn dry() -> RunOptions {
    RunOptions {
        dry_run: true,
        quiet: true,
        ..RunOptions::default()
    }
}

fn small(limit: usize) -> RunOptions {
    RunOptions {
        limit: Some(limit),
        quiet: true,
        ..RunOptions::default()
    }
}

fn tiny() -> FinetuneSettings {
    FinetuneSettings::for_model(&BaseModel::Tiny)
}

fn open(model: &Path) -> LanguageModel {
    let progress = Progress::new(1, true);
    LanguageModel::open(model, &Device::flex(), FloatDType::F32, &progress).unwrap()
}

/// What a model says to the samples of a run.
fn says(model: &LanguageModel, results: &FinetuneResults, tokens: usize) -> Vec<String> {
    let settings = GenerateSettings {
        max_new_tokens: tokens,
        ..GenerateSettings::default()
    };
    let say = |prompt: &String| {
        let mut out = Vec::new();
        let prompt = Prompt::Chat {
            system: None,
            user: prompt.clone(),
        };
        generate(model, &prompt, &settings, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let samples = &results.training.samples;
    samples.iter().map(|sample| say(&sample.prompt)).collect()
}

fn after(results: &FinetuneResults) -> Vec<String> {
    let samples = results.training.samples.iter();
    samples.map(|sample| sample.after.clone()).collect()
}

#[test]
fn a_dry_run_writes_every_output_and_the_model_can_be_loaded() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    let outcome = run(&Job::default(), &tiny(), &dry(), &out).unwrap();
    for file in [
        "report.html",
        "results.json",
        "settings.toml",
        "model/model.safetensors",
        "model/config.json",
        "model/tokenizer.json",
        "model/tokenizer_config.json",
        "model/MODEL_CARD.md",
        "training/checkpoint/model-1.bpk",
    ] {
        assert!(out.join(file).metadata().unwrap().len() > 100, "{file}");
    }
    assert!(out.join("training/tensorboard").is_dir());
    let report = std::fs::read_to_string(&outcome.report).unwrap();
    for heading in [
        "Learning",
        "Answers to held-out prompts",
        "Loss by step",
        "Perplexity",
    ] {
        assert!(report.contains(heading), "{heading}");
    }
    let results = &outcome.results;
    assert_eq!(says(&open(&outcome.trained), results, 8), after(results));
}

#[test]
fn an_adapter_is_loaded_onto_the_model_it_was_trained_for() {
    let place = tempfile::tempdir().unwrap();
    // Long enough trained to say something.
    let mut settings = tiny();
    settings.train.epochs = 3;
    let base = place.path().join("base");
    let base = run(&Job::default(), &settings, &small(80), &base).unwrap();
    let job = Job {
        model: BaseModel::Pretrained(base.trained.clone()),
        ..Job::default()
    };
    let mut settings = FinetuneSettings::for_model(&job.model);
    settings.train.lr = 0.05;
    settings.train.batch_size = 4;
    let out = place.path().join("adapter");
    let adapted = run(&job, &settings, &dry(), &out).unwrap();
    let results = &adapted.results;
    let parameters = results.training.parameters;
    assert_eq!(
        parameters.trained,
        5 * (128 * 8 + 8 * 128 + 128 * 8 + 8 * 64)
    );
    assert_eq!(parameters.all, 1_017_728 + parameters.trained);
    let model = open(&base.trained);
    assert_ne!(says(&model, results, 8), after(results));
    let model = model.with_adapter(&adapted.trained).unwrap();
    assert_eq!(says(&model, results, 8), after(results));
    // Factors and their moments, not the weights beside them.
    let size = |file: &str| out.join(file).metadata().unwrap().len() as usize;
    assert!(size("training/checkpoint/model-1.bpk") < 3 * 4 * parameters.trained);
    let card = std::fs::read_to_string(out.join("adapter/MODEL_CARD.md")).unwrap();
    assert!(
        card.contains("adapters of rank 8") && card.contains("peft"),
        "{card}"
    );
}

#[test]
fn held_out_perplexity_falls() {
    let place = tempfile::tempdir().unwrap();
    let mut settings = tiny();
    settings.train.epochs = 3;
    settings.samples = 0;
    let out = place.path().join("run");
    let outcome = run(&Job::default(), &settings, &small(80), &out).unwrap();
    let training = &outcome.results.training;
    assert!(outcome.results.checks.iter().all(|check| check.holds));
    assert!(
        training.perplexity.before > 200.0 && training.perplexity.after < 30.0,
        "{:?}",
        training.perplexity
    );
    // The model that was kept is that of the best epoch.
    let by_epoch = training.perplexity_by_epoch();
    assert_eq!(by_epoch.len(), 3);
    let best = by_epoch[training.best_epoch - 1].1;
    assert!((best - training.perplexity.after).abs() < 1e-4 * best);
    assert_eq!(
        training.steps.len(),
        3 * 68usize.div_ceil(settings.train.batch_size)
    );
}

#[test]
fn half_precision_trains_too() {
    let place = tempfile::tempdir().unwrap();
    for method in [Method::Full, Method::Lora] {
        let settings = FinetuneSettings {
            precision: Precision::Bf16,
            method,
            samples: 1,
            ..tiny()
        };
        let out = place.path().join(format!("{method:?}"));
        let outcome = run(&Job::default(), &settings, &dry(), &out).unwrap();
        let perplexity = outcome.results.training.perplexity;
        assert!(perplexity.after < perplexity.before, "{perplexity:?}");
    }
}

#[test]
fn a_finished_run_is_read_again_and_other_settings_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("run");
    let first = run(&Job::default(), &tiny(), &dry(), &out).unwrap();
    let again = run(&Job::default(), &tiny(), &dry(), &out);
    assert!(matches!(again, Err(RunError::FolderInUse { .. })));
    let resume = RunOptions {
        resume: true,
        ..dry()
    };
    let again = run(&Job::default(), &tiny(), &resume, &out).unwrap();
    assert_eq!(first.results, again.results);
    let mut other = tiny();
    other.train.lr = 1e-4;
    let error = run(&Job::default(), &other, &resume, &out).unwrap_err();
    assert!(error.to_string().contains("lr = 0.0001"), "{error}");
}

#[test]
fn rows_that_cannot_be_used_are_named_and_nothing_is_written() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("rows.jsonl");
    let long = format!("{{\"prompt\": \"p\", \"answer\": \"{}\"}}", "a".repeat(600));
    let rows = "{\"prompt\": \"p\", \"answer\": \"a\"}\n".repeat(20);
    for (bad, wanted) in [
        ("{\"prompt\": \"p\"}", "field `answer` is missing"),
        (
            "{\"prompt\": \"p\", \"answer\": \"\"}",
            "field `answer` is empty",
        ),
        (&long, "field `answer` is too long"),
        ("{\"prompt\"", "EOF"),
    ] {
        std::fs::write(&file, format!("{rows}{bad}\n")).unwrap();
        let job = Job {
            data: Some(file.clone()),
            ..Job::default()
        };
        let out = place.path().join("run");
        let message = run(&job, &tiny(), &dry(), &out).unwrap_err().to_string();
        assert!(
            message.contains("rows.jsonl:21: ") && message.contains(wanted),
            "{message}"
        );
        assert!(!out.exists());
    }
}

#[test]
fn an_estimate_counts_the_whole_and_leaves_nothing_behind() {
    let mut settings = tiny();
    settings.train.epochs = 7;
    let estimate = estimate(&Job::default(), &settings, &small(100)).unwrap();
    // 85 rows are learned in steps of 10; 15 are held out and measured in 2 parts, before, after and 7 times.
    let steps: Vec<usize> = estimate.costs.iter().map(|cost| cost.steps).collect();
    assert_eq!(steps, [7 * 9, 2 * 9, 2 * settings.sample_tokens]);
    assert!(
        estimate
            .costs
            .iter()
            .all(|cost| cost.seconds_per_step > 0.0)
    );
    assert!(estimate.peak_bytes > 0);
}
