use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use super::LeftPadding;
use super::precision::at_least_single;

/// What is added to attention scores: 0 where a key may be seen, -inf where not; `[batch or 1, 1, queries, keys]`.
///
/// The queries are the columns `first..first + count`, the keys all columns up to them. A key is seen from its own
/// column on, a padded one from its own column only, so that no row is without a key. `None`: all keys are seen.
pub(super) fn attention_mask(
    first: usize,
    count: usize,
    padding: Option<&LeftPadding>,
    device: &Device,
    precision: DType,
) -> Option<Tensor<4>> {
    let keys = column_numbers(0..first + count, device).reshape([1, 1, 1, first + count]);
    let minus_infinity_where = |blocked: Tensor<4, _>| {
        Tensor::<4>::zeros(blocked.dims(), (device, at_least_single(precision)))
            .mask_fill(blocked, f64::NEG_INFINITY)
    };
    let causal = (count > 1).then(|| {
        let queries = column_numbers(first..first + count, device).reshape([1, 1, count, 1]);
        minus_infinity_where(keys.clone().greater(queries))
    });
    let padded = padding.map(|padding| {
        let starts = first_visible(first, count, padding, device);
        minus_infinity_where(keys.lower(starts))
    });
    match (causal, padded) {
        (Some(causal), Some(padded)) => Some(causal + padded),
        (causal, padded) => causal.or(padded),
    }
}

fn column_numbers(columns: std::ops::Range<usize>, device: &Device) -> Tensor<1, Int> {
    Tensor::arange(columns.start as i64..columns.end as i64, device)
}

/// The first key that each query may see, `[batch, 1, queries, 1]`.
fn first_visible(
    first: usize,
    count: usize,
    padding: &LeftPadding,
    device: &Device,
) -> Tensor<4, Int> {
    let lengths = padding.lengths();
    let starts: Vec<i64> = lengths
        .iter()
        .flat_map(|&padded| (first..first + count).map(move |column| padded.min(column) as i64))
        .collect();
    Tensor::from_data(
        TensorData::new(starts, [lengths.len(), 1, count, 1]),
        device,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(first: usize, count: usize, padding: Option<&LeftPadding>) -> Option<Vec<bool>> {
        let mask = attention_mask(first, count, padding, &Device::flex(), DType::F32)?;
        Some(
            mask.into_data()
                .iter::<f32>()
                .map(|entry| entry == 0.0)
                .collect(),
        )
    }

    #[test]
    fn a_query_sees_itself_and_what_came_before() {
        let (o, x) = (true, false);
        assert_eq!(seen(0, 3, None).unwrap(), [o, x, x, o, o, x, o, o, o]);
        assert_eq!(seen(1, 2, None).unwrap(), [o, o, x, o, o, o]);
        assert_eq!(seen(5, 1, None), None);
    }

    #[test]
    fn padding_is_seen_by_nobody_but_itself() {
        let (o, x) = (true, false);
        let padding = LeftPadding::new(vec![0, 2]);
        assert_eq!(
            seen(0, 3, Some(&padding)).unwrap(),
            [
                o, x, x, o, o, x, o, o, o, /* row 1 */ o, x, x, x, o, x, x, x, o
            ]
        );
        assert_eq!(
            seen(3, 1, Some(&padding)).unwrap(),
            [o, o, o, o, x, x, o, o]
        );
    }
}
