use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use candor_lab::generate::{self, GenerateSettings, LanguageModel, Prompt, Request};
use candor_lab::run::{DeviceChoice, Precision, Progress, RunError, load_settings};
use clap::Args;

use super::arguments::pair;
use crate::cargo::workspace;

/// What is continued, by what, and how.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A GGUF file or a Hugging Face folder; SmolLM2 if left out and fetched.
    #[arg(long, value_name = "PATH")]
    model: Option<PathBuf>,
    /// What is continued; standard input, without its last line break, if left out.
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// Take the prompt as what a user says, in the model's chat template.
    #[arg(long)]
    chat: bool,
    /// Instructions to the model, before what the user says.
    #[arg(long, value_name = "TEXT", requires = "chat")]
    system: Option<String>,
    /// A folder with a PEFT adapter for the model.
    #[arg(long, value_name = "DIR")]
    adapter: Option<PathBuf>,
    /// Where to compute: `flex`, `ndarray`, `wgpu:N` or `cuda:N`.
    #[arg(long, default_value_t)]
    device: DeviceChoice,
    /// What to compute in: `f32` or `bf16`.
    #[arg(long, default_value_t)]
    dtype: Precision,
    #[command(flatten)]
    sampling: SamplingArguments,
    /// Say on standard error how many tokens there were, and how fast they came.
    #[arg(long)]
    show_stats: bool,
    /// No word on standard error while the model is loaded.
    #[arg(long)]
    quiet: bool,
}

/// How the next token is chosen; each flag is a setting, and wins over `--set`.
#[derive(Args)]
struct SamplingArguments {
    /// The most tokens that are added [default: 128].
    #[arg(long, value_name = "N")]
    max_new_tokens: Option<usize>,
    /// Divides the scores; 0 takes the best token [default: 0].
    #[arg(long, value_name = "T")]
    temperature: Option<f64>,
    /// How many tokens may be drawn; 0 for all [default: 0].
    #[arg(long, value_name = "K")]
    top_k: Option<usize>,
    /// The share of probability that the tokens kept must hold [default: 1].
    #[arg(long, value_name = "P")]
    top_p: Option<f64>,
    /// The least probability, as a share of the best token's [default: 0].
    #[arg(long, value_name = "P")]
    min_p: Option<f64>,
    /// What scores of tokens seen before are divided by [default: 1].
    #[arg(long, value_name = "X")]
    repetition_penalty: Option<f64>,
    /// A text that ends the continuation; may be repeated.
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
    /// Seed of the draws [default: 0].
    #[arg(long)]
    seed: Option<u64>,
    /// One setting, as KEY=VALUE; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    overrides: Vec<(String, String)>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), RunError> {
    let settings = arguments.sampling.settings()?;
    settings.check()?;
    let request = Request {
        model: match &arguments.model {
            Some(model) => model.clone(),
            None => LanguageModel::default_path(&workspace())?,
        },
        adapter: arguments.adapter.clone(),
        device: arguments.device,
        precision: arguments.dtype,
        prompt: arguments.prompt()?,
        settings,
    };
    let progress = Progress::new(1, arguments.quiet);
    let mut out = std::io::stdout().lock();
    let generated = generate::run(&request, &progress, &mut out)?;
    if out.is_terminal() {
        println!();
    }
    if arguments.show_stats {
        eprintln!("{generated}");
    }
    Ok(())
}

impl Arguments {
    fn prompt(&self) -> Result<Prompt, RunError> {
        let text = match &self.prompt {
            Some(text) => text.clone(),
            None => standard_input()?,
        };
        Ok(if self.chat {
            Prompt::Chat {
                system: self.system.clone(),
                user: text,
            }
        } else {
            Prompt::Text(text)
        })
    }
}

impl SamplingArguments {
    fn settings(&self) -> Result<GenerateSettings, RunError> {
        let flags = [
            ("max_new_tokens", self.max_new_tokens.map(|n| n.to_string())),
            ("temperature", self.temperature.map(float)),
            ("top_k", self.top_k.map(|k| k.to_string())),
            ("top_p", self.top_p.map(float)),
            ("min_p", self.min_p.map(float)),
            ("repetition_penalty", self.repetition_penalty.map(float)),
            ("seed", self.seed.map(|seed| seed.to_string())),
        ];
        let given = flags
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?)));
        let overrides = self.overrides.iter().cloned().chain(given).collect();
        let mut settings: GenerateSettings = load_settings(None, &overrides)?;
        if !self.stop.is_empty() {
            settings.stop.clone_from(&self.stop);
        }
        Ok(settings)
    }
}

/// A number as TOML writes one that is not whole: with its point.
fn float(value: f64) -> String {
    format!("{value:?}")
}

fn standard_input() -> Result<String, RunError> {
    let unreadable = |reason: &str| RunError::file("read", Path::new("(standard input)"), reason);
    let mut input = std::io::stdin();
    if input.is_terminal() {
        return Err(unreadable(
            "it is a terminal; pass --prompt TEXT, or pipe a text in",
        ));
    }
    let mut text = String::new();
    input
        .read_to_string(&mut text)
        .map_err(|error| unreadable(&error.to_string()))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}
