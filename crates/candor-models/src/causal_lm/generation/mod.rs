//! Text from a model, token by token, and how likely a text is.
//!
//! | item | what it does |
//! |---|---|
//! | [`SamplingConfig`], [`Sampler`] | how the next token is chosen from its scores |
//! | [`Generator`], [`TokenSteps`] | continuations of one or many prompts, at once or streamed |
//! | [`TextModel`] | texts in and texts out, with [`Generation`] and [`TextLikelihood`] as answers |
//! | [`CausalTextModel`], [`ScriptedTextModel`] | a model with its tokenizer, and one that reads from a list |
//!
//! The likelihood of given tokens is
//! [`CausalLm::mean_log_likelihood`](crate::causal_lm::CausalLm::mean_log_likelihood) and its siblings.

mod candidates;
mod causal_text_model;
mod generator;
mod likelihood;
mod sampler;
mod sampling_config;
mod scripted_text_model;
mod text_model;
mod token_steps;

pub use causal_text_model::CausalTextModel;
pub use generator::Generator;
pub use sampler::Sampler;
pub use sampling_config::SamplingConfig;
pub use scripted_text_model::ScriptedTextModel;
pub use text_model::{Generation, StopReason, TextLikelihood, TextModel};
pub use token_steps::TokenSteps;
