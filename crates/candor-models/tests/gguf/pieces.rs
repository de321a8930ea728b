//! Files put together piece by piece.

use super::open;

/// A file put together piece by piece, right until a piece is made wrong.
#[derive(Clone)]
pub(super) struct Pieces {
    pub(super) magic: [u8; 4],
    pub(super) version: u32,
    pub(super) tensor_count: Option<u64>,
    pub(super) value_count: Option<u64>,
    pub(super) values: Vec<Vec<u8>>,
    pub(super) tensors: Vec<Vec<u8>>,
    pub(super) data: usize,
}

impl Pieces {
    pub(super) fn new() -> Self {
        Self {
            magic: *b"GGUF",
            version: 3,
            tensor_count: None,
            value_count: None,
            values: Vec::new(),
            tensors: Vec::new(),
            data: 0,
        }
    }

    pub(super) fn value(mut self, key: &[u8], kind: u32, bytes: &[u8]) -> Self {
        let value = [&text(key)[..], &kind.to_le_bytes(), bytes].concat();
        self.values.push(value);
        self
    }

    pub(super) fn tensor(mut self, name: &[u8], axes: &[u64], kind: u32, offset: u64) -> Self {
        let axes_count = axes.len() as u32;
        let axes: Vec<u8> = axes.iter().flat_map(|size| size.to_le_bytes()).collect();
        let tensor = [
            &text(name)[..],
            &axes_count.to_le_bytes(),
            &axes,
            &kind.to_le_bytes(),
            &offset.to_le_bytes(),
        ];
        self.tensors.push(tensor.concat());
        self
    }

    pub(super) fn data(mut self, bytes: usize) -> Self {
        self.data = bytes;
        self
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let tensors = self.tensor_count.unwrap_or(self.tensors.len() as u64);
        let values = self.value_count.unwrap_or(self.values.len() as u64);
        let mut bytes = self.magic.to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(tensors.to_le_bytes());
        bytes.extend(values.to_le_bytes());
        bytes.extend(self.values.concat());
        bytes.extend(self.tensors.concat());
        bytes.resize(bytes.len().next_multiple_of(32) + self.data, 0);
        bytes
    }

    /// Why the file is refused.
    pub(super) fn refused(&self) -> String {
        match open(&self.bytes()) {
            Ok(_) => panic!("a faulty file was opened"),
            Err(error) => error.to_string(),
        }
    }
}

pub(super) fn text(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u64).to_le_bytes()[..], bytes].concat()
}

pub(super) fn list(kind: u32, count: u64, entries: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &count.to_le_bytes(), entries].concat()
}

pub(super) const F32: u32 = 0;
pub(super) const Q8_0: u32 = 8;
pub(super) const STRING: u32 = 8;
pub(super) const ARRAY: u32 = 9;
