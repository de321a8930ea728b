use candor_core::ConfigError;
use candor_models::causal_lm::lora::{LoraConfig, LoraPlan, Projection};
use serde::{Deserialize, Serialize};

use super::BaseModel;
use crate::run::Precision;

/// Settings of supervised fine-tuning; every field has a default, unknown ones are refused.
///
/// The defaults are for a pretrained model; [`for_model`](Self::for_model) gives those of the tiny one, which is
/// trained from scratch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FinetuneSettings {
    /// Seed of the split, the shuffles, the adapters and the tiny model's weights. Default: 0.
    pub seed: u64,
    /// Share of the rows that is held out, where there is no file of such rows. Default: 0.1.
    pub held_out: f64,
    /// How prompt and answer become one text. Default: `auto`.
    pub format: Format,
    /// The most tokens of a row; a longer one is an error. Default: 512.
    pub max_tokens: usize,
    /// What is trained. Default: `lora`; `full` for the tiny model.
    pub method: Method,
    /// What the network computes in; what is trained is kept in 32 bits. Default: `f32`.
    pub precision: Precision,
    /// Held-out prompts that are answered before and after. Default: 5.
    pub samples: usize,
    /// The most tokens of such an answer. Default: 32.
    pub sample_tokens: usize,
    /// The training.
    pub train: TrainSettings,
    /// The adapters, for the method `lora`.
    pub lora: LoraSettings,
}

/// How prompt and answer become one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `chat` for a model with a chat template, else `plain`.
    Auto,
    /// In the model's chat template, the prompt as the user's and the answer as the assistant's turn.
    Chat,
    /// The answer follows the prompt with nothing between.
    Plain,
}

/// What is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Low-rank adapters beside weights that stay as they are.
    Lora,
    /// Every weight.
    Full,
}

/// How long and how fast is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainSettings {
    /// Passes over the training rows. Default: 3.
    pub epochs: usize,
    /// Rows of an optimiser step. Default: 16.
    pub batch_size: usize,
    /// Rows that are computed at once; a step adds up the gradients of as many such parts as it needs, and does not
    /// depend on it. Default: 4.
    pub micro_batch: usize,
    /// AdamW's learning rate at its highest. Default: 2e-4.
    pub lr: f64,
    /// Share of the steps in which the learning rate rises to it. Default: 0.05.
    pub warmup: f64,
    /// What is left of it at the end of the cosine, as a share. Default: 0.1.
    pub final_lr: f64,
    /// AdamW's weight decay, of all but the normalisations. Default: 0.01.
    pub weight_decay: f64,
    /// The most that the norm of all gradients together may be; 0 for no limit. Default: 1.
    pub clip: f64,
    /// Decay of the weights' moving average, which is then the model that is kept; 0 for none. Default: 0.
    pub ema_decay: f64,
}

/// Low-rank adapters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoraSettings {
    /// Their rank. Default: 8.
    pub rank: usize,
    /// Their part is multiplied by alpha / rank. Default: 16.
    pub alpha: f64,
    /// The weights that get one, by the names in Hugging Face's files. Default: `q_proj` and `v_proj`.
    pub projections: Vec<String>,
}

impl Default for FinetuneSettings {
    fn default() -> Self {
        Self {
            seed: 0,
            held_out: 0.1,
            format: Format::Auto,
            max_tokens: 512,
            method: Method::Lora,
            precision: Precision::F32,
            samples: 5,
            sample_tokens: 32,
            train: TrainSettings::default(),
            lora: LoraSettings::default(),
        }
    }
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            epochs: 3,
            batch_size: 16,
            micro_batch: 4,
            lr: 2e-4,
            warmup: 0.05,
            final_lr: 0.1,
            weight_decay: 0.01,
            clip: 1.0,
            ema_decay: 0.0,
        }
    }
}

impl Default for LoraSettings {
    fn default() -> Self {
        Self {
            rank: 8,
            alpha: 16.0,
            projections: [Projection::Q, Projection::V]
                .map(|projection| projection.name().to_owned())
                .into(),
        }
    }
}

impl FinetuneSettings {
    /// The defaults for a model.
    pub fn for_model(model: &BaseModel) -> Self {
        match model {
            BaseModel::Pretrained(_) => Self::default(),
            BaseModel::Tiny => Self {
                method: Method::Full,
                held_out: 0.15,
                sample_tokens: 12,
                train: TrainSettings {
                    epochs: 15,
                    batch_size: 10,
                    micro_batch: 10,
                    lr: 3e-3,
                    ..TrainSettings::default()
                },
                ..Self::default()
            },
        }
    }

