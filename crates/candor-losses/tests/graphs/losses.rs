//! Invariants of the formulas, padding, extremes and bad input.

use burn::nn::loss::Reduction;
use burn::tensor::{Bool, DType, Device, Int, Tensor, TensorData};
use candor_core::host::floats;
use candor_losses::graphs::{
    GraphInfoNceLossConfig, GraphMaxMarginLossConfig, PadMode, SequenceMarginLossConfig,
    TokenUnlikelihoodLossConfig, masked_mean_pool,
};
use candor_testkit::check_gradient;
use proptest::prelude::*;

fn f64s<const D: usize>(values: Vec<f64>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(
        TensorData::new(values, shape),
        (&Device::flex(), DType::F64),
    )
}

fn ids(rows: &[&[i64]]) -> Tensor<2, Int> {
    let shape = [rows.len(), rows[0].len()];
    Tensor::<1, Int>::from_data(rows.concat().as_slice(), &Device::flex()).reshape(shape)
}

fn log_softmax(logits: &[f64], label: usize) -> f64 {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|logit| (logit - top).exp()).sum();
    logits[label] - top - sum.ln()
}

/// The sheet's definition, cell by cell on the host: loss of `AsPublished`, then of `Masked`.
fn by_definition(logits: &[f64], v: usize, gold: &[&[i64]], negative: &[&[i64]]) -> [f64; 2] {
    let (mut ce, mut tokens) = (0.0, 0.0);
    let (mut all, mut cells, mut both, mut pairs) = (0.0, 0.0, 0.0, 0.0);
    for (row, (gold, negative)) in gold.iter().zip(negative).enumerate() {
        for (place, &label) in gold.iter().enumerate() {
            let cell = &logits[(row * gold.len() + place) * v..][..v];
            let cost = |label: i64| match label {
                0 => 0.0,
                label => -log_softmax(cell, label as usize),
            };
            ce += cost(label);
            tokens += f64::from(u8::from(label != 0));
            let Some(&wrong) = negative.get(place) else {
                continue;
            };
            let hinge = (1.0 + cost(label) - cost(wrong)).max(0.0);
            all += hinge;
            cells += 1.0;
            if label != 0 && wrong != 0 {
                both += hinge;
                pairs += 1.0;
            }
        }
    }
    let gold_cells = (gold.len() * gold[0].len()) as f64;
    let masked = |sum: f64, count: f64| if count > 0.0 { sum / count } else { 0.0 };
    [
        ce / gold_cells + all / cells,
        masked(ce, tokens) + masked(both, pairs),
    ]
}

proptest! {
    #[test]
    fn max_margin_is_its_definition_for_any_padding(
        logits in prop::collection::vec(-4.0..4.0f64, 2 * 4 * 3),
        gold in prop::collection::vec(0..3i64, 8),
        negative in prop::collection::vec(0..3i64, 10),
        length in 1..6usize,
    ) {
        let gold: Vec<&[i64]> = gold.chunks(4).collect();
        let negative: Vec<&[i64]> = negative.chunks(5).map(|row| &row[..length]).collect();
        let wanted = by_definition(&logits, 3, &gold, &negative);
        for (pad_mode, wanted) in [PadMode::AsPublished, PadMode::Masked].into_iter().zip(wanted) {
            let loss = GraphMaxMarginLossConfig::new().with_pad_mode(pad_mode).init().unwrap();
            let seen = loss.forward(f64s(logits.clone(), [2, 4, 3]), ids(&gold), ids(&negative));
            prop_assert!((floats(&seen)[0] - wanted).abs() < 1e-9, "{pad_mode:?}");
        }
    }

    #[test]
    fn info_nce_sees_directions_and_not_lengths(
        entries in prop::collection::vec(0.1..2.0f64, 4 * 3),
        scale in 1e-3..1e3f64,
    ) {
        let loss = GraphInfoNceLossConfig::new().init().unwrap();
        let value = |scale: f64| {
            let part = |from: usize, to: usize| -> Vec<f64> {
                entries[from..to].iter().map(|entry| entry * scale).collect()
            };
            floats(&loss.forward_no_reduction(
                f64s(part(0, 3), [1, 3]),
                f64s(part(3, 6), [1, 3]),
                f64s(part(6, 12), [1, 2, 3]),
            ))[0]
        };
        prop_assert!((value(1.0) - value(scale)).abs() < 1e-9);
        prop_assert!(value(1.0) >= 0.0);
    }
}

