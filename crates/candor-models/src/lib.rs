//! Small reference networks and their checkpoints.
//!
//! | component | what it is |
//! |---|---|
//! | [`Mlp`] | multilayer perceptron for rows of numbers |
//! | [`Cnn`] | two convolutions and two linear layers for small images |
//! | [`causal_lm`] | a small language model of the Llama family: weights from files, generation, adapters |
//! | [`sets`] | networks that read a set and write an order of it: Set2Set encoder, pointer decoder |
//! | [`Features`] | penultimate features and logits of a forward pass |
//! | [`save_safetensors`], [`load_safetensors`] | a network with its configuration in a safetensors file |
//! | [`save_record`], [`load_record`] | the same in a Burn record (`.bpk`) |
//! | [`Architecture`] | what your own network needs to be saved the same way |
//!
//! Networks are built from a seed: their parameters are drawn on the host and depend on it alone, not on what
//! other threads draw. [`Mlp`] and [`Cnn`] are [`Predictor`](candor_core::Predictor)s of logits.
//!
//! ```
//! use burn::tensor::Device;
//! use candor_models::MlpConfig;
//!
//! let config = MlpConfig::new(64, vec![32], 10);
//! let [a, b] = [1, 1].map(|seed| config.init_seeded(&Device::flex(), seed).unwrap());
//! let inputs = burn::tensor::Tensor::ones([1, 64], &Device::flex());
//! a.logits(inputs.clone()).into_data().assert_eq(&b.logits(inputs).into_data(), true);
//! ```

mod activation;
pub mod causal_lm;
pub mod checkpoint;
mod cnn;
mod features;
mod mlp;
mod seeded;
pub mod sets;

pub use activation::Activation;
pub use checkpoint::{
    Architecture, Checkpoint, CheckpointError, load_record, load_safetensors, save_record,
    save_safetensors,
};
pub use cnn::{Cnn, CnnConfig};
pub use features::Features;
pub use mlp::{Mlp, MlpConfig};
