use half::f16;

use super::GgmlType;
use crate::causal_lm::LmError;
use crate::causal_lm::weights::FloatFormat;

/// The numbers of quantised bytes, bit for bit those of ggml's reference.
///
/// The low nibbles of a 4-bit block are its first half, the high nibbles its second.
///
/// ```
/// use candor_models::causal_lm::gguf::{GgmlType, dequantize_blocks};
///
/// // d = 1 and sixteen bytes of low nibble 9 and high nibble 7: 9 - 8 and 7 - 8.
/// let mut block = vec![0x00, 0x3c];
/// block.extend([0x79; 16]);
/// let values = dequantize_blocks(GgmlType::Q4_0, &block)?;
/// assert_eq!((values[0], values[15], values[16], values[31]), (1.0, 1.0, -1.0, -1.0));
/// # Ok::<(), candor_models::causal_lm::LmError>(())
/// ```
///
/// # Errors
///
/// Bytes that are not whole blocks.
pub fn dequantize_blocks(ggml_type: GgmlType, bytes: &[u8]) -> Result<Vec<f32>, LmError> {
    let block = ggml_type.block_bytes();
    if !bytes.len().is_multiple_of(block) {
        return Err(LmError::PartialBlock {
            ggml_type: ggml_type.name(),
            seen: bytes.len(),
            block,
            unit: "bytes",
        });
    }
    let decode = match ggml_type {
        GgmlType::F32 => return Ok(FloatFormat::F32.decode(bytes)),
        GgmlType::F16 => return Ok(FloatFormat::F16.decode(bytes)),
        GgmlType::BF16 => return Ok(FloatFormat::BF16.decode(bytes)),
        GgmlType::Q4_0 => q4_0,
        GgmlType::Q4_1 => q4_1,
        GgmlType::Q8_0 => q8_0,
        GgmlType::Q6K => q6_k,
    };
    let mut values = Vec::with_capacity(bytes.len() / block * ggml_type.block_values());
    decode(bytes, &mut values);
    Ok(values)
}

fn q4_0(bytes: &[u8], values: &mut Vec<f32>) {
    for [d0, d1, quants @ ..] in bytes.as_chunks::<18>().0 {
        let d = half(*d0, *d1);
        values.extend(quants.iter().map(|q| d * (f32::from(q & 15) - 8.0)));
        values.extend(quants.iter().map(|q| d * (f32::from(q >> 4) - 8.0)));
    }
}

fn q4_1(bytes: &[u8], values: &mut Vec<f32>) {
    for [d0, d1, m0, m1, quants @ ..] in bytes.as_chunks::<20>().0 {
        let (d, m) = (half(*d0, *d1), half(*m0, *m1));
        values.extend(quants.iter().map(|q| d * f32::from(q & 15) + m));
        values.extend(quants.iter().map(|q| d * f32::from(q >> 4) + m));
    }
}

fn q8_0(bytes: &[u8], values: &mut Vec<f32>) {
    for [d0, d1, quants @ ..] in bytes.as_chunks::<34>().0 {
        let d = half(*d0, *d1);
        values.extend(quants.iter().map(|q| d * f32::from(q.cast_signed())));
    }
}

/// 128 bytes of low nibbles, 64 of high pairs of bits, 16 scales and `d`.
fn q6_k(bytes: &[u8], values: &mut Vec<f32>) {
    for block in bytes.as_chunks::<210>().0 {
        let (low, rest) = block.split_at(128);
        let (high, rest) = rest.split_at(64);
        let (scales, rest) = rest.split_at(16);
        let d = half(rest[0], rest[1]);
        values.extend((0..256).map(|at| {
            let (part, group, lane) = (at / 128, at % 128 / 32, at % 32);
            let low = low[64 * part + 32 * (group % 2) + lane] >> (4 * (group / 2)) & 15;
            let high = high[32 * part + lane] >> (2 * group) & 3;
            let scale = d * f32::from(scales[at / 16].cast_signed());
            scale * (f32::from(high << 4 | low) - 32.0)
        }));
    }
}

fn half(low: u8, high: u8) -> f32 {
    f16::from_le_bytes([low, high]).to_f32()
}
