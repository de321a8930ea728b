use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::config::read_config;
use super::shard::Shard;
use super::{CONFIG, INDEX, WEIGHTS, is_plain};
use crate::causal_lm::weights::HEAD;
use crate::causal_lm::{CausalLmConfig, LmError, WeightSource};

/// A folder of Hugging Face: `config.json` and `model.safetensors`, or the shards that its index lists.
///
/// Tensors are `F32`, `F16` or `BF16`; they are mapped into memory and read one at a time. The architectures are
/// `LlamaForCausalLM` and, with `qk_norm`, `Qwen3ForCausalLM`; the layout is [`Half`](crate::causal_lm::RopeLayout).
/// As transformers does, it passes over the rotary frequencies that old checkpoints store, and over an `lm_head` that
/// the configuration ties to the embedding.
///
/// ```no_run
/// use candor_models::causal_lm::{HuggingFaceFolder, WeightSource};
///
/// let folder = HuggingFaceFolder::open("SmolLM2-135M-Instruct")?;
/// let norm = folder.read("model.norm.weight")?;
/// assert_eq!(norm.len(), folder.config().hidden_size);
/// # Ok::<(), candor_models::causal_lm::LmError>(())
/// ```
#[derive(Debug)]
pub struct HuggingFaceFolder {
    config: CausalLmConfig,
    shards: Vec<Shard>,
    /// The shard of each tensor.
    tensors: BTreeMap<String, usize>,
}

impl HuggingFaceFolder {
    /// Reads the configuration and maps the weights.
    ///
    /// The files have to stay as they are while the folder is open: one that is shortened in place ends the process.
    ///
    /// # Errors
    ///
    /// A file that is not there or not of its format, another architecture, a setting that is not supported such as
    /// `rope_scaling` or `attention_bias`, an illegal configuration, or an index that does not fit its shards.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, LmError> {
        let folder = folder.as_ref();
        let path = folder.join(CONFIG);
        let config = read_config(&path, &read_small(&path)?)?;
        let shards = open_shards(folder)?;
        let mut tensors = tensors(&shards)?;
        tensors.retain(|name, _| !is_passed_over(name, &config));
        Ok(Self {
            config,
            shards,
            tensors,
        })
    }

    /// The configuration, checked.
    pub fn config(&self) -> &CausalLmConfig {
        &self.config
    }

    fn shard(&self, tensor: &str) -> Option<&Shard> {
        self.tensors.get(tensor).map(|&index| &self.shards[index])
    }
}

impl WeightSource for HuggingFaceFolder {
    fn names(&self) -> Vec<String> {
        self.tensors.keys().cloned().collect()
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.shard(name)?.shape(name).map(<[usize]>::to_vec)
    }

    fn read(&self, name: &str) -> Result<Vec<f32>, LmError> {
        let shard = self.shard(name);
        shard.ok_or_else(|| LmError::missing(name))?.read(name)
    }
}

fn is_passed_over(name: &str, config: &CausalLmConfig) -> bool {
    name.ends_with(".rotary_emb.inv_freq") || (config.tie_embeddings && name == HEAD)
}

/// The one file of weights, or those that the index lists.
fn open_shards(folder: &Path) -> Result<Vec<Shard>, LmError> {
    let (whole, path) = (folder.join(WEIGHTS), folder.join(INDEX));
    if whole.exists() || !path.exists() {
        return Ok(vec![Shard::open(&whole)?]);
    }
    let malformed = |reason: String| LmError::malformed(&path, INDEX, reason);
    let index: Index = serde_json::from_slice(&read_small(&path)?)
        .map_err(|error| malformed(error.to_string()))?;
    let mut shards = BTreeMap::new();
    for (tensor, file) in &index.weight_map {
        if !is_plain(file) {
            return Err(malformed(format!("`{file}` is no file of this folder")));
        }
        if !shards.contains_key(file) {
            shards.insert(file, Shard::open(&folder.join(file))?);
        }
        if shards[file].shape(tensor).is_none() {
            return Err(malformed(format!("`{file}` holds no tensor `{tensor}`")));
        }
    }
    Ok(shards.into_values().collect())
}

/// The shard of each tensor.
fn tensors(shards: &[Shard]) -> Result<BTreeMap<String, usize>, LmError> {
    let mut tensors = BTreeMap::new();
    for (index, shard) in shards.iter().enumerate() {
        for name in shard.names() {
            if tensors.contains_key(&name) {
                let problem = format!("tensor `{name}` stands in another shard too");
                return Err(LmError::malformed(shard.path(), INDEX, problem));
            }
            tensors.insert(name, index);
        }
    }
    Ok(tensors)
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// A file of text; no configuration and no index comes near the limit.
fn read_small(path: &Path) -> Result<Vec<u8>, LmError> {
    const LIMIT: u64 = 64 << 20;
    let mut text = Vec::new();
    let file = File::open(path).map_err(LmError::read(path))?;
    file.take(LIMIT)
        .read_to_end(&mut text)
        .map_err(LmError::read(path))?;
    Ok(text)
}
