use std::fmt;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Instant;

use candor_models::causal_lm::DecodeStream;
use candor_models::causal_lm::generation::Generator;

use super::stop_strings::StopStrings;
use super::{GenerateSettings, LanguageModel, Prompt};
use crate::run::RunError;

/// What a generation took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Generated {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Tokens that were added, the one that ended the text included.
    pub new_tokens: usize,
    /// Wall time until the first of them, in seconds.
    pub first_seconds: f64,
    /// Wall time of all of them, in seconds.
    pub seconds: f64,
}

impl fmt::Display for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |tokens: usize, seconds: f64| tokens as f64 / seconds.max(f64::MIN_POSITIVE);
        writeln!(
            f,
            "prompt: {} tokens in {:.2} s, {:.1} tokens/s",
            self.prompt_tokens,
            self.first_seconds,
            rate(self.prompt_tokens, self.first_seconds)
        )?;
        // The first token comes with the prompt.
        let (later, seconds) = (
            self.new_tokens.saturating_sub(1),
            self.seconds - self.first_seconds,
        );
        write!(
            f,
            "generated: {} tokens in {:.2} s, {:.1} tokens/s after the first",
            self.new_tokens,
            self.seconds,
            rate(later, seconds)
        )
    }
}

/// Writes a model's continuation of a prompt to `out`, each piece as soon as its characters are complete.
///
/// Control tokens are not written. A reader that has had enough and closes `out` ends the generation, and is no error.
///
/// # Errors
///
/// Illegal settings; a prompt that is empty, too long or cannot be written in the model's template; a model whose
/// scores are not finite; an `out` that cannot be written.
pub fn generate(
    language_model: &LanguageModel,
    prompt: &Prompt,
    settings: &GenerateSettings,
    out: &mut dyn Write,
) -> Result<Generated, RunError> {
    let LanguageModel { model, tokenizer } = language_model;
    let sampling = settings.sampling_for(tokenizer, model.config().vocab_size);
    let generator = Generator::new(model, &sampling)?;
    let prompt = prompt.encode(tokenizer)?;
    let mut decoded = DecodeStream::new(tokenizer);
    let mut stops = StopStrings::new(&settings.stop);
    let mut generated = Generated {
        prompt_tokens: prompt.len(),
        new_tokens: 0,
        first_seconds: 0.0,
        seconds: 0.0,
    };
    let started = Instant::now();
    let mut is_read = true;
    for step in generator.steps(&[prompt])? {
        let tokens = step?;
        generated.seconds = started.elapsed().as_secs_f64();
        for token in tokens.into_iter().flatten() {
            generated.count();
            if !tokenizer.is_control(token) {
                is_read = write(out, &stops.push(&decoded.push(token)?))?;
            }
        }
        if stops.found() || !is_read {
            return Ok(generated);
        }
    }
    let rest = stops.push(&decoded.finish()?);
    write(out, &(rest + &stops.finish()))?;
    Ok(generated)
}

impl Generated {
    /// Counts a token that has just come.
    fn count(&mut self) {
        self.new_tokens += 1;
        if self.new_tokens == 1 {
            self.first_seconds = self.seconds;
        }
    }
}

/// Whether there is still somebody who reads.
fn write(out: &mut dyn Write, text: &str) -> Result<bool, RunError> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(RunError::file(
            "write",
            Path::new("(standard output)"),
            error,
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use burn::tensor::Device;

    use super::*;

    fn tiny() -> LanguageModel {
        LanguageModel::tiny(&Device::flex(), 0).unwrap()
    }

    fn settings(stop: &[&str]) -> GenerateSettings {
        GenerateSettings {
            max_new_tokens: 12,
            temperature: 1.0,
            stop: stop.iter().map(|&stop| stop.to_owned()).collect(),
            ..GenerateSettings::default()
        }
    }

    fn text(stop: &[&str]) -> (String, Generated) {
        let mut out = Vec::new();
        let prompt = Prompt::Text("Once".to_owned());
        let generated = generate(&tiny(), &prompt, &settings(stop), &mut out).unwrap();
        (String::from_utf8(out).unwrap(), generated)
    }

    #[test]
    fn the_text_is_that_of_the_tokens_and_always_utf_8() {
        let (all, generated) = text(&[]);
        assert_eq!((generated.prompt_tokens, generated.new_tokens), (4, 12));
        assert!(generated.seconds >= generated.first_seconds);
        assert!(!all.is_empty());
    }

    #[test]
    fn a_stop_text_cuts_the_text_and_the_work() {
        let (all, whole) = text(&[]);
        let mut characters = all.chars();
        let stop = characters.nth(all.chars().count() / 2).unwrap();
        let (cut, generated) = text(&[&stop.to_string()]);
        assert!(
            all.starts_with(&cut) && !cut.contains(stop),
            "{all:?} {cut:?}"
        );
        assert!(generated.new_tokens < whole.new_tokens);
    }

    #[test]
    fn a_reader_that_goes_away_ends_the_generation_without_an_error() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let prompt = Prompt::Text("Once".to_owned());
        let generated = generate(&tiny(), &prompt, &settings(&[]), &mut Closed).unwrap();
        assert!(generated.new_tokens < 12, "{generated:?}");
    }

    #[test]
    fn an_empty_prompt_is_refused() {
        let prompt = Prompt::Text(String::new());
        let error = generate(&tiny(), &prompt, &settings(&[]), &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("no token"), "{error}");
    }
}
