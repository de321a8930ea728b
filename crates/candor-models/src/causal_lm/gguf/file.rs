use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::cursor::Cursor;
use super::header::{Header, TensorEntry};
use super::names::{to_gguf, to_hugging_face};
use super::{GgmlType, MetaValue, dequantize_blocks};
use crate::causal_lm::weights::map_file;
use crate::causal_lm::{LmError, WeightSource};

/// A GGUF file, mapped into memory, its header checked.
///
/// Versions 2 and 3, little-endian; tensors of the types in [`GgmlType`]. Its own methods use the file's names, such
/// as `blk.0.attn_q.weight`; as a [`WeightSource`] it goes by Hugging Face's. Shapes are row-major, `[out, in]`: the
/// reverse of how the file lists them.
///
/// ```no_run
/// use candor_models::causal_lm::{CausalLmConfig, GgufFile};
///
/// let file = GgufFile::open("SmolLM2-135M-Instruct.Q4_1.gguf")?;
/// let config = CausalLmConfig::from_gguf(&file)?;
/// let first_token = file.row("token_embd.weight", 0)?;
/// assert_eq!(first_token.len(), config.hidden_size);
/// # Ok::<(), candor_models::causal_lm::LmError>(())
/// ```
#[derive(Debug)]
pub struct GgufFile {
    path: PathBuf,
    map: Mmap,
    header: Header,
}

impl GgufFile {
    /// Maps a file and checks its header.
    ///
    /// The file has to stay as it is while it is open: one that is shortened in place ends the process.
    ///
    /// # Errors
    ///
    /// A file that is not there, is not GGUF, was cut off, contradicts itself or holds a tensor of a type that is not
    /// supported. Nothing is allocated by a number that the file's length does not bear out.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LmError> {
        let path = path.as_ref();
        let map = map_file(path)?;
        let header = Header::read(Cursor::new(path, &map), map.len())?;
        Ok(Self {
            path: path.to_owned(),
            map,
            header,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A value of the metadata.
    pub fn meta(&self, key: &str) -> Option<&MetaValue> {
        self.header.meta.get(key)
    }

    /// All metadata, in the order of the keys.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &MetaValue)> {
        let entries = self.header.meta.iter();
        entries.map(|(key, value)| (key.as_str(), value))
    }

    /// The names of the tensors, in their order.
    pub fn tensor_names(&self) -> impl Iterator<Item = &str> {
        self.header.tensors.keys().map(String::as_str)
    }

    /// The shape of a tensor, outermost axis first.
    pub fn shape(&self, tensor: &str) -> Option<&[usize]> {
        let entry = self.header.tensors.get(tensor)?;
        Some(&entry.shape)
    }

    /// The number format of a tensor.
    pub fn ggml_type(&self, tensor: &str) -> Option<GgmlType> {
        let entry = self.header.tensors.get(tensor)?;
        Some(entry.ggml_type)
    }

    /// The values of a tensor, row-major.
    ///
    /// # Errors
    ///
    /// A tensor that is not in the file.
    pub fn dequantize(&self, tensor: &str) -> Result<Vec<f32>, LmError> {
        let entry = self.entry(tensor)?;
        dequantize_blocks(entry.ggml_type, &self.map[entry.range.clone()])
    }

    /// One row of a tensor: its values along the fastest axis. A vector is one row.
    ///
    /// # Errors
    ///
    /// A tensor that is not in the file, or a row that is not in the tensor.
    pub fn row(&self, tensor: &str, row: usize) -> Result<Vec<f32>, LmError> {
        let entry = self.entry(tensor)?;
        // The header admits no tensor without an axis.
        let (_, outer) = entry.shape.split_last().unwrap_or((&1, &[]));
        let rows = outer.iter().product();
        if row >= rows {
            return Err(LmError::RowOutOfRange {
                tensor: tensor.to_owned(),
                row,
                rows,
            });
        }
        let bytes = entry.range.len() / rows;
        let start = entry.range.start + row * bytes;
        dequantize_blocks(entry.ggml_type, &self.map[start..start + bytes])
    }

    fn entry(&self, tensor: &str) -> Result<&TensorEntry, LmError> {
        let entry = self.header.tensors.get(tensor);
        entry.ok_or_else(|| LmError::missing(tensor))
    }
}

impl WeightSource for GgufFile {
    fn names(&self) -> Vec<String> {
        self.tensor_names().map(to_hugging_face).collect()
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.shape(&to_gguf(name)).map(<[usize]>::to_vec)
    }

    fn read(&self, name: &str) -> Result<Vec<f32>, LmError> {
        self.dequantize(&to_gguf(name))
    }
}
