//! Low-rank adapters: fine-tuning that leaves the model's weights as they are.
//!
//! ```text
//! y = x W + (alpha / rank) x A B        A: [in, rank], B: [rank, out], W frozen
//! ```
//!
//! | item | what it does |
//! |---|---|
//! | [`LoraConfig`], [`LoraPlan`] | which weights get adapters, and attaching them |
//! | [`Projection`] | the seven weights of a layer |
//! | [`CausalLm::merge_adapters`](crate::causal_lm::CausalLm::merge_adapters) | adapters into the weights |
//! | [`CausalLm::without_adapters`](crate::causal_lm::CausalLm::without_adapters) | the model of before |
//! | [`save_adapters`], [`load_adapters`] | a folder that the Python package `peft` reads and writes |
//!
//! Source: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models". The adapters are burn-core's.

mod adapters;
mod config;
mod peft;
mod peft_config;
mod plan;
mod projection;

pub use config::LoraConfig;
pub use peft::{load_adapters, save_adapters};
pub use plan::LoraPlan;
pub use projection::Projection;
