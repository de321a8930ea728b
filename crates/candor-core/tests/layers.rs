//! The layer operators against the compositions they stand for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp
)]

use burn::tensor::activation::silu;
use burn::tensor::{DType, Device, Tensor, TensorData};
use candor_core::host::floats;
use candor_core::layers::{
    RopeLayout, attention, grouped_query_attention, on_workers, project, rms_norm, rotate, swiglu,
};
use candor_testkit::{check_gradient, devices};
use proptest::prelude::*;

const EPSILON: f64 = 1e-5;

/// Numbers without a pattern, between -2 and 2.
fn numbers(count: usize, seed: f64) -> Vec<f64> {
    (0..count)
        .map(|i| 2.0 * (seed + 1.7 * i as f64 + (i as f64).sqrt()).sin())
        .collect()
}

fn matrix(shape: [usize; 2], seed: f64, device: &Device, dtype: DType) -> Tensor<2> {
    let data = TensorData::new(numbers(shape[0] * shape[1], seed), shape);
    Tensor::from_data(data, (device, dtype))
}

fn row(width: usize, seed: f64, device: &Device, dtype: DType) -> Tensor<1> {
    matrix([1, width], seed, device, dtype).reshape([width])
}

fn composed_rms_norm(hidden: Tensor<2>, scale: Tensor<1>) -> Tensor<2> {
    let mean_square = hidden.clone().square().mean_dim(1);
    hidden / (mean_square + EPSILON).sqrt() * scale.unsqueeze()
}

/// Values and both gradients of an operator and of what it stands for.
fn assert_same<const D: usize>(
    name: &str,
    operands: (Tensor<2>, Tensor<D>),
    operator: impl Fn(Tensor<2>, Tensor<D>) -> Tensor<2>,
    composition: impl Fn(Tensor<2>, Tensor<D>) -> Tensor<2>,
) {
    let run = |function: &dyn Fn(Tensor<2>, Tensor<D>) -> Tensor<2>| {
        let first = operands.0.clone().autodiff().require_grad();
        let second = operands.1.clone().autodiff().require_grad();
        let value = function(first.clone(), second.clone());
        // Another weight for each entry, so that no gradient can hide in a sum.
        let [rows, columns] = value.dims();
        let weights = matrix([rows, columns], 5.0, &value.device(), value.dtype());
        let gradients = (value.clone() * weights).sum().backward();
        [
            floats(&value.inner()),
            floats(&first.grad(&gradients).unwrap()),
            floats(&second.grad(&gradients).unwrap()),
        ]
    };
    for (ours, theirs) in run(&operator).iter().zip(run(&composition)) {
        for (a, b) in ours.iter().zip(theirs) {
            assert!(
                (a - b).abs() <= 2e-5 * (1.0 + b.abs()),
                "{name}: {a} and {b}"
            );
        }
    }
}

#[test]
fn every_operator_is_its_composition_on_every_device() {
    for named in devices() {
        let device = &named.device;
        for [rows, width, out] in [[1, 1, 1], [3, 17, 5], [70, 130, 33]] {
            let [left, right] = [([rows, width], 0.3), ([rows, width], 4.1)]
                .map(|(shape, seed)| matrix(shape, seed, device, DType::F32));
            let weight = matrix([width, out], 2.2, device, DType::F32);
            let scale = row(width, 1.0, device, DType::F32);
            assert_same("project", (left.clone(), weight), project, Tensor::matmul);
            assert_same("swiglu", (left.clone(), right), swiglu, |g, u| silu(g) * u);
            assert_same(
                "rms_norm",
                (left, scale),
                |hidden, scale| rms_norm(hidden, scale, EPSILON),
                composed_rms_norm,
            );
        }
    }
}

#[test]
fn one_row_and_a_large_weight_in_either_order_have_the_product_of_many_rows() {
    let device = Device::flex();
    let rows = matrix([2, 700], 0.3, &device, DType::F32);
    let weight = matrix([700, 801], 1.3, &device, DType::F32);
    let stored_other_way = weight.clone().transpose().mul_scalar(1.0).transpose();
    for weight in [weight, stored_other_way] {
        let both = floats(&project(rows.clone(), weight.clone()));
        let first = floats(&project(rows.clone().slice_dim(0, 0..1), weight));
        for (a, b) in first.iter().zip(&both) {
            assert!((a - b).abs() < 1e-3, "{a} and {b}");
        }
    }
}