    /// Refuses what no training could run with, before any work.
    ///
    /// # Errors
    ///
    /// The first field that is out of range, by its key.
    pub fn check(&self) -> Result<(), ConfigError> {
        for (field, count) in [
            ("sample_tokens", self.sample_tokens),
            ("train.epochs", self.train.epochs),
            ("train.batch_size", self.train.batch_size),
            ("train.micro_batch", self.train.micro_batch),
        ] {
            ConfigError::at_least_one(NAME, field, count)?;
        }
        let inside = |field, value: f64, legal, is_legal| {
            if is_legal {
                Ok(())
            } else {
                Err(ConfigError::out_of_range(NAME, field, value, legal))
            }
        };
        let TrainSettings {
            lr,
            warmup,
            final_lr,
            ema_decay,
            ..
        } = self.train;
        let held_out = self.held_out;
        inside(
            "held_out",
            held_out,
            "in (0, 1)",
            held_out > 0.0 && held_out < 1.0,
        )?;
        inside("train.lr", lr, "in (0, 1]", lr > 0.0 && lr <= 1.0)?;
        inside(
            "train.warmup",
            warmup,
            "in [0, 1)",
            (0.0..1.0).contains(&warmup),
        )?;
        inside(
            "train.final_lr",
            final_lr,
            "in [0, 1]",
            (0.0..=1.0).contains(&final_lr),
        )?;
        inside(
            "train.ema_decay",
            ema_decay,
            "in [0, 1)",
            (0.0..1.0).contains(&ema_decay),
        )?;
        ConfigError::non_negative(NAME, "train.weight_decay", self.train.weight_decay)?;
        ConfigError::non_negative(NAME, "train.clip", self.train.clip)?;
        self.lora.plan(self.seed).map(drop)
    }

    /// What reports call that which is trained.
    pub(super) fn trained(&self) -> String {
        match self.method {
            Method::Lora => format!("adapters of rank {}", self.lora.rank),
            Method::Full => "all weights".to_owned(),
        }
    }

    /// The same settings with the smallest amount of every kind of work.
    pub fn dry(mut self) -> Self {
        self.train.epochs = 1;
        self.samples = self.samples.min(2);
        self.sample_tokens = self.sample_tokens.min(8);
        self
    }
}

impl LoraSettings {
    /// The adapters of a seed.
    ///
    /// # Errors
    ///
    /// What [`LoraConfig::init`] refuses; a projection that no model has.
    pub fn plan(&self, seed: u64) -> Result<LoraPlan, ConfigError> {
        let named = |name: &String| {
            Projection::from_name(name).ok_or_else(|| {
                let legal = "q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj or down_proj";
                ConfigError::out_of_range(NAME, "lora.projections", name, legal)
            })
        };
        let projections = self.projections.iter().map(named);
        LoraConfig::new()
            .with_rank(self.rank)
            .with_alpha(self.alpha)
            .with_projections(projections.collect::<Result<_, _>>()?)
            .with_seed(seed)
            .init()
    }
}

const NAME: &str = "finetune";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::load_settings;

    #[test]
    fn the_defaults_of_both_kinds_of_model_are_legal() {
        for model in [BaseModel::Tiny, BaseModel::Pretrained("m.gguf".into())] {
            let settings = FinetuneSettings::for_model(&model);
            settings.check().unwrap();
            settings.dry().check().unwrap();
        }
    }

    #[test]
    fn illegal_values_are_refused_by_their_key() {
        for (key, value) in [
            ("held_out", "1.0"),
            ("sample_tokens", "0"),
            ("train.epochs", "0"),
            ("train.micro_batch", "0"),
            ("train.lr", "1.5"),
            ("train.lr", "nan"),
            ("train.warmup", "1.0"),
            ("train.final_lr", "-0.1"),
            ("train.ema_decay", "1.0"),
            ("train.weight_decay", "-1.0"),
            ("train.clip", "inf"),
            ("lora.projections", "[\"z_proj\"]"),
        ] {
            let overrides = vec![(key.to_owned(), value.to_owned())];
            let settings: FinetuneSettings = load_settings(None, &overrides).unwrap();
            let message = settings.check().unwrap_err().to_string();
            assert!(message.contains(key), "{message}");
        }
    }
}
