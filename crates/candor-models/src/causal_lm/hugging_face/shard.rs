use std::path::{Path, PathBuf};

use memmap2::Mmap;
use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, SafeTensors};

use crate::causal_lm::LmError;
use crate::causal_lm::weights::{FloatFormat, map_file};

/// One safetensors file, mapped into memory, its header checked.
#[derive(Debug)]
pub(in crate::causal_lm) struct Shard {
    path: PathBuf,
    map: Mmap,
    metadata: Metadata,
    /// Where the tensors begin.
    data: usize,
}

impl Shard {
    pub(in crate::causal_lm) fn open(path: &Path) -> Result<Self, LmError> {
        let map = map_file(path)?;
        // The crate compares every length of the header with the bytes that are there.
        let (header, metadata) = SafeTensors::read_metadata(&map)
            .map_err(|error| LmError::malformed(path, FORMAT, error))?;
        Ok(Self {
            path: path.to_owned(),
            map,
            metadata,
            data: 8 + header,
        })
    }

    pub(in crate::causal_lm) fn path(&self) -> &Path {
        &self.path
    }

    pub(in crate::causal_lm) fn names(&self) -> Vec<String> {
        self.metadata.offset_keys()
    }

    pub(in crate::causal_lm) fn shape(&self, tensor: &str) -> Option<&[usize]> {
        self.metadata.info(tensor).map(|info| info.shape.as_slice())
    }

    pub(in crate::causal_lm) fn read(&self, tensor: &str) -> Result<Vec<f32>, LmError> {
        let info = self.metadata.info(tensor);
        let info = info.ok_or_else(|| LmError::missing(tensor))?;
        let format = self.format(tensor, info)?;
        let (start, end) = info.data_offsets;
        Ok(format.decode(&self.map[self.data + start..self.data + end]))
    }

    fn format(&self, tensor: &str, info: &TensorInfo) -> Result<FloatFormat, LmError> {
        match info.dtype {
            Dtype::F32 => Ok(FloatFormat::F32),
            Dtype::F16 => Ok(FloatFormat::F16),
            Dtype::BF16 => Ok(FloatFormat::BF16),
            other => Err(LmError::UnsupportedTensorType {
                path: self.path.clone(),
                tensor: tensor.to_owned(),
                seen: other.to_string(),
                wanted: "F32, F16, BF16",
            }),
        }
    }
}

const FORMAT: &str = "safetensors";