#[test]
fn gradients_are_those_of_central_differences() {
    let device = Device::flex();
    let other = |shape, seed| matrix(shape, seed, &device, DType::F64);
    let input = || other([3, 4], 0.1);
    check_gradient(input(), |x| project(x, other([4, 2], 3.0)).square().sum());
    check_gradient(input(), |x| project(other([2, 3], 3.0), x).square().sum());
    check_gradient(input(), |x| swiglu(x, other([3, 4], 3.0)).square().sum());
    check_gradient(input(), |x| swiglu(other([3, 4], 3.0), x).square().sum());
    let scale = || row(4, 2.0, &device, DType::F64);
    check_gradient(input(), |x| {
        rms_norm(x, scale(), EPSILON).powi_scalar(3).sum()
    });
    check_gradient(other([1, 4], 2.0), |x| {
        rms_norm(input(), x.reshape([4]), EPSILON)
            .powi_scalar(3)
            .sum()
    });
}

#[test]
fn views_in_any_order_are_read_as_they_are() {
    let device = Device::flex();
    let stored = matrix([6, 4], 0.7, &device, DType::F32);
    let turned = stored.clone().transpose().flip([1]);
    let copied = Tensor::from_data(turned.clone().into_data(), &device);
    let weight = matrix([6, 3], 1.9, &device, DType::F32);
    for (view, plain) in [
        (
            project(turned.clone(), weight.clone()),
            project(copied.clone(), weight),
        ),
        (
            swiglu(turned.clone(), turned.clone()),
            swiglu(copied.clone(), copied.clone()),
        ),
        (
            rms_norm(turned, row(6, 1.0, &device, DType::F32), EPSILON),
            rms_norm(copied, row(6, 1.0, &device, DType::F32), EPSILON),
        ),
    ] {
        assert_eq!(floats(&view), floats(&plain));
    }
    // What an operator may overwrite is its own: the stored matrix is as it was.
    assert_eq!(
        floats(&stored),
        floats(&matrix([6, 4], 0.7, &device, DType::F32))
    );
}

/// Cosines and sines of angles without a pattern, `[rows, positions, pairs]`.
fn angles(shape: [usize; 3], device: &Device, dtype: DType) -> [Tensor<3>; 2] {
    let of = |function: fn(f64) -> f64| {
        let values = numbers(shape.iter().product(), 0.4)
            .into_iter()
            .map(function);
        Tensor::from_data(TensorData::new(values.collect(), shape), (device, dtype))
    };
    [of(f64::cos), of(f64::sin)]
}

fn heads(shape: [usize; 4], seed: f64, device: &Device, dtype: DType) -> Tensor<4> {
    matrix([shape[..3].iter().product(), shape[3]], seed, device, dtype).reshape(shape)
}

#[test]
fn pairs_are_turned_on_every_device_and_their_gradients_turned_back() {
    for named in devices() {
        let device = &named.device;
        for (layout, [batch, positions, count, width], tables) in [
            (RopeLayout::Half, [1, 1, 1, 2], 1),
            (RopeLayout::Interleaved, [2, 3, 4, 6], 1),
            (RopeLayout::Half, [3, 70, 2, 64], 3),
        ] {
            let pairs = width / 2;
            let of_pair = |pair: usize| match layout {
                RopeLayout::Half => [pair, pair + pairs],
                RopeLayout::Interleaved => [2 * pair, 2 * pair + 1],
            };
            let [cos, sin] = angles([tables, positions, pairs], device, DType::F32);
            let given = heads([batch, positions, count, width], 0.9, device, DType::F32);
            let tracked = given.clone().autodiff().require_grad();
            let turned = rotate(tracked.clone(), &cos, &sin, layout);
            assert_eq!(turned.dims(), [batch, count, positions, width]);
            let upstream = heads([batch, count, positions, width], 2.8, device, DType::F32);
            let gradients = (turned.clone() * upstream.clone().autodiff())
                .sum()
                .backward();
            let gradient = floats(&tracked.grad(&gradients).unwrap());
            let (given, upstream) = (floats(&given), floats(&upstream));
            let (cos, sin, turned) = (floats(&cos), floats(&sin), floats(&turned.inner()));
            for row in 0..batch * positions * count {
                let [b, p, h] = [
                    row / (positions * count),
                    row / count % positions,
                    row % count,
                ];
                let there = ((b * count + h) * positions + p) * width;
                for pair in 0..pairs {
                    let angle = (b % tables * positions + p) * pairs + pair;
                    let (cos, sin) = (cos[angle], sin[angle]);
                    let [first, second] = of_pair(pair);
                    let (a, b) = (given[row * width + first], given[row * width + second]);
                    assert!((turned[there + first] - (a * cos - b * sin)).abs() < 1e-5);
                    assert!((turned[there + second] - (a * sin + b * cos)).abs() < 1e-5);
                    let (a, b) = (upstream[there + first], upstream[there + second]);
                    assert!((gradient[row * width + first] - (a * cos + b * sin)).abs() < 1e-5);
                    assert!((gradient[row * width + second] - (b * cos - a * sin)).abs() < 1e-5);
                }
            }
        }
    }
}

