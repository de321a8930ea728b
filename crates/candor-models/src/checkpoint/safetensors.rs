use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use burn::store::SafetensorsStore;
use burn::tensor::Device;
use serde::Deserialize;

use super::manifest::{Manifest, TensorEntry, check_dtypes, metadata};
use super::{Architecture, Checkpoint, CheckpointError};

const FORMAT: &str = "safetensors";

/// Writes a network and its configuration to a safetensors file.
///
/// The file is written beside `path` and renamed, so `path` holds the old checkpoint or the new one and never a
/// part of it.
///
/// ```
/// use burn::tensor::Device;
/// use candor_models::{Checkpoint, Mlp, MlpConfig, load_safetensors, save_safetensors};
///
/// let path = std::env::temp_dir().join(format!("candor-{}.safetensors", std::process::id()));
/// let model = MlpConfig::new(4, vec![8], 3).init_seeded(&Device::flex(), 0)?;
/// save_safetensors(&model, &path)?;
/// let loaded: Checkpoint<Mlp> = load_safetensors(&path, &Device::flex())?;
/// assert_eq!(loaded.config, *model.config());
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// A folder that cannot be written to, or a parameter that is not `f32`.
pub fn save_safetensors<M: Architecture>(
    model: &M,
    path: impl AsRef<Path>,
) -> Result<(), CheckpointError> {
    let path = path.as_ref();
    check_dtypes(model, path)?;
    let store = SafetensorsStore::from_file(path).overwrite(true);
    let mut store = metadata(model, path)?
        .into_iter()
        .fold(store, |store, (key, value)| store.metadata(key, value));
    model
        .save_into(&mut store)
        .map_err(|error| CheckpointError::write(path, error))
}

/// Reads a network that [`save_safetensors`] wrote.
///
/// # Errors
///
/// Whatever makes the file unfit: not there, cut off, of another architecture, with a missing, extra or misshapen
/// tensor. Nothing is allocated by a size that the file's length does not bear out.
pub fn load_safetensors<M: Architecture>(
    path: impl AsRef<Path>,
    device: &Device,
) -> Result<Checkpoint<M>, CheckpointError> {
    let path = path.as_ref();
    let mut file = File::open(path).map_err(CheckpointError::read(path))?;
    let (manifest, announced) = read_manifest(&mut file, path)?;
    let mut checkpoint = manifest.accept::<M>(path, device)?;
    let seen = length(&file, path)?;
    if seen != announced {
        return Err(CheckpointError::Length {
            path: path.to_owned(),
            seen,
            wanted: announced,
        });
    }
    let bytes = read_again(file).map_err(CheckpointError::read(path))?;
    checkpoint
        .model
        .load_from(&mut SafetensorsStore::from_bytes(Some(bytes)))
        .map_err(|error| CheckpointError::malformed(path, FORMAT, error))?;
    Ok(checkpoint)
}

/// The whole file through the handle whose header was checked: the path may name another file by now.
fn read_again(mut file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The JSON at the head of the file; burn-store reads the tensors of it, but not the metadata.
#[derive(Deserialize)]
struct Header {
    #[serde(rename = "__metadata__", default)]
    metadata: BTreeMap<String, String>,
    #[serde(flatten)]
    tensors: BTreeMap<String, HeaderEntry>,
}

#[derive(Deserialize)]
struct HeaderEntry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [u64; 2],
}

/// What the header says, and the length of the file that follows from it.
fn read_manifest(file: &mut File, path: &Path) -> Result<(Manifest, u64), CheckpointError> {
    let length = length(file, path)?;
    CheckpointError::check_header(path, 8, 0, length)?;
    let mut size = [0; 8];
    file.read_exact(&mut size)
        .map_err(CheckpointError::read(path))?;
    let size = u64::from_le_bytes(size);
    CheckpointError::check_header(path, 8, size, length)?;
    let mut json = Vec::new();
    file.take(size)
        .read_to_end(&mut json)
        .map_err(CheckpointError::read(path))?;
    let header: Header = serde_json::from_slice(&json)
        .map_err(|error| CheckpointError::malformed(path, FORMAT, error))?;
    let data = header
        .tensors
        .values()
        .map(|entry| entry.data_offsets[1])
        .max()
        .unwrap_or(0);
    let tensors = header.tensors.into_iter().map(|(name, entry)| {
        let HeaderEntry { dtype, shape, .. } = entry;
        (name, TensorEntry { dtype, shape })
    });
    let manifest = Manifest {
        metadata: header.metadata,
        tensors: tensors.collect(),
    };
    Ok((manifest, (8 + size).saturating_add(data)))
}

fn length(file: &File, path: &Path) -> Result<u64, CheckpointError> {
    let metadata = file.metadata().map_err(CheckpointError::read(path))?;
    Ok(metadata.len())
}
