//! Numbers as bytes and back, and rows in either layout.

use candor_models::causal_lm::gguf::{GgmlType, GgufEncoding, dequantize_blocks, quantize_blocks};
use candor_models::causal_lm::weights::permute_rope_rows;
use candor_models::causal_lm::{LmError, RopeLayout};
use proptest::prelude::*;

proptest! {
    #[test]
    fn quantised_weights_differ_by_half_a_step(
        weights in prop::collection::vec(-100f32..100.0, 32),
        scale in prop::sample::select(vec![1e-3f32, 1.0, 1e3]),
    ) {
        let weights: Vec<f32> = weights.iter().map(|weight| weight * scale).collect();
        let bytes = quantize_blocks(GgufEncoding::Q8_0, &weights).unwrap();
        let back = dequantize_blocks(GgmlType::Q8_0, &bytes).unwrap();
        let largest = weights.iter().fold(0f32, |max, weight| max.max(weight.abs()));
        // Half a step, and what rounding the step to 11 bits moves the largest of 127 steps.
        let bound = largest / 127.0 / 2.0 + largest * 2f32.powi(-11);
        for (weight, back) in weights.iter().zip(back) {
            prop_assert!((weight - back).abs() <= bound * 1.0001, "{weight} {back} {bound}");
        }
    }

    #[test]
    fn half_precision_keeps_what_it_can_hold(bits in prop::collection::vec(any::<u16>(), 1..64)) {
        let finite = |bits: &u16| bits & 0x7c00 != 0x7c00;
        let bytes: Vec<u8> = bits.iter().filter(|bits| finite(bits)).flat_map(|bits| bits.to_le_bytes()).collect();
        let values = dequantize_blocks(GgmlType::F16, &bytes).unwrap();
        prop_assert_eq!(quantize_blocks(GgufEncoding::F16, &values).unwrap(), bytes);
    }

    #[test]
    fn single_precision_is_exact(values in prop::collection::vec(prop::num::f32::NORMAL, 0..64)) {
        let bytes = quantize_blocks(GgufEncoding::F32, &values).unwrap();
        prop_assert_eq!(dequantize_blocks(GgmlType::F32, &bytes).unwrap(), values);
    }

    #[test]
    fn the_layouts_are_each_others_inverse(heads in 1usize..5, half in 1usize..5, columns in 1usize..4) {
        let rows = heads * half * 2;
        let weight: Vec<f32> = (0..rows * columns).map(|entry| entry as f32).collect();
        let permute = |weight: &[f32], from, to| permute_rope_rows(weight, rows, heads, from, to).unwrap();
        let (half, interleaved) = (RopeLayout::Half, RopeLayout::Interleaved);
        prop_assert_eq!(&permute(&permute(&weight, half, interleaved), interleaved, half), &weight);
        prop_assert_eq!(&permute(&permute(&weight, interleaved, half), half, interleaved), &weight);
        prop_assert_eq!(&permute(&weight, half, half), &weight);
    }

    #[test]
    fn bytes_of_any_content_dequantise(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        for kind in GgmlType::ALL {
            let blocks = bytes.len() / kind.block_bytes();
            let whole = &bytes[..blocks * kind.block_bytes()];
            let values = dequantize_blocks(kind, whole).unwrap();
            prop_assert_eq!(values.len(), blocks * kind.block_values());
            prop_assert_eq!(dequantize_blocks(kind, &bytes).is_err(), whole.len() < bytes.len());
        }
    }
}

#[test]
fn rows_that_do_not_make_even_heads_are_refused() {
    let permute = |values: usize, rows, heads| {
        let values = vec![0.0; values];
        permute_rope_rows(
            &values,
            rows,
            heads,
            RopeLayout::Half,
            RopeLayout::Interleaved,
        )
    };
    assert!(permute(16, 8, 2).is_ok());
    for (values, rows, heads) in [
        (16, 8, 3),
        (16, 8, 8),
        (16, 8, 0),
        (17, 8, 2),
        (0, 0, 1),
        (6, 6, usize::MAX),
    ] {
        let error = permute(values, rows, heads).unwrap_err();
        assert!(matches!(error, LmError::UnevenHeads { .. }), "{error}");
    }
}

#[test]
fn a_block_is_quantised_as_ggml_does() {
    // d = 127 / 127 = 1: ties go away from zero, where rounding to even would give 2 and -2.
    let mut weights = [0.0; 32];
    weights[..5].copy_from_slice(&[127.0, -127.0, 2.5, -2.5, 0.49]);
    let bytes = quantize_blocks(GgufEncoding::Q8_0, &weights).unwrap();
    assert_eq!(bytes[..2], [0x00, 0x3c]);
    assert_eq!(bytes[2..7], [127, 129, 3, 253, 0]);
    // A block of zeros has the scale zero.
    assert_eq!(
        quantize_blocks(GgufEncoding::Q8_0, &[0.0; 32]).unwrap(),
        [0; 34]
    );
}

#[test]
fn values_without_a_place_are_refused_with_it() {
    let index = |encoding, at: usize, value: f32| {
        let mut weights = vec![1.0; 64];
        weights[at] = value;
        match quantize_blocks(encoding, &weights) {
            Err(LmError::Unrepresentable { index, .. }) => index,
            other => panic!("{value}: {other:?}"),
        }
    };
    for encoding in [GgufEncoding::F32, GgufEncoding::F16, GgufEncoding::Q8_0] {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(index(encoding, 40, value), 40);
        }
    }
    assert_eq!(index(GgufEncoding::F16, 3, 65520.0), 3);
    assert_eq!(index(GgufEncoding::Q8_0, 33, -1e7), 33);
    let partial = quantize_blocks(GgufEncoding::Q8_0, &[0.0; 31]).unwrap_err();
    assert!(partial.to_string().contains("31 values"), "{partial}");
}