#[test]
fn gradients_are_those_of_the_definition_with_padding_on_either_side() {
    let logits: Vec<f64> = (0..24)
        .map(|index| f64::from(index * 7 % 11) * 0.31 - 1.4)
        .collect();
    let (gold, negative) = (
        ids(&[&[1, 2, 0, 0], &[2, 1, 2, 0]]),
        ids(&[&[2, 0, 1], &[1, 1, 0]]),
    );
    for pad_mode in [PadMode::AsPublished, PadMode::Masked] {
        let loss = GraphMaxMarginLossConfig::new()
            .with_pad_mode(pad_mode)
            .init()
            .unwrap();
        check_gradient(f64s(logits.clone(), [2, 4, 3]), |logits: Tensor<3>| {
            loss.forward(logits, gold.clone(), negative.clone())
        });
    }
}

#[test]
fn extreme_logits_keep_every_digit_of_the_hinge_and_a_finite_gradient() {
    let device = Device::flex().autodiff();
    let logits = Tensor::<3>::from_floats([[[5e4, -5e4, 0.0], [0.0, 5e4, -5e4]]], &device);
    let logits = logits.require_grad();
    let loss = GraphMaxMarginLossConfig::new().with_pad(-1).init().unwrap();
    let parts = loss.parts(logits.clone(), ids(&[&[1, 1]]), ids(&[&[0, 2]]));
    assert_eq!(floats(&parts.margin), [f64::midpoint(1.0, 1e5)]); // the second cell is right by 1e5
    let gradient = floats(&logits.grad(&parts.loss.backward()).unwrap());
    assert!(gradient.iter().all(|value| value.is_finite()));
}

#[test]
fn a_graph_against_itself_without_a_margin_teaches_nothing() {
    let logits = f64s(vec![0.3, -0.1, 0.9], [1, 1, 3])
        .autodiff()
        .require_grad();
    let config = GraphMaxMarginLossConfig::new().with_beta(0.0);
    let loss = config.init().unwrap();
    let parts = loss.parts(logits.clone(), ids(&[&[2]]), ids(&[&[2]]));
    assert_eq!(floats(&parts.margin), [0.0]);
    let gradients = parts.margin.backward();
    assert_eq!(floats(&logits.grad(&gradients).unwrap()), [0.0; 3]);
}

#[test]
fn all_padding_costs_nothing_when_masked_and_beta_as_published() {
    let logits = f64s(vec![0.3, -0.1, 0.9], [1, 1, 3]);
    let value = |pad_mode| {
        let loss = GraphMaxMarginLossConfig::new()
            .with_pad_mode(pad_mode)
            .init()
            .unwrap();
        floats(&loss.forward(logits.clone(), ids(&[&[0]]), ids(&[&[0]])))
    };
    assert_eq!(value(PadMode::Masked), [0.0]);
    assert_eq!(value(PadMode::AsPublished), [1.0]);
}

#[test]
fn padding_may_lie_outside_the_vocabulary_and_over_forbidden_tokens() {
    // Token 0 is forbidden by -inf; padding must not look it up.
    let logits = f64s([f64::NEG_INFINITY, 0.0, 0.0].repeat(2), [1, 2, 3]);
    let logits = logits.autodiff().require_grad();
    for pad_mode in [PadMode::AsPublished, PadMode::Masked] {
        let config = GraphMaxMarginLossConfig::new().with_pad(-100);
        let loss = config.with_pad_mode(pad_mode).init().unwrap();
        let (gold, negative) = (ids(&[&[1, -100]]), ids(&[&[-100, 2]]));
        loss.validate(&logits, &gold, &negative).unwrap();
        let parts = loss.parts(logits.clone(), gold, negative);
        let gradients = parts.loss.backward();
        let numbers = [
            floats(&parts.loss),
            floats(&logits.grad(&gradients).unwrap()),
        ]
        .concat();
        assert!(numbers.iter().all(|value| value.is_finite()), "{numbers:?}");
    }
}

#[test]
fn without_negatives_info_nce_is_zero_and_with_zero_rows_it_is_even() {
    let loss = GraphInfoNceLossConfig::new().init().unwrap();
    let row = || f64s(vec![0.6, 0.8], [1, 2]);
    let none = loss.forward_no_reduction(row(), row(), f64s(vec![], [1, 0, 2]));
    assert_eq!(floats(&none), [0.0]);
    let zeros = f64s(vec![0.0; 4], [1, 2, 2]);
    let even = loss.forward_no_reduction(f64s(vec![0.0; 2], [1, 2]), row(), zeros);
    assert!((floats(&even)[0] - 3f64.ln()).abs() < 1e-12);
}

#[test]
fn the_total_adds_a_tenth_of_info_nce_to_the_cross_entropy() {
    let loss = GraphInfoNceLossConfig::new().init().unwrap();
    let row = || f64s(vec![1.0, 1.0], [1, 2]);
    let total = loss.total(
        f64s(vec![2.0], [1]),
        row(),
        row(),
        f64s(vec![1.0; 2], [1, 1, 2]),
    );
    assert!((floats(&total)[0] - (2.0 + 0.1 * 2f64.ln())).abs() < 1e-12);
}

