//! The numerics in every precision that the backend has: the same value up to rounding, in the precision that came in.
#![cfg(feature = "flex")]
#![allow(clippy::unwrap_used)]

use burn::tensor::{Bool, DType, Device, FloatDType, Tensor};
use candor_core::host::floats;
use candor_core::numerics::{
    cosine_similarities, expm1, log_sigmoid, log_sum_exp, log1mexp, masked_mean, masked_softmax,
    normalize_rows, safe_div, safe_sqrt, softplus, squared_distances,
};

type Numeric = fn(Tensor<2>) -> Tensor<2>;

const ROWS: [[f64; 3]; 2] = [[-0.5, -3.0, -0.25], [-1.5, -0.125, -2.0]];

fn mask(device: &Device) -> Tensor<2, Bool> {
    Tensor::from_data([[true, false, true], [true, true, true]], device)
}

fn numerics() -> Vec<(&'static str, Numeric)> {
    vec![
        ("log_sum_exp", |x| log_sum_exp(x, 1)),
        ("log1mexp", log1mexp),
        ("expm1", expm1),
        ("softplus", softplus),
        ("log_sigmoid", log_sigmoid),
        ("masked_mean", |x| {
            let mask = mask(&x.device());
            masked_mean(x, mask, 1)
        }),
        ("masked_softmax", |x| {
            let mask = mask(&x.device());
            masked_softmax(x, mask, 1)
        }),
        ("safe_div", |x| safe_div(x.clone(), x + 0.25)),
        ("safe_sqrt", |x| safe_sqrt(-x, 0.0)),
        ("squared_distances", |x| squared_distances(x.clone(), x)),
        ("cosine_similarities", |x| cosine_similarities(x.clone(), x)),
        ("normalize_rows", |x| normalize_rows(x, 1e-12)),
    ]
}

#[test]
fn every_precision_gives_the_value_of_double_precision() {
    let device = Device::flex();
    let exact = Tensor::<2>::from_data(ROWS, (&device, DType::F64));
    let precisions = [
        (FloatDType::F32, 1e-5),
        (FloatDType::F16, 5e-3),
        (FloatDType::BF16, 4e-2),
    ];
    for (name, numeric) in numerics() {
        let wanted = floats(&numeric(exact.clone()));
        for (precision, tolerance) in precisions {
            let seen = numeric(exact.clone().cast(precision));
            assert_eq!(
                seen.dtype(),
                DType::from(precision),
                "{name} keeps its precision"
            );
            for (seen, wanted) in floats(&seen).iter().zip(&wanted) {
                let allowed = tolerance * (1.0 + wanted.abs());
                assert!(
                    (seen - wanted).abs() <= allowed,
                    "{name} in {precision:?}: {seen}, wanted {wanted}"
                );
            }
        }
    }
}

#[test]
fn long_rows_of_half_precision_do_not_overflow() {
    // The sum of squares is 640,000, ten times what f16 can hold.
    let rows = Tensor::<2>::full([1, 64], 100.0, (&Device::flex(), DType::F16));
    let norms = floats(&normalize_rows(rows.clone(), 1e-12));
    assert!(
        norms.iter().all(|entry| (entry - 0.125).abs() < 1e-3),
        "{norms:?}"
    );
    let distances = floats(&squared_distances(rows.clone() / 10.0, -rows / 100.0));
    assert!((distances[0] - 64.0 * 121.0).abs() < 10.0, "{distances:?}");
}
