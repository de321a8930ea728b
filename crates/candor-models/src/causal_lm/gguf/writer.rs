use std::path::Path;

use super::names::to_gguf;
use super::scalar::Scalar;
use super::{ALIGNMENT, GgufEncoding, MAGIC, MetaValue, keys, quantize_blocks};
use crate::causal_lm::weights::{AtomicFile, InRopeLayout, check_tensors, tensor_shapes};
use crate::causal_lm::{CausalLmConfig, LmError, RopeLayout, WeightSource};

/// What [`save_gguf`] cannot read off the model.
#[derive(Debug, Clone, PartialEq)]
pub struct GgufOptions {
    /// The model's name, for people. Default: `causal-lm`.
    pub name: String,
    /// How matrices are stored. Default: `Q8_0`.
    pub encoding: GgufEncoding,
    /// The tokenizer: keys that begin with `tokenizer.` and their values, such as those of another file. Default:
    /// none, which the file says of itself.
    pub tokenizer: Vec<(String, MetaValue)>,
}

impl Default for GgufOptions {
    fn default() -> Self {
        Self {
            name: "causal-lm".to_owned(),
            encoding: GgufEncoding::default(),
            tokenizer: Vec::new(),
        }
    }
}

/// Writes a GGUF file of version 3 that [`GgufFile`](super::GgufFile), llama.cpp and their kin read.
///
/// Matrices are stored as `options.encoding` says, `F16` where their rows do not divide into its blocks; vectors stay
/// `F32`. The architecture is `llama`, and rows of `q_proj` and `k_proj` are put into the interleaved layout that
/// readers expect of it; with `qk_norm` it is `qwen3`, in the half layout. One tensor at a time is in memory. The file
/// is written beside `path` and renamed, so `path` holds the old file or the new one and never a part of it.
///
/// ```
/// use candor_models::causal_lm::weights::{WeightMap, tensor_shapes};
/// use candor_models::causal_lm::{CausalLmConfig, GgufFile, GgufOptions, save_gguf};
/// use candor_models::causal_lm::gguf::GgmlType;
///
/// let config = CausalLmConfig::new(8, 32, 32, 1, 2, 1, 16);
/// let mut weights = WeightMap::new();
/// for (name, shape) in tensor_shapes(&config) {
///     let values = vec![0.5; shape.iter().product()];
///     weights.insert(name, shape, values)?;
/// }
/// let path = std::env::temp_dir().join("candor-doc.gguf");
/// save_gguf(&path, &config, &weights, &GgufOptions::default())?;
/// let file = GgufFile::open(&path)?;
/// assert_eq!(file.ggml_type("blk.0.attn_q.weight"), Some(GgmlType::Q8_0));
/// assert_eq!(CausalLmConfig::from_gguf(&file)?.head_dim, 16);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// An illegal configuration, weights that are not its own, a value that the encoding has no place for, tokens that are
/// not as many as the vocabulary, or a folder that cannot be written to.
pub fn save_gguf(
    path: impl AsRef<Path>,
    config: &CausalLmConfig,
    weights: &dyn WeightSource,
    options: &GgufOptions,
) -> Result<(), LmError> {
    let path = path.as_ref();
    check_tensors(config, weights)?;
    check_tokenizer(path, config, &options.tokenizer)?;
    let (_, layout) = architecture(config);
    let weights = InRopeLayout::new(weights, config, layout);
    let plan = plan(config, options.encoding);
    let mut file = AtomicFile::create(path)?;
    file.append(&header(config, options, &plan))?;
    for tensor in &plan {
        let values = weights.read(&tensor.name)?;
        let mut bytes = quantize_blocks(tensor.encoding, &values)
            .map_err(|error| LmError::write(path, format!("tensor `{}`: {error}", tensor.name)))?;
        if bytes.len() != tensor.bytes {
            return Err(LmError::WrongLength {
                tensor: tensor.name.clone(),
                shape: tensor.shape.clone(),
                values: values.len(),
            });
        }
        pad(&mut bytes);
        file.append(&bytes)?;
    }
    file.commit()
}

/// The name that readers know the network by, and the layout they expect under it.
fn architecture(config: &CausalLmConfig) -> (&'static str, RopeLayout) {
    if config.qk_norm {
        (keys::QWEN3, RopeLayout::Half)
    } else {
        (keys::LLAMA, RopeLayout::Interleaved)
    }
}

fn check_tokenizer(
    path: &Path,
    config: &CausalLmConfig,
    tokenizer: &[(String, MetaValue)],
) -> Result<(), LmError> {
    for (index, (key, value)) in tokenizer.iter().enumerate() {
        let twice = tokenizer[..index].iter().any(|(other, _)| other == key);
        if twice || !key.starts_with("tokenizer.") {
            let problem = format!("`{key}` is no key of a tokenizer, or given twice");
            return Err(LmError::write(path, problem));
        }
        let tokens = value.as_strings().map(<[String]>::len);
        let wrong = tokens.filter(|&tokens| key == TOKENS && tokens != config.vocab_size);
        if let Some(tokens) = wrong {
            let vocab = config.vocab_size;
            let problem = format!("{tokens} tokens do not make a vocabulary of {vocab}");
            return Err(LmError::write(path, problem));
        }
    }
    Ok(())
}