#[test]
fn turned_pairs_have_the_gradient_of_central_differences_and_keep_half_precision() {
    let device = Device::flex();
    for layout in [RopeLayout::Half, RopeLayout::Interleaved] {
        let [cos, sin] = angles([1, 3, 2], &device, DType::F64);
        check_gradient(
            heads([2, 3, 1, 4], 1.1, &device, DType::F64),
            |x: Tensor<4>| rotate(x, &cos, &sin, layout).powi_scalar(3).sum(),
        );
        let [cos, sin] = angles([1, 3, 2], &device, DType::BF16);
        let turned = rotate(
            heads([2, 3, 1, 4], 1.1, &device, DType::BF16),
            &cos,
            &sin,
            layout,
        );
        assert_eq!((turned.dims(), turned.dtype()), ([2, 1, 3, 4], DType::BF16));
    }
}

#[test]
#[should_panic(expected = "rotate: heads has shape [1, 2, 1, 4], wanted [_, 3, _, 4]")]
fn angles_of_other_positions_are_named() {
    let device = Device::flex();
    let [cos, sin] = angles([1, 3, 2], &device, DType::F32);
    rotate(
        heads([1, 2, 1, 4], 0.0, &device, DType::F32),
        &cos,
        &sin,
        RopeLayout::Half,
    );
}

#[test]
fn work_among_the_workers_gives_what_it_gives_here() {
    for named in devices() {
        let device = &named.device;
        let rows = matrix([2, 64], 0.3, device, DType::F32);
        let work = || floats(&project(rows.clone(), rows.clone().transpose()));
        let (here, there) = (work(), on_workers(device, work));
        // On flex one thread leaves and the same pool computes; elsewhere nothing moves.
        assert_eq!(here, there, "{}", named.name);
    }
}

/// A causal mask over `seen` keys for the last `count` of them, the first `hidden` keys of each row's own padding unseen.
fn causal(count: usize, seen: usize, padding: &[usize], device: &Device) -> Tensor<4> {
    let mut entries = Vec::new();
    for &padded in padding {
        for query in seen - count..seen {
            let sees = |key| key == query || (key <= query && key >= padded);
            entries.extend((0..seen).map(|key| if sees(key) { 0.0 } else { f64::NEG_INFINITY }));
        }
    }
    let shape = [padding.len(), 1, count, seen];
    Tensor::from_data(TensorData::new(entries, shape), (device, DType::F32))
}

#[test]
fn blocked_attention_is_the_mixture_of_the_map() {
    for named in devices() {
        let device = &named.device;
        for [batch, heads, kv_heads, count, seen] in [
            [1, 1, 1, 1, 1],
            [2, 4, 2, 3, 7],
            [1, 6, 2, 70, 70],
            [2, 3, 3, 1, 130],
        ] {
            let random = |heads: usize, length: usize, seed| {
                let rows = matrix([batch * heads * length, 8], seed, device, DType::F32);
                // Queries and keys come from a rotation as they are, values as a view of other axes.
                rows.reshape([batch, length, heads, 8]).swap_dims(1, 2)
            };
            let (queries, keys, values) = (
                random(heads, count, 0.1),
                random(kv_heads, seen, 2.0),
                random(kv_heads, seen, 3.0),
            );
            let padding: Vec<usize> = (0..batch).map(|row| row * seen / 2).collect();
            let masks = [
                None,
                Some(causal(count, seen, &[0], device)),
                Some(causal(count, seen, &padding, device)),
            ];
            for mask in masks {
                let parts = || (queries.clone() * 3.0, keys.clone(), values.clone());
                let (q, k, v) = parts();
                let blocked = floats(&attention(q, k, v, mask.as_ref()));
                let (q, k, v) = parts();
                let mixed = floats(&grouped_query_attention(q, k, v, mask.as_ref()).mixed);
                for (a, b) in blocked.iter().zip(&mixed) {
                    assert!(
                        (a - b).abs() < 1e-5,
                        "{batch} {heads} {count} {seen}: {a} and {b}"
                    );
                }
            }
        }
    }
}

