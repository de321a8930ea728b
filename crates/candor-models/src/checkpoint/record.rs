use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use burn::store::BurnpackStore;
use burn::store::burn_pack::{HEADER_SIZE, Header, Reader};
use burn::tensor::{Bytes, Device};

use super::manifest::{Manifest, TensorEntry, check_dtypes, metadata};
use super::{Architecture, Checkpoint, CheckpointError};

const FORMAT: &str = "burnpack";

/// Writes a network and its configuration to a Burn record, `.bpk` by custom.
///
/// The file is written beside `path` and renamed, so `path` holds the old checkpoint or the new one and never a
/// part of it. Burn's own `Module::load_file` reads it too. No extension is added to `path`.
///
/// ```
/// use burn::tensor::Device;
/// use candor_models::{Checkpoint, Cnn, CnnConfig, load_record, save_record};
///
/// let path = std::env::temp_dir().join(format!("candor-{}.bpk", std::process::id()));
/// let model = CnnConfig::new().init_seeded(&Device::flex(), 0)?;
/// save_record(&model, &path)?;
/// let loaded: Checkpoint<Cnn> = load_record(&path, &Device::flex())?;
/// assert_eq!(loaded.config, *model.config());
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// A folder that cannot be written to, or a parameter that is not `f32`.
pub fn save_record<M: Architecture>(
    model: &M,
    path: impl AsRef<Path>,
) -> Result<(), CheckpointError> {
    let path = path.as_ref();
    check_dtypes(model, path)?;
    let store = BurnpackStore::from_file(path)
        .auto_extension(false)
        .overwrite(true);
    let mut store = metadata(model, path)?
        .into_iter()
        .fold(store, |store, (key, value)| store.metadata(key, value));
    model
        .save_into(&mut store)
        .map_err(|error| CheckpointError::write(path, error))
}

/// Reads a network that [`save_record`] wrote.
///
/// # Errors
///
/// Whatever makes the file unfit: not there, cut off, of another architecture, with a missing, extra or misshapen
/// tensor. Nothing is allocated by a size that the file's length does not bear out.
pub fn load_record<M: Architecture>(
    path: impl AsRef<Path>,
    device: &Device,
) -> Result<Checkpoint<M>, CheckpointError> {
    let path = path.as_ref();
    check_header(path)?;
    let mut checkpoint = read_manifest(path)?.accept::<M>(path, device)?;
    let bytes = std::fs::read(path).map_err(CheckpointError::read(path))?;
    let mut store = BurnpackStore::from_bytes(Some(Bytes::from_bytes_vec(bytes)));
    checkpoint
        .model
        .load_from(&mut store)
        .map_err(|error| CheckpointError::malformed(path, FORMAT, error))?;
    Ok(checkpoint)
}

/// Burn's reader allocates what the header claims, up to 100 MB: look first.
fn check_header(path: &Path) -> Result<(), CheckpointError> {
    let mut file = File::open(path).map_err(CheckpointError::read(path))?;
    let length = file.metadata().map_err(CheckpointError::read(path))?.len();
    CheckpointError::check_header(path, HEADER_SIZE as u64, 0, length)?;
    let mut bytes = [0; HEADER_SIZE];
    file.read_exact(&mut bytes)
        .map_err(CheckpointError::read(path))?;
    let header = Header::from_bytes(&bytes)
        .map_err(|error| CheckpointError::malformed(path, FORMAT, error))?;
    let claimed = u64::from(header.metadata_size);
    CheckpointError::check_header(path, HEADER_SIZE as u64, claimed, length)
}

fn read_manifest(path: &Path) -> Result<Manifest, CheckpointError> {
    let malformed = |error| CheckpointError::malformed(path, FORMAT, error);
    let reader = Reader::from_file_exact(path).map_err(malformed)?;
    let metadata = reader.metadata().clone();
    let tensors: BTreeMap<_, _> = reader
        .into_tensors()
        .map_err(malformed)?
        .into_iter()
        .map(|tensor| {
            let entry = TensorEntry {
                dtype: format!("{:?}", tensor.dtype),
                shape: tensor.shape.to_vec(),
            };
            (tensor.name, entry)
        })
        .collect();
    Ok(Manifest { metadata, tensors })
}
