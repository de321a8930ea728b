//! Networks of sets: what a permutation changes, padding, gradients, bad input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use burn::tensor::{Bool, DType, Device, Int, Tensor, TensorData};
use candor_core::DrawKey;
use candor_core::host::{floats, ints};
use candor_models::sets::{
    AdditiveAttention, LstmCell, PointerDecoder, PointerDecoderConfig, PointerStep,
    PointerStepConfig, ProcessBlock, ProcessBlockConfig, ReadProcessWrite, ReadProcessWriteConfig,
    SetEncoder, SetEncoderConfig,
};
use candor_testkit::check_gradient;
use candor_testkit::contract::{check_config, check_refused, check_send_sync};

/// Element i of a moved set is element ORDER[i] of the straight one.
const ORDER: [i64; 4] = [2, 0, 3, 1];

/// Numbers without a pattern, in ±scale.
fn numbers<const D: usize>(shape: [usize; D], scale: f64, salt: f64, device: &Device) -> Tensor<D> {
    let count = shape.iter().product::<usize>();
    let values: Vec<f64> = (0..count)
        .map(|index| scale * (index as f64 * 1.737 + salt).sin())
        .collect();
    Tensor::from_data(TensorData::new(values, shape), (device, DType::F64))
}

/// A process block in the precision and on the device of its memory.
fn process_block(steps: usize, device: &Device) -> ProcessBlock {
    let cell = LstmCell::from_weights(
        numbers([12, 6], 0.7, 0.1, device),
        numbers([12, 3], 0.7, 0.2, device),
        numbers([12], 0.7, 0.3, device),
        numbers([12], 0.7, 0.4, device),
    );
    ProcessBlock::new(cell, steps)
}

fn pointer_step(glimpses: usize, device: &Device) -> PointerStep {
    let attention = |salt: f64| {
        AdditiveAttention::from_weights(
            numbers([4, 3], 0.9, salt, device),
            numbers([4, 3], 0.9, salt + 1.0, device),
            numbers([4], 0.9, salt + 2.0, device),
        )
    };
    PointerStep::new(attention(0.0), attention(5.0), glimpses)
}

fn network() -> ReadProcessWrite {
    ReadProcessWriteConfig::new(2, 6)
        .with_steps(3)
        .init_seeded(&Device::flex(), 4)
        .unwrap()
}

fn elements(batch: usize, count: usize) -> Tensor<3> {
    numbers([batch, count, 2], 1.0, 0.7, &Device::flex()).cast(burn::tensor::FloatDType::F32)
}

fn int2(rows: &[&[i64]]) -> Tensor<2, Int> {
    let data = TensorData::new(rows.concat(), [rows.len(), rows[0].len()]);
    Tensor::from_data(data, &Device::flex())
}

fn mask(rows: &[&[bool]]) -> Tensor<2, Bool> {
    let data = TensorData::new(rows.concat(), [rows.len(), rows[0].len()]);
    Tensor::from_data(data, &Device::flex())
}

fn close(seen: &[f64], wanted: &[f64], tolerance: f64) {
    assert_eq!(seen.len(), wanted.len());
    for (seen, wanted) in seen.iter().zip(wanted) {
        assert!((seen - wanted).abs() <= tolerance, "{seen} and {wanted}");
    }
}

#[test]
fn a_permuted_memory_leaves_the_embedding_and_permutes_the_attention() {
    let device = Device::flex();
    let block = process_block(5, &device);
    let memory = numbers([2, 4, 3], 1.5, 0.0, &device);
    let order = Tensor::<1, Int>::from_data(ORDER, &device);
    let straight = block.forward(memory.clone(), None);
    let moved = block.forward(memory.select(1, order.clone()), None);
    close(
        &floats(&moved.embedding),
        &floats(&straight.embedding),
        1e-12,
    );
    let permuted = straight.attention.select(1, order);
    close(&floats(&moved.attention), &floats(&permuted), 1e-12);
}

#[test]
fn a_permuted_set_gives_the_permuted_orders_their_probabilities() {
    let model = network();
    let set = elements(1, 4);
    let moved = set
        .clone()
        .select(1, Tensor::<1, Int>::from_data(ORDER, &Device::flex()));
    let straight = model.order_log_probs(set.clone(), None, int2(&[&ORDER]));
    let same = model.order_log_probs(moved.clone(), None, int2(&[&[0, 1, 2, 3]]));
    close(&floats(&straight), &floats(&same), 1e-5);
    let (written, rewritten) = (model.greedy(set, None), model.greedy(moved, None));
    let renamed: Vec<i64> = ints(&rewritten)
        .iter()
        .map(|&element| ORDER[element as usize])
        .collect();
    assert_eq!(ints(&written), renamed);
}