#[test]
fn a_graph_without_tokens_pools_to_zero_whatever_its_states_hold() {
    let hidden = f64s(vec![f64::NAN, 1.0], [1, 2, 1])
        .autodiff()
        .require_grad();
    let mask = Tensor::<2, Bool>::from_data([[false, false]], &Device::flex());
    let pooled = masked_mean_pool(hidden.clone(), mask);
    assert_eq!(floats(&pooled), [0.0]);
    let gradients = pooled.sum().backward();
    assert_eq!(floats(&hidden.grad(&gradients).unwrap()), [0.0, 0.0]);
}

#[test]
fn unlikelihood_is_the_logarithm_of_the_rest_and_finite_where_nothing_rests() {
    let loss = TokenUnlikelihoodLossConfig::new().init().unwrap();
    let logits = vec![0.2, -0.4, 1.1, 1e4, 0.0, -1e4];
    let value = loss.forward_no_reduction(f64s(logits, [2, 1, 3]), ids(&[&[2], &[0]]));
    let wanted = -(1.0 - log_softmax(&[0.2, -0.4, 1.1], 2).exp()).ln();
    let seen = floats(&value);
    assert!((seen[0] - wanted).abs() < 1e-12 && seen[1] == 0.0); // token 0 is the padding
    let certain = loss.forward(
        f64s(vec![0.0, 1e4, -1e4], [1, 1, 3]),
        ids(&[&[1]]),
        Reduction::Sum,
    );
    assert_eq!(floats(&certain), [1e4]);
}

#[test]
fn validation_names_what_is_wrong() {
    let logits = f64s(vec![0.0; 6], [1, 2, 3]);
    let margin = GraphMaxMarginLossConfig::new().init().unwrap();
    let good = ids(&[&[1, 2]]);
    assert!(margin.validate(&logits, &good, &ids(&[&[2]])).is_ok());
    for bad in [ids(&[&[1, 3]]), ids(&[&[1, -1]])] {
        assert!(margin.validate(&logits, &bad, &good).is_err());
        assert!(margin.validate(&logits, &good, &bad).is_err());
    }
    assert!(margin.validate(&logits, &ids(&[&[1]]), &good).is_err());
    assert!(
        margin
            .validate(&logits, &good, &ids(&[&[1], &[1]]))
            .is_err()
    );

    let unlikelihood = TokenUnlikelihoodLossConfig::new().init().unwrap();
    assert!(unlikelihood.validate(&logits, &good).is_ok());
    assert!(unlikelihood.validate(&logits, &ids(&[&[1, 3]])).is_err());
    assert!(
        unlikelihood
            .validate(&f64s(vec![0.0], [1, 1, 1]), &ids(&[&[0]]))
            .is_err()
    );

    let info_nce = GraphInfoNceLossConfig::new().init().unwrap();
    let row = |entry: f64| f64s(vec![1.0, entry], [1, 2]);
    let negatives = |width: usize| f64s(vec![1.0; width], [1, 1, width]);
    assert!(
        info_nce
            .validate(&row(1.0), &row(1.0), &negatives(2))
            .is_ok()
    );
    assert!(
        info_nce
            .validate(&row(f64::NAN), &row(1.0), &negatives(2))
            .is_err()
    );
    assert!(
        info_nce
            .validate(&row(1.0), &row(1.0), &negatives(3))
            .is_err()
    );

    let sequence = SequenceMarginLossConfig::new().init().unwrap();
    let log_probs = |values: &[f64]| f64s(values.to_vec(), [values.len()]);
    assert!(
        sequence
            .validate(&log_probs(&[-1.0]), &log_probs(&[-2.0]))
            .is_ok()
    );
    assert!(
        sequence
            .validate(&log_probs(&[-1.0]), &log_probs(&[-2.0, -3.0]))
            .is_err()
    );
    assert!(
        sequence
            .validate(&log_probs(&[f64::NEG_INFINITY]), &log_probs(&[-2.0]))
            .is_err()
    );
}

#[test]
#[should_panic(expected = "GraphMaxMarginLoss: gold has shape [1, 1], wanted [1, 2]")]
fn a_wrong_shape_panics_in_one_line() {
    let margin = GraphMaxMarginLossConfig::new().init().unwrap();
    let _ = margin.forward(f64s(vec![0.0; 6], [1, 2, 3]), ids(&[&[1]]), ids(&[&[1]]));
}

#[test]
#[should_panic(expected = "GraphInfoNceLoss: positive has shape [1, 3], wanted [1, 2]")]
fn embeddings_of_different_widths_panic_in_one_line() {
    let info_nce = GraphInfoNceLossConfig::new().init().unwrap();
    let _ = info_nce.forward_no_reduction(
        f64s(vec![0.0; 2], [1, 2]),
        f64s(vec![0.0; 3], [1, 3]),
        f64s(vec![0.0; 2], [1, 1, 2]),
    );
}
