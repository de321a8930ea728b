use super::SamplingConfig;
use crate::causal_lm::{LmError, Message};

/// Texts in, texts out: what a pipeline asks of a language model, whichever it is.
///
/// [`CausalTextModel`](super::CausalTextModel) asks a real one, [`ScriptedTextModel`](super::ScriptedTextModel) reads
/// its lines from a list, so that a pipeline can be tested without a model.
pub trait TextModel {
    /// The answer to a conversation.
    ///
    /// # Errors
    ///
    /// A conversation that the model cannot take, or one too long for it.
    fn generate(
        &mut self,
        messages: &[Message],
        sampling: &SamplingConfig,
    ) -> Result<Generation, LmError>;

    /// How a text goes on.
    ///
    /// # Errors
    ///
    /// A text that is empty, or too long for the model.
    fn complete(&mut self, text: &str, sampling: &SamplingConfig) -> Result<Generation, LmError>;

    /// How likely a text is.
    ///
    /// # Errors
    ///
    /// A text of fewer than two tokens, or one too long for the model.
    fn log_likelihood(&mut self, text: &str) -> Result<TextLikelihood, LmError>;
}

/// What a model wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// The text, without control tokens and without the stop string and what follows it.
    pub text: String,
    /// All tokens, the stop token included.
    pub ids: Vec<u32>,
    /// Why there are no more.
    pub stop: StopReason,
}

/// Why a text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The model gave a stop token.
    Token,
    /// The text held a stop string.
    Text,
    /// The most tokens were reached that were asked for.
    Budget,
}

/// How likely the tokens of a text are, each after those before it.
#[derive(Debug, Clone, PartialEq)]
pub struct TextLikelihood {
    /// Log-likelihood of each token but the first, in nats.
    pub tokens: Vec<f64>,
}

impl TextLikelihood {
    /// Nats per token.
    pub fn mean(&self) -> f64 {
        self.sum() / self.tokens.len() as f64
    }

    /// Nats of the whole text but its first token.
    pub fn sum(&self) -> f64 {
        self.tokens.iter().sum()
    }
}