#[test]
fn the_probabilities_of_all_orders_sum_to_one() {
    let model = network();
    let orders: [[i64; 3]; 6] = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    let orders = Tensor::<2, Int>::from_data(orders, &Device::flex());
    let both = orders.unsqueeze_dim::<3>(0).expand([2, 6, 3]);
    let log_probs = model.candidate_log_probs(elements(2, 3), None, both.clone());
    assert_eq!(log_probs.dims(), [2, 6]);
    close(
        &floats(&log_probs.clone().exp().sum_dim(1)),
        &[1.0, 1.0],
        1e-5,
    );
    let third = both.slice_dim(1, 2..3).reshape([2, 3]);
    let alone = model.order_log_probs(elements(2, 3), None, third);
    close(
        &floats(&log_probs.slice_dim(1, 2..3)),
        &floats(&alone),
        1e-5,
    );
}

#[test]
fn padding_changes_nothing_and_is_written_last() {
    let model = network();
    let full = elements(1, 5);
    let short = full.clone().slice_dim(1, 0..3);
    let there: &[bool] = &[true, true, true, false, false];
    let padded = model.order_log_probs(
        full.clone(),
        Some(mask(&[there])),
        int2(&[&[1, 2, 0, 4, 3]]),
    );
    let alone = model.order_log_probs(short.clone(), None, int2(&[&[1, 2, 0]]));
    close(&floats(&padded), &floats(&alone), 1e-5);
    let written = ints(&model.greedy(full, Some(mask(&[there]))));
    assert_eq!(written[..3], ints(&model.greedy(short, None)));
    assert_eq!(written[3..], [3, 4]);
}

#[test]
fn the_greedy_order_takes_the_best_first_step() {
    let model = network();
    let set = elements(3, 4);
    let written = model.greedy(set.clone(), None);
    model.validate(&set, None, &written).unwrap();
    let first = written.slice_dim(1, 0..1);
    let each = (0..4i64).map(|element| {
        let orders = Tensor::<2, Int>::full([3, 1], element, &Device::flex());
        model.order_log_probs(set.clone(), None, orders)
    });
    let each = Tensor::stack::<2>(each.collect(), 1);
    assert_eq!(ints(&each.argmax(1)), ints(&first));
}

#[test]
fn drawn_orders_are_as_frequent_as_they_are_probable() {
    let model = network();
    let set = elements(1, 3);
    let draws = 3000;
    let mut counts = std::collections::BTreeMap::<Vec<i64>, f64>::new();
    let many = set.clone().expand([draws, 3, 2]);
    let written = model.sample(many.clone(), None, DrawKey::new(5));
    model.validate(&many, None, &written).unwrap();
    for order in ints(&written).chunks(3) {
        *counts.entry(order.to_vec()).or_default() += 1.0 / f64::from(draws);
    }
    for (order, share) in counts {
        let probability =
            floats(&model.order_log_probs(set.clone(), None, int2(&[&order])))[0].exp();
        let deviation = (probability * (1.0 - probability) / f64::from(draws)).sqrt();
        assert!(
            (share - probability).abs() < 5.0 * deviation,
            "{order:?}: {share} of {probability}"
        );
    }
}

#[test]
fn a_drawn_order_depends_on_its_row_alone_and_leaves_padding_for_the_end() {
    let model = network();
    let set = elements(2, 4);
    let key = DrawKey::new(9);
    let both = ints(&model.sample(set.clone(), None, key));
    let first = ints(&model.sample(set.clone().slice_dim(0, 0..1), None, key));
    assert_eq!(both[..4], first);
    let there = mask(&[&[true, false, true, true], &[true; 4]]);
    let written = ints(&model.sample(set, Some(there), key));
    assert_eq!(written[3], 1);
}

#[test]
fn gradients_of_process_and_pointer_are_those_of_finite_differences() {
    let device = Device::flex();
    check_gradient(
        numbers([2, 3, 3], 1.0, 0.5, &device),
        |memory: Tensor<3>| {
            let block = process_block(3, &memory.device());
            block.forward(memory, None).embedding.square().sum()
        },
    );
    for glimpses in [0, 2] {
        check_gradient(
            numbers([1, 3, 3], 1.0, 0.5, &device),
            |memory: Tensor<3>| {
                let device = memory.device();
                let query = numbers([1, 3], 1.0, 0.9, &device);
                let available = Tensor::from_data([[true, false, true]], &device);
                let output = pointer_step(glimpses, &device).forward(memory, query, available);
                output.probs.square().sum()
            },
        );
    }
}

