use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{LoraConfig, Projection};
use crate::causal_lm::LmError;

/// `adapter_config.json` of the Python package `peft`: what is read and written of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PeftConfig {
    peft_type: String,
    #[serde(default)]
    task_type: Option<String>,
    #[serde(default)]
    base_model_name_or_path: Option<String>,
    #[serde(default)]
    inference_mode: bool,
    pub(super) r: usize,
    lora_alpha: f64,
    target_modules: Value,
    /// Layers with adapters; all where it is left out.
    #[serde(default)]
    layers_to_transform: Option<Layers>,
    #[serde(default)]
    use_rslora: bool,
    #[serde(default)]
    lora_dropout: f64,
    #[serde(default = "none")]
    bias: Value,
    #[serde(default)]
    fan_in_fan_out: bool,
    #[serde(default)]
    init_lora_weights: Value,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// `peft` writes one layer without a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Layers {
    One(usize),
    Many(Vec<usize>),
}

fn none() -> Value {
    Value::from("none")
}

impl PeftConfig {
    /// Adapters of one rank on these projections of these layers.
    pub(super) fn new(
        rank: usize,
        alpha: f64,
        projections: impl IntoIterator<Item = Projection>,
        layers: Option<Vec<usize>>,
    ) -> Self {
        let names = projections
            .into_iter()
            .map(|projection| Value::from(projection.name()));
        Self {
            peft_type: "LORA".to_owned(),
            task_type: Some("CAUSAL_LM".to_owned()),
            base_model_name_or_path: None,
            inference_mode: true,
            r: rank,
            lora_alpha: alpha,
            target_modules: names.collect(),
            layers_to_transform: layers.map(Layers::Many),
            use_rslora: false,
            lora_dropout: 0.0,
            bias: none(),
            fan_in_fan_out: false,
            init_lora_weights: Value::from(true),
            others: Map::new(),
        }
    }

    /// Reads a file and refuses what changes the formula.
    pub(super) fn read(path: &Path) -> Result<Self, LmError> {
        let text = std::fs::read_to_string(path).map_err(LmError::read(path))?;
        let config: Self = serde_json::from_str(&text)
            .map_err(|error| LmError::malformed(path, "adapter_config.json", error))?;
        config.check(path)?;
        Ok(config)
    }

    fn check(&self, path: &Path) -> Result<(), LmError> {
        let refused = |setting: &str, seen: String, wanted| LmError::UnsupportedSetting {
            path: path.to_owned(),
            setting: setting.to_owned(),
            seen,
            wanted,
        };
        if self.peft_type != "LORA" {
            return Err(refused("peft_type", self.peft_type.clone(), "LORA"));
        }
        if self.bias != none() {
            return Err(refused("bias", self.bias.to_string(), "none"));
        }
        if self.fan_in_fan_out {
            return Err(refused("fan_in_fan_out", "true".to_owned(), "false"));
        }
        let foreign = CHANGES_THE_FORMULA
            .iter()
            .find_map(|&name| Some((name, self.others.get(name).filter(|value| !is_off(value))?)));
        match foreign {
            Some((name, seen)) => Err(refused(name, seen.to_string(), "left out")),
            None => Ok(()),
        }
    }

    /// Which projections have adapters.
    pub(super) fn projections(&self, path: &Path) -> Result<Vec<Projection>, LmError> {
        let named = |name: &Value| Projection::from_name(name.as_str()?);
        let list = self.target_modules.as_array();
        list.and_then(|list| list.iter().map(named).collect())
            .ok_or_else(|| LmError::UnsupportedSetting {
                path: path.to_owned(),
                setting: "target_modules".to_owned(),
                seen: self.target_modules.to_string(),
                wanted: "a list of q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj",
            })
    }

    /// Which layers have adapters, of a model with `count` of them.
    pub(super) fn layers(&self, path: &Path, count: usize) -> Result<Vec<usize>, LmError> {
        let layers = match &self.layers_to_transform {
            None => (0..count).collect(),
            Some(Layers::One(layer)) => vec![*layer],
            Some(Layers::Many(layers)) => layers.clone(),
        };
        match layers.iter().find(|&&layer| layer >= count) {
            None => Ok(layers),
            Some(layer) => Err(LmError::UnsupportedSetting {
                path: path.to_owned(),
                setting: "layers_to_transform".to_owned(),
                seen: layer.to_string(),
                wanted: "layers that the model has",
            }),
        }
    }

    /// The checked settings, with the alpha that gives the file's scale.
    pub(super) fn settings(&self, path: &Path) -> Result<LoraConfig, LmError> {
        let alpha = if self.use_rslora {
            // Kalajdzievski 2023: alpha / sqrt(rank) in place of alpha / rank.
            self.lora_alpha * (self.r as f64).sqrt()
        } else {
            self.lora_alpha
        };
        let config = LoraConfig::new()
            .with_rank(self.r)
            .with_alpha(alpha)
            .with_projections(self.projections(path)?);
        config.init()?;
        Ok(config)
    }
}

/// Settings that make something else of an adapter than `x A B`, or add to it.
const CHANGES_THE_FORMULA: [&str; 14] = [
    "use_dora",
    "use_qalora",
    "use_bdlora",
    "lora_bias",
    "modules_to_save",
    "rank_pattern",
    "alpha_pattern",
    "layer_replication",
    "target_parameters",
    "trainable_token_indices",
    "alora_invocation_tokens",
    "arrow_config",
    "kasa_config",
    "monteclora_config",
];

fn is_off(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}