const TOKENS: &str = "tokenizer.ggml.tokens";

/// A tensor of the file to be.
struct Planned {
    /// Hugging Face's name.
    name: String,
    shape: Vec<usize>,
    encoding: GgufEncoding,
    bytes: usize,
}

fn plan(config: &CausalLmConfig, encoding: GgufEncoding) -> Vec<Planned> {
    let tensors = tensor_shapes(config).into_iter();
    tensors
        .map(|(name, shape)| {
            let encoding = encoding_of(&shape, encoding);
            let values = shape.iter().product::<usize>();
            let kind = encoding.ggml_type();
            let bytes = values / kind.block_values() * kind.block_bytes();
            Planned {
                name,
                shape,
                encoding,
                bytes,
            }
        })
        .collect()
}

/// Vectors keep their precision; rows that are not whole blocks go without them.
fn encoding_of(shape: &[usize], wanted: GgufEncoding) -> GgufEncoding {
    let block = wanted.ggml_type().block_values();
    match shape {
        [_, columns] if columns.is_multiple_of(block) => wanted,
        [_, _] => GgufEncoding::F16,
        _ => GgufEncoding::F32,
    }
}

fn header(config: &CausalLmConfig, options: &GgufOptions, plan: &[Planned]) -> Vec<u8> {
    let meta = metadata(config, options);
    let mut bytes = MAGIC.to_vec();
    VERSION.write(&mut bytes);
    (plan.len() as u64).write(&mut bytes);
    (meta.len() as u64).write(&mut bytes);
    for (key, value) in meta {
        key.write(&mut bytes);
        value.write(&mut bytes);
    }
    let mut offset = 0;
    for tensor in plan {
        to_gguf(&tensor.name).write(&mut bytes);
        (tensor.shape.len() as u32).write(&mut bytes);
        for &size in tensor.shape.iter().rev() {
            (size as u64).write(&mut bytes);
        }
        tensor.encoding.ggml_type().id().write(&mut bytes);
        (offset as u64).write(&mut bytes);
        offset += tensor.bytes.next_multiple_of(ALIGNMENT);
    }
    pad(&mut bytes);
    bytes
}

const VERSION: u32 = 3;

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
}

fn metadata(config: &CausalLmConfig, options: &GgufOptions) -> Vec<(String, MetaValue)> {
    let (architecture, _) = architecture(config);
    let text = |value: &str| MetaValue::String(value.to_owned());
    // Readers expect 4 bytes; only what does not fit into them takes 8.
    let size =
        |value: usize| u32::try_from(value).map_or(MetaValue::U64(value as u64), MetaValue::U32);
    let number = |value: f64| match value as f32 {
        narrow if narrow.is_normal() => MetaValue::F32(narrow),
        _ => MetaValue::F64(value),
    };
    let general = [
        (keys::ARCHITECTURE, text(architecture)),
        ("general.type", text("model")),
        ("general.name", text(&options.name)),
        (
            "general.file_type",
            MetaValue::U32(file_type(options.encoding)),
        ),
        ("general.quantization_version", MetaValue::U32(2)),
    ];
    let model = [
        (keys::VOCAB_SIZE, size(config.vocab_size)),
        (keys::CONTEXT_LENGTH, size(config.context_length)),
        (keys::HIDDEN_SIZE, size(config.hidden_size)),
        (keys::NUM_LAYERS, size(config.num_layers)),
        (keys::INTERMEDIATE_SIZE, size(config.intermediate_size)),
        (keys::NUM_HEADS, size(config.num_heads)),
        (keys::NUM_KV_HEADS, size(config.num_kv_heads)),
        (keys::KEY_LENGTH, size(config.head_dim)),
        (keys::VALUE_LENGTH, size(config.head_dim)),
        (keys::ROTATED, size(config.head_dim)),
        (keys::ROPE_THETA, number(config.rope_theta)),
        (keys::RMS_NORM_EPS, number(config.rms_norm_eps)),
    ];
    let none = [("tokenizer.ggml.model", text("no_vocab"))];
    let none = none.into_iter().filter(|_| options.tokenizer.is_empty());
    let general = general.into_iter().chain(none);
    general
        .map(|(key, value)| (key.to_owned(), value))
        .chain(model.map(|(key, value)| (format!("{architecture}.{key}"), value)))
        .chain(options.tokenizer.iter().cloned())
        .collect()
}

/// What ggml calls a file most of whose weights are of one type.
fn file_type(encoding: GgufEncoding) -> u32 {
    match encoding {
        GgufEncoding::F32 => 0,
        GgufEncoding::F16 => 1,
        GgufEncoding::Q8_0 => 7,
    }
}
