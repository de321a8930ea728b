use half::{bf16, f16};
use serde::{Deserialize, Serialize};

use crate::causal_lm::LmError;

/// How a file stores plain numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum FloatFormat {
    /// 4 bytes, exact.
    #[default]
    F32,
    /// IEEE half precision: 11 significant bits, at most 65504.
    F16,
    /// The upper half of an `f32`: 8 significant bits, its whole range.
    BF16,
}

impl FloatFormat {
    /// The name that safetensors and GGUF share.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
        }
    }

    /// Bytes of one number.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
        }
    }

    /// The numbers of little-endian bytes; a last part of a number is left out.
    pub(in crate::causal_lm) fn decode(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F32 => {
                let (numbers, _) = bytes.as_chunks();
                numbers.iter().copied().map(f32::from_le_bytes).collect()
            }
            Self::F16 => {
                let (numbers, _) = bytes.as_chunks();
                let number = |&bytes| f16::from_le_bytes(bytes).to_f32();
                numbers.iter().map(number).collect()
            }
            Self::BF16 => {
                let (numbers, _) = bytes.as_chunks();
                let number = |&bytes| bf16::from_le_bytes(bytes).to_f32();
                numbers.iter().map(number).collect()
            }
        }
    }

    /// Little-endian bytes of the nearest numbers; refuses what is not finite or becomes so.
    pub(in crate::causal_lm) fn encode(self, values: &[f32]) -> Result<Vec<u8>, LmError> {
        let mut bytes = Vec::with_capacity(values.len() * self.bytes());
        for (index, &value) in values.iter().enumerate() {
            let finite = match self {
                Self::F32 => {
                    bytes.extend(value.to_le_bytes());
                    value.is_finite()
                }
                Self::F16 => {
                    let number = f16::from_f32(value);
                    bytes.extend(number.to_le_bytes());
                    number.is_finite()
                }
                Self::BF16 => {
                    let number = bf16::from_f32(value);
                    bytes.extend(number.to_le_bytes());
                    number.is_finite()
                }
            };
            if !finite {
                let format = self.name();
                return Err(LmError::Unrepresentable {
                    value,
                    index,
                    format,
                });
            }
        }
        Ok(bytes)
    }
}