#[test]
fn attention_under_autodiff_has_the_gradient_of_the_composition() {
    let device = Device::flex();
    let side = |seed| matrix([3, 4], seed, &device, DType::F64).reshape([1, 1, 3, 4]);
    check_gradient(matrix([3, 4], 0.4, &device, DType::F64), |queries| {
        attention(queries.reshape([1, 1, 3, 4]), side(1.0), side(2.0), None)
            .square()
            .sum()
    });
}

#[test]
fn steep_scores_pick_one_key() {
    let device = Device::flex();
    let keys = Tensor::<4>::from_floats([[[[1e4], [-1e4]]]], &device);
    let values = Tensor::<4>::from_floats([[[[7.0], [9.0]]]], &device);
    let mixed = attention(Tensor::ones([1, 1, 1, 1], &device), keys, values, None);
    assert_eq!(floats(&mixed), [7.0]);
}

#[test]
#[should_panic(expected = "Attention: mask has shape [1, 1, 2, 3]")]
fn a_mask_of_another_shape_is_named() {
    let device = Device::flex();
    let [queries, keys] = [1, 3].map(|length| Tensor::<4>::zeros([1, 1, length, 2], &device));
    let mask = Tensor::zeros([1, 1, 2, 3], &device);
    attention(queries, keys.clone(), keys, Some(&mask));
}

#[test]
fn extreme_gates_open_or_close_and_pass_finite_gradients() {
    let device = Device::flex();
    for dtype in [DType::F32, DType::F64] {
        let gate = Tensor::<2>::from_data([[1e4, -1e4, 100.0, -100.0, 0.0]], (&device, dtype));
        let gate = gate.autodiff().require_grad();
        let up = Tensor::<2>::ones([1, 5], (&device, dtype))
            .autodiff()
            .require_grad();
        let value = swiglu(gate.clone(), up.clone());
        let gradients = value.clone().sum().backward();
        let (seen, slope) = (
            floats(&value.inner()),
            floats(&gate.grad(&gradients).unwrap()),
        );
        assert_eq!([seen[0], seen[1], seen[4]], [1e4, 0.0, 0.0]);
        assert_eq!([slope[0], slope[1], slope[4]], [1.0, 0.0, 0.5]);
        assert!(slope.iter().chain(&seen).all(|entry| entry.is_finite()));
    }
}

#[test]
fn half_precision_keeps_its_type() {
    let device = Device::flex();
    let rows = matrix([2, 4], 0.3, &device, DType::BF16);
    let scale = row(4, 0.3, &device, DType::BF16);
    for value in [
        project(rows.clone(), rows.clone().transpose()),
        swiglu(rows.clone(), rows.clone()),
        rms_norm(rows, scale, EPSILON),
    ] {
        assert_eq!(value.dtype(), DType::BF16);
        assert!(floats(&value).iter().all(|entry| entry.is_finite()));
    }
}

#[test]
fn no_rows_give_no_rows() {
    let device = Device::flex();
    let none = matrix([0, 4], 0.0, &device, DType::F32);
    let weight = matrix([4, 2], 0.0, &device, DType::F32);
    assert_eq!(project(none.clone(), weight).dims(), [0, 2]);
    assert_eq!(swiglu(none.clone(), none.clone()).dims(), [0, 4]);
    let scale = row(4, 0.0, &device, DType::F32);
    assert_eq!(rms_norm(none, scale, EPSILON).dims(), [0, 4]);
}

#[test]
#[should_panic(expected = "project: weight has shape [3, 2], wanted [4, _]")]
fn operands_that_do_not_fit_are_named() {
    let device = Device::flex();
    let rows = matrix([1, 4], 0.0, &device, DType::F32);
    project(rows, matrix([3, 2], 0.0, &device, DType::F32));
}

proptest! {
    #[test]
    fn a_normalised_row_does_not_know_its_scale(entries in prop::collection::vec(-3.0..3.0f64, 5), factor in 0.5..50.0f64) {
        prop_assume!(entries.iter().any(|entry| entry.abs() > 0.1));
        let norm = |factor: f64| {
            let device = Device::flex();
            let hidden = Tensor::<1>::from_data(entries.as_slice(), (&device, DType::F64)) * factor;
            floats(&rms_norm(hidden.reshape([1, 5]), Tensor::ones([5], (&device, DType::F64)), 1e-18))
        };
        for (a, b) in norm(1.0).iter().zip(norm(factor)) {
            prop_assert!((a - b).abs() < 1e-9);
        }
    }
}