#[test]
fn a_memory_of_two_hundreds_saturates_with_finite_gradients() {
    let device = Device::flex().autodiff();
    let memory = numbers([2, 4, 3], 200.0, 0.1, &device).require_grad();
    let processed = process_block(5, &device).forward(memory.clone(), None);
    let query = processed.embedding.clone().slice_dim(1, 0..3);
    let all = Tensor::<2>::ones([2, 4], &device).greater_scalar(0.5);
    let pointed = pointer_step(1, &device).forward(memory.clone(), query, all);
    let gradients = (pointed.log_probs.sum() + processed.embedding.sum()).backward();
    let values = floats(&memory.grad(&gradients).unwrap());
    assert!(values.iter().all(|value| value.is_finite()));
}

#[test]
fn rows_without_an_element_are_zeros_in_forward_and_errors_in_validate() {
    let device = Device::flex();
    let memory = numbers([2, 2, 3], 1.0, 0.0, &device);
    let half = mask(&[&[false, false], &[true, false]]);
    let block = process_block(2, &device);
    assert!(block.validate(&memory, &half).is_err());
    let processed = block.forward(memory.clone(), Some(half.clone()));
    assert_eq!(floats(&processed.attention), [0.0, 0.0, 1.0, 0.0]);
    assert!(floats(&processed.embedding).iter().all(|x| x.is_finite()));
    let step = pointer_step(1, &device);
    assert!(step.validate(&memory, &half).is_err());
    let output = step.forward(memory, numbers([2, 3], 1.0, 0.0, &device), half);
    assert_eq!(floats(&output.probs), [0.0, 0.0, 1.0, 0.0]);
    assert_eq!(floats(&output.log_probs), [-1e30, -1e30, 0.0, -1e30]);
}

#[test]
fn orders_that_are_no_permutations_are_found() {
    let (model, set) = (network(), elements(1, 3));
    assert!(model.validate(&set, None, &int2(&[&[2, 0, 1]])).is_ok());
    for bad in [[0, 0, 1], [0, 1, 3], [-1, 0, 1]] {
        assert!(model.validate(&set, None, &int2(&[&bad])).is_err());
    }
    assert!(model.validate(&set, None, &int2(&[&[0, 1]])).is_err());
    let nothing = mask(&[&[false, false, false]]);
    let order = int2(&[&[2, 0, 1]]);
    assert!(model.validate(&set, Some(&nothing), &order).is_err());
}

#[test]
#[should_panic(expected = "ProcessBlock: memory has shape [1, 2, 4], wanted [_, _, 3]")]
fn a_memory_of_another_width_is_named() {
    let device = Device::flex();
    process_block(1, &device).forward(numbers([1, 2, 4], 1.0, 0.0, &device), None);
}

#[test]
fn a_seed_gives_the_same_network_and_another_seed_another() {
    let probe = |seed| {
        let model = ReadProcessWriteConfig::new(2, 4)
            .init_seeded(&Device::flex(), seed)
            .unwrap();
        floats(&model.order_log_probs(elements(1, 3), None, int2(&[&[0, 1, 2]])))
    };
    assert_eq!(probe(1), probe(1));
    assert_ne!(probe(1), probe(2));
}

#[test]
fn configurations_survive_json_and_networks_cross_threads() {
    let device = Device::flex();
    check_config(&ProcessBlockConfig::new(3), |config| {
        config.init_seeded(&device, 0)
    });
    check_config(&SetEncoderConfig::new(2, 3), |config| {
        config.init_seeded(&device, 0)
    });
    check_config(&PointerStepConfig::new(3, 2), |config| {
        config.init_seeded(&device, 0)
    });
    check_config(&PointerDecoderConfig::new(3), |config| {
        config.init_seeded(&device, 0)
    });
    let config = ReadProcessWriteConfig::new(2, 3).with_d_attention(Some(5));
    check_config(&config, |config| config.init_seeded(&device, 0));
    check_send_sync::<(ProcessBlock, SetEncoder, PointerStep)>();
    check_send_sync::<(PointerDecoder, ReadProcessWrite)>();
}

#[test]
fn widths_of_zero_are_refused_by_name() {
    let device = Device::flex();
    check_refused(
        ProcessBlockConfig::new(0).init_seeded(&device, 0),
        "d_model",
    );
    check_refused(
        SetEncoderConfig::new(0, 3).init_seeded(&device, 0),
        "d_input",
    );
    check_refused(
        SetEncoderConfig::new(2, 0).init_seeded(&device, 0),
        "d_model",
    );
    check_refused(
        PointerStepConfig::new(0, 1).init_seeded(&device, 0),
        "d_model",
    );
    check_refused(
        PointerStepConfig::new(1, 0).init_seeded(&device, 0),
        "d_attention",
    );
    check_refused(
        PointerDecoderConfig::new(0).init_seeded(&device, 0),
        "d_model",
    );
    let config = ReadProcessWriteConfig::new(2, 3).with_d_attention(Some(0));
    check_refused(config.init_seeded(&device, 0), "d_attention");
}
