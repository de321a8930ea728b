use std::collections::BTreeMap;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde_json::Value;

use super::config_writer::{config_json, generation_json};
use super::{CONFIG, INDEX, WEIGHTS, is_plain};
use crate::causal_lm::weights::{
    AtomicFile, FloatFormat, InRopeLayout, check_tensors, tensor_shapes,
};
use crate::causal_lm::{CausalLmConfig, LmError, RopeLayout, WeightSource};

/// What [`save_hugging_face`] cannot read off the model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HuggingFaceOptions {
    /// How numbers are stored. Default: `F32`.
    pub format: FloatFormat,
    /// Ids that `config.json` and `generation_config.json` name. Default: none.
    pub tokens: SpecialTokens,
    /// Further files by name, such as `tokenizer.json` and `tokenizer_config.json`, with their text. Default: none.
    pub files: BTreeMap<String, String>,
}

/// Token ids that a runtime has to know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpecialTokens {
    /// Where a text begins.
    pub bos: Option<u32>,
    /// Where a text ends.
    pub eos: Option<u32>,
    /// What fills up a batch.
    pub pad: Option<u32>,
}

/// Writes a folder that [`HuggingFaceFolder`](super::HuggingFaceFolder) and transformers read.
///
/// `config.json`, `generation_config.json`, one `model.safetensors` and the files of the options. The class is
/// `LlamaForCausalLM`, or `Qwen3ForCausalLM` with `qk_norm`. Rows of `q_proj` and `k_proj` are put into the half
/// layout that transformers expects. One tensor at a time is in memory. The folder is made where it is missing. Each
/// file is written beside its place and renamed, `config.json` last: a new folder without it is incomplete, and no
/// reader takes it for a model.
///
/// ```
/// use candor_models::causal_lm::weights::{WeightMap, tensor_shapes};
/// use candor_models::causal_lm::{
///     CausalLmConfig, HuggingFaceFolder, HuggingFaceOptions, save_hugging_face,
/// };
///
/// let config = CausalLmConfig::new(8, 32, 32, 1, 2, 1, 16);
/// let mut weights = WeightMap::new();
/// for (name, shape) in tensor_shapes(&config) {
///     let values = vec![0.5; shape.iter().product()];
///     weights.insert(name, shape, values)?;
/// }
/// let folder = std::env::temp_dir().join("candor-doc-hugging-face");
/// save_hugging_face(&folder, &config, &weights, &HuggingFaceOptions::default())?;
/// let back = HuggingFaceFolder::open(&folder)?;
/// assert_eq!(back.config(), &config);
/// assert_eq!(WeightMap::collect(&back)?, weights);
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// An illegal configuration, weights that are not its own, a value that the format has no place for, a further file
/// whose name is a path or one of the names above, or a folder that cannot be written to.
pub fn save_hugging_face(
    folder: impl AsRef<Path>,
    config: &CausalLmConfig,
    weights: &dyn WeightSource,
    options: &HuggingFaceOptions,
) -> Result<(), LmError> {
    let folder = folder.as_ref();
    check_tensors(config, weights)?;
    check_names(folder, &options.files)?;
    std::fs::create_dir_all(folder).map_err(|error| LmError::write(folder, error))?;
    let half = InRopeLayout::new(weights, config, RopeLayout::Half);
    write_weights(&folder.join(WEIGHTS), config, &half, options.format)?;
    for (name, text) in &options.files {
        write_text(&folder.join(name), text)?;
    }
    write_json(&folder.join(GENERATION), &generation_json(&options.tokens))?;
    let json = config_json(config, options.format, &options.tokens);
    write_json(&folder.join(CONFIG), &json)
}

const GENERATION: &str = "generation_config.json";

fn check_names(folder: &Path, files: &BTreeMap<String, String>) -> Result<(), LmError> {
    let taken = [CONFIG, GENERATION, WEIGHTS, INDEX];
    let mut names = files.keys();
    match names.find(|name| !is_plain(name) || taken.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let problem = "not the name of a further file of the folder";
            Err(LmError::write(&folder.join(name), problem))
        }
    }
}

fn write_weights(
    path: &Path,
    config: &CausalLmConfig,
    weights: &dyn WeightSource,
    format: FloatFormat,
) -> Result<(), LmError> {
    let tensors = infos(config, format);
    let mut file = AtomicFile::create(path)?;
    file.append(&header(path, tensors.clone())?)?;
    for (tensor, info) in tensors {
        let values = weights.read(&tensor)?;
        let bytes = format
            .encode(&values)
            .map_err(|error| LmError::write(path, format!("tensor `{tensor}`: {error}")))?;
        let (start, end) = info.data_offsets;
        if bytes.len() != end - start {
            return Err(LmError::WrongLength {
                tensor,
                shape: info.shape,
                values: values.len(),
            });
        }
        file.append(&bytes)?;
    }
    file.commit()
}

/// Where each tensor will lie in the data section.
fn infos(config: &CausalLmConfig, format: FloatFormat) -> Vec<(String, TensorInfo)> {
    let dtype = match format {
        FloatFormat::F32 => Dtype::F32,
        FloatFormat::F16 => Dtype::F16,
        FloatFormat::BF16 => Dtype::BF16,
    };
    let mut start = 0;
    let tensors = tensor_shapes(config).into_iter();
    tensors
        .map(|(name, shape)| {
            let end = start + shape.iter().product::<usize>() * format.bytes();
            let data_offsets = (start, end);
            start = end;
            let info = TensorInfo {
                dtype,
                shape,
                data_offsets,
            };
            (name, info)
        })
        .collect()
}

/// Length and JSON, filled up with spaces so that the tensors begin at a multiple of 8.
fn header(path: &Path, tensors: Vec<(String, TensorInfo)>) -> Result<Vec<u8>, LmError> {
    // Without it transformers does not know in whose order of axes the tensors are.
    let format = [("format".to_owned(), "pt".to_owned())].into();
    let metadata =
        Metadata::new(Some(format), tensors).map_err(|error| LmError::write(path, error))?;
    let mut json = serde_json::to_vec(&metadata).map_err(|error| LmError::write(path, error))?;
    json.resize(json.len().next_multiple_of(8), b' ');
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.extend(json);
    Ok(bytes)
}

fn write_json(path: &Path, value: &Value) -> Result<(), LmError> {
    write_text(path, &format!("{value:#}\n"))
}

fn write_text(path: &Path, text: &str) -> Result<(), LmError> {
    let mut file = AtomicFile::create(path)?;
    file.append(text.as_bytes())?;
    file.commit()
}
