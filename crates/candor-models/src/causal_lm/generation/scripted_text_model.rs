use super::{Generation, SamplingConfig, StopReason, TextLikelihood, TextModel};
use crate::causal_lm::{LmError, Message};

/// A [`TextModel`] that reads its lines from a list, for tests of what asks a model.
///
/// The first line whose cue is part of the text is the answer: of a conversation, the text is its last message. It is
/// given whole, whatever the sampling; ids are empty. What nothing was written for is an error.
///
/// ```
/// use candor_models::causal_lm::Message;
/// use candor_models::causal_lm::generation::{SamplingConfig, ScriptedTextModel, TextModel};
///
/// let mut model = ScriptedTextModel::new()
///     .with_reply("capital of France", "Paris.")
///     .with_likelihood("cat", vec![-1.0, -3.0]);
/// let question = Message::user("What is the capital of France?");
/// assert_eq!(model.generate(&[question], &SamplingConfig::new())?.text, "Paris.");
/// assert_eq!(model.log_likelihood("a cat")?.mean(), -2.0);
/// assert!(model.log_likelihood("a dog").is_err());
/// assert_eq!(model.asked(), ["What is the capital of France?", "a cat", "a dog"]);
/// # Ok::<(), candor_models::causal_lm::LmError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ScriptedTextModel {
    replies: Vec<(String, String)>,
    likelihoods: Vec<(String, Vec<f64>)>,
    asked: Vec<String>,
}

impl ScriptedTextModel {
    /// A model without lines.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers texts that contain `cue` with `reply`; an empty cue is part of every text.
    pub fn with_reply(mut self, cue: impl Into<String>, reply: impl Into<String>) -> Self {
        self.replies.push((cue.into(), reply.into()));
        self
    }

    /// Gives texts that contain `cue` these log-likelihoods of their tokens.
    pub fn with_likelihood(mut self, cue: impl Into<String>, tokens: Vec<f64>) -> Self {
        self.likelihoods.push((cue.into(), tokens));
        self
    }

    /// Every text it was asked about, in order.
    pub fn asked(&self) -> &[String] {
        &self.asked
    }
}

impl TextModel for ScriptedTextModel {
    fn generate(
        &mut self,
        messages: &[Message],
        sampling: &SamplingConfig,
    ) -> Result<Generation, LmError> {
        let last = messages.last().ok_or(LmError::EmptyPrompt)?;
        self.complete(&last.content, sampling)
    }

    fn complete(&mut self, text: &str, _sampling: &SamplingConfig) -> Result<Generation, LmError> {
        self.asked.push(text.to_owned());
        let reply = cued(&self.replies, text)?;
        Ok(Generation {
            text: reply.clone(),
            ids: Vec::new(),
            stop: StopReason::Token,
        })
    }

    fn log_likelihood(&mut self, text: &str) -> Result<TextLikelihood, LmError> {
        self.asked.push(text.to_owned());
        let tokens = cued(&self.likelihoods, text)?.clone();
        Ok(TextLikelihood { tokens })
    }
}

/// The first line whose cue is part of a text.
fn cued<'a, T>(lines: &'a [(String, T)], text: &str) -> Result<&'a T, LmError> {
    let mut lines = lines.iter();
    let line = lines.find_map(|(cue, line)| text.contains(cue).then_some(line));
    line.ok_or_else(|| LmError::Unscripted {
        text: text.to_owned(),
    })
}
