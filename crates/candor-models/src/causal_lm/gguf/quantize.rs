use half::f16;
use serde::{Deserialize, Serialize};

use super::GgmlType;
use crate::causal_lm::LmError;
use crate::causal_lm::weights::FloatFormat;

/// How [`save_gguf`](super::save_gguf) stores matrices; vectors stay `F32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum GgufEncoding {
    /// 32 bits a weight, exact.
    F32,
    /// 16 bits a weight, relative error at most 2^-11.
    F16,
    /// 8.5 bits a weight: `d q` with `d = max|w| / 127` over blocks of 32, so the error is about `d / 2` at most.
    #[default]
    Q8_0,
}

impl GgufEncoding {
    /// The type of the tensors.
    pub fn ggml_type(self) -> GgmlType {
        match self {
            Self::F32 => GgmlType::F32,
            Self::F16 => GgmlType::F16,
            Self::Q8_0 => GgmlType::Q8_0,
        }
    }
}

/// The bytes of numbers, as ggml's reference quantises them.
///
/// `Q8_0`: `d = max|w| / 127` of each 32 values, `q = w / d` rounded half away from zero.
///
/// ```
/// use candor_models::causal_lm::gguf::{GgmlType, GgufEncoding, dequantize_blocks, quantize_blocks};
///
/// let weights: Vec<f32> = (-16..16).map(|w| w as f32).collect();
/// let bytes = quantize_blocks(GgufEncoding::Q8_0, &weights)?;
/// let back = dequantize_blocks(GgmlType::Q8_0, &bytes)?;
/// assert!(weights.iter().zip(back).all(|(w, b)| (w - b).abs() < 0.07)); // d / 2 = 16 / 127 / 2
/// # Ok::<(), candor_models::causal_lm::LmError>(())
/// ```
///
/// # Errors
///
/// Values that are not whole blocks, that are not finite or that exceed the range of half precision (`Q8_0`: 127
/// times that).
pub fn quantize_blocks(encoding: GgufEncoding, values: &[f32]) -> Result<Vec<u8>, LmError> {
    match encoding {
        GgufEncoding::F32 => FloatFormat::F32.encode(values),
        GgufEncoding::F16 => FloatFormat::F16.encode(values),
        GgufEncoding::Q8_0 => q8_0(values),
    }
}

fn q8_0(values: &[f32]) -> Result<Vec<u8>, LmError> {
    let ggml_type = GgmlType::Q8_0;
    let (blocks, rest) = values.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(LmError::PartialBlock {
            ggml_type: ggml_type.name(),
            seen: values.len(),
            block: ggml_type.block_values(),
            unit: "values",
        });
    }
    let mut bytes = Vec::with_capacity(blocks.len() * ggml_type.block_bytes());
    for (index, block) in blocks.iter().enumerate() {
        let scale = scale(block).map_err(|lane| LmError::Unrepresentable {
            value: block[lane],
            index: 32 * index + lane,
            format: ggml_type.name(),
        })?;
        bytes.extend(f16::from_f32(scale).to_le_bytes());
        let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
        // Division by the unrounded scale keeps |q| at 127 or less.
        let quants = block.map(|value| ((value * inverse).round() as i8).cast_unsigned());
        bytes.extend(quants);
    }
    Ok(bytes)
}

/// The scale of a block before it is rounded to half precision, or the place of a value that has none.
fn scale(block: &[f32; 32]) -> Result<f32, usize> {
    let mut largest = 0;
    for (lane, value) in block.iter().enumerate() {
        if !value.is_finite() {
            return Err(lane);
        }
        if value.abs() > block[largest].abs() {
            largest = lane;
        }
    }
    let scale = block[largest].abs() / 127.0;
    if f16::from_f32(scale).is_finite() {
        Ok(scale)
    } else {
        Err(largest)
    }
}
