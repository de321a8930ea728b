use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burn::module::{LoraAdapter, Module};
use burn::tensor::Tensor;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError};

use super::Projection;
use super::adapters::{Factors, WithFactors};
use super::peft_config::PeftConfig;
use crate::causal_lm::hugging_face::Shard;
use crate::causal_lm::transpose::transposed;
use crate::causal_lm::weights::{AtomicFile, permute_rope_rows};
use crate::causal_lm::{CausalLm, CausalLmConfig, LmError, RopeLayout};

/// Writes the adapters of a model to a folder that the Python package `peft` loads onto the same model.
///
/// `adapter_config.json` and `adapter_model.safetensors`, with `lora_A` `[rank, in]` and `lora_B` `[out, rank]` of
/// each adapted weight in `f32`. The rows of the queries' and keys' `lora_B` are put into the half layout of Hugging
/// Face's models, whatever layout the model has. The folder is made where it is missing; each file is written beside
/// its place and renamed.
///
/// # Errors
///
/// A model without adapters; a folder that cannot be written to.
pub fn save_adapters(model: &CausalLm, folder: impl AsRef<Path>) -> Result<(), LmError> {
    let folder = folder.as_ref();
    let (config, tensors) = collected(model, folder)?;
    std::fs::create_dir_all(folder).map_err(|error| LmError::write(folder, error))?;
    let path = folder.join(WEIGHTS);
    let bytes = serialized(&tensors).map_err(|error| LmError::write(&path, error))?;
    write(&path, &bytes)?;
    let path = folder.join(CONFIG);
    let json =
        serde_json::to_string_pretty(&config).map_err(|error| LmError::write(&path, error))?;
    write(&path, json.as_bytes())
}

/// Attaches the adapters of such a folder to a model, and freezes every other parameter.
///
/// Adapters that the model already has are dropped. `rsLoRA` scales are understood.
///
/// # Errors
///
/// A file that is not there, cut off or not of the format; settings that change the formula (DoRA, biases, ranks that
/// differ between layers); a missing, extra or misshapen tensor, by name.
pub fn load_adapters(model: CausalLm, folder: impl AsRef<Path>) -> Result<CausalLm, LmError> {
    let folder = folder.as_ref();
    let path = folder.join(CONFIG);
    let config = PeftConfig::read(&path)?;
    let settings = config.settings(&path)?;
    let weights = Shard::open(&folder.join(WEIGHTS))?;
    let mut extra: BTreeSet<String> = weights.names().into_iter().collect();
    let mut factors = BTreeMap::new();
    for layer in config.layers(&path, model.config().num_layers)? {
        for &projection in &settings.projections {
            for name in names(layer, projection) {
                extra.remove(&name);
            }
            let read = read(&weights, model.config(), layer, projection, settings.rank)?;
            factors.insert(projection.path(layer), read);
        }
    }
    if let Some(tensor) = extra.pop_first() {
        return Err(LmError::ExtraTensor { tensor });
    }
    let paths = factors.keys().cloned().collect();
    let taken = |path: &str, _| factors.remove(path).unwrap_or_default();
    let adapters = WithFactors::new(settings.rank, settings.alpha, paths, taken);
    Ok(model.without_adapters().apply_reparameterization(adapters))
}

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";

/// What the file calls A and B.
fn names(layer: usize, projection: Projection) -> [String; 2] {
    let path = projection.path(layer);
    ["lora_A", "lora_B"].map(|factor| format!("base_model.model.model.{path}.{factor}.weight"))
}

struct Entry {
    name: String,
    shape: [usize; 2],
    values: Vec<f32>,
}

/// The configuration and the tensors of a model's adapters, which all have the rank and scale of the first.
fn collected(model: &CausalLm, folder: &Path) -> Result<(PeftConfig, Vec<Entry>), LmError> {
    let first = model.adapters().next();
    let (_, _, LoraAdapter { a, scale, .. }) =
        first.ok_or_else(|| LmError::write(folder, "the model has no adapters"))?;
    let rank = a.dims()[1];
    let alpha = scale * rank as f64;
    let projections: BTreeSet<Projection> = model.adapters().map(|(_, one, _)| one).collect();
    let layers: BTreeSet<usize> = model.adapters().map(|(layer, _, _)| layer).collect();
    let some = (layers.len() < model.layers.len()).then(|| layers.into_iter().collect());
    let mut tensors = Vec::new();
    for (layer, projection, adapter) in model.adapters() {
        tensors.extend(entries(model.config(), layer, projection, adapter)?);
    }
    Ok((PeftConfig::new(rank, alpha, projections, some), tensors))
}

fn entries(
    config: &CausalLmConfig,
    layer: usize,
    projection: Projection,
    adapter: &LoraAdapter,
) -> Result<[Entry; 2], LmError> {
    let [a, b] = names(layer, projection);
    let turned = |name: String, factor: Tensor<2>| {
        let factor = factor.transpose();
        Entry {
            name,
            shape: factor.dims(),
            values: factor.into_data().iter().collect(),
        }
    };
    let a = turned(a, adapter.a.val());
    let mut b = turned(b, adapter.b.val());
    if projection.is_rotated() {
        let (rows, from) = (b.shape[0], config.rope_layout);
        let heads = rows / config.head_dim;
        b.values = permute_rope_rows(&b.values, rows, heads, from, RopeLayout::Half)?;
    }
    Ok([a, b])
}

/// A and B of one weight, as the module holds them.
fn read(
    weights: &Shard,
    config: &CausalLmConfig,
    layer: usize,
    projection: Projection,
    rank: usize,
) -> Result<Factors, LmError> {
    let [inputs, outputs] = projection.shape(config);
    let [a, b] = names(layer, projection);
    let a = read_shaped(weights, a, [rank, inputs])?;
    let mut b = read_shaped(weights, b, [outputs, rank])?;
    if projection.is_rotated() {
        let (heads, to) = (outputs / config.head_dim, config.rope_layout);
        b = permute_rope_rows(&b, outputs, heads, RopeLayout::Half, to)?;
    }
    Ok(Factors {
        a: transposed(&a, rank, inputs),
        b: transposed(&b, outputs, rank),
    })
}

fn read_shaped(weights: &Shard, tensor: String, wanted: [usize; 2]) -> Result<Vec<f32>, LmError> {
    match weights.shape(&tensor) {
        Some(seen) if seen == wanted => weights.read(&tensor),
        Some(seen) => Err(LmError::WrongShape {
            tensor,
            seen: seen.to_vec(),
            wanted: wanted.to_vec(),
        }),
        None => Err(LmError::MissingTensor { tensor }),
    }
}

fn serialized(tensors: &[Entry]) -> Result<Vec<u8>, SafeTensorError> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|entry| {
            entry
                .values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect()
        })
        .collect();
    let views: Vec<(&str, TensorView<'_>)> = tensors
        .iter()
        .zip(&bytes)
        .map(|(entry, bytes)| {
            let view = TensorView::new(Dtype::F32, entry.shape.to_vec(), bytes)?;
            Ok((entry.name.as_str(), view))
        })
        .collect::<Result<_, SafeTensorError>>()?;
    let format = [("format".to_owned(), "pt".to_owned())].into();
    safetensors::serialize(views, Some(format))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), LmError> {
    let mut file = AtomicFile::create(path)?;
    file.append(bytes)?;
    file.commit()
}
