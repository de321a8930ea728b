//! Values and shapes that have no answer.

use burn::nn::loss::Reduction;
use burn::tensor::{Device, Int, Tensor};
use candor_core::{DrawKey, InputError};
use candor_losses::sets::{
    AssignmentLoss, ChamferSetLoss, MarkovScorer, OrderScorer, OrderSearchConfig,
    OrderSearchLossConfig, all_orders, ancestral_order, best_markov_order, exact_orders, hungarian,
    sort_metrics,
};

/// Says this of every element.
struct Constant(f64);

impl OrderScorer for Constant {
    fn step_log_probs(&self, _: &[usize], remaining: &[usize]) -> Vec<f64> {
        vec![self.0; remaining.len()]
    }
}

/// Forgets the last element.
struct Short;

impl OrderScorer for Short {
    fn step_log_probs(&self, _: &[usize], remaining: &[usize]) -> Vec<f64> {
        vec![0.0; remaining.len() - 1]
    }
}

fn ints(values: &[i64]) -> Tensor<1, Int> {
    Tensor::from_data(values, &Device::flex())
}

#[test]
fn choices_outside_the_orders_and_infinite_log_probabilities_are_found() {
    let loss = OrderSearchLossConfig::new().init().unwrap();
    let log_probs = Tensor::<2>::zeros([2, 3], &Device::flex());
    assert!(loss.validate(&log_probs, None).is_ok());
    assert!(loss.validate(&log_probs, Some(&ints(&[0, 2]))).is_ok());
    for bad in [[0, 3], [-1, 0]] {
        let error = loss.validate(&log_probs, Some(&ints(&bad))).unwrap_err();
        assert!(matches!(error, InputError::LabelOutOfRange { .. }));
    }
    assert!(loss.validate(&log_probs, Some(&ints(&[0]))).is_err());
    let impossible = Tensor::<2>::from_data([[0.0, f32::NEG_INFINITY]], &Device::flex());
    assert!(loss.validate(&impossible, None).is_err());
}

#[test]
#[should_panic(expected = "OrderSearchLoss: chosen has shape [1], wanted [2]")]
fn one_choice_for_two_rows_is_named() {
    let loss = OrderSearchLossConfig::new().init().unwrap();
    let log_probs = Tensor::<2>::zeros([2, 3], &Device::flex());
    loss.forward(log_probs, Some(ints(&[0])), Reduction::Mean);
}

#[test]
fn sets_that_are_empty_or_too_large_to_enumerate_are_refused() {
    for n in [0, 8] {
        assert!(exact_orders(&Constant(-1.0), n, 7).is_err());
    }
    assert!(exact_orders(&Constant(-1.0), 9, 100).is_err());
    assert!(all_orders(0).is_err() && all_orders(9).is_err());
    assert!(ancestral_order(&Constant(-1.0), &[]).is_err());
    let search = OrderSearchConfig::new().init().unwrap();
    assert!(search.best(&Constant(-1.0), 0, DrawKey::new(0)).is_err());
    let long = MarkovScorer::from_logits(&[0.0], &[0.0], &[0; 17]).unwrap();
    assert!(best_markov_order(&long).is_err());
}

#[test]
fn scorers_that_return_nonsense_are_refused() {
    for bad in [f64::NAN, f64::INFINITY] {
        assert!(exact_orders(&Constant(bad), 2, 7).is_err());
        assert!(ancestral_order(&Constant(bad), &[0.5, 0.5]).is_err());
    }
    assert!(exact_orders(&Short, 2, 7).is_err());
    assert!(ancestral_order(&Short, &[0.5, 0.5]).is_err());
}

#[test]
fn a_set_that_is_impossible_in_every_order_has_no_best_one() {
    let impossible = Constant(f64::NEG_INFINITY);
    let error = exact_orders(&impossible, 2, 7).unwrap_err();
    assert!(matches!(error, InputError::Undefined { .. }));
    assert!(ancestral_order(&impossible, &[0.5, 0.5]).is_err());
}

#[test]
fn uniform_numbers_outside_the_unit_interval_are_refused() {
    for bad in [-0.1, 1.1, f64::NAN] {
        assert!(ancestral_order(&Constant(-1.0), &[0.5, bad]).is_err());
    }
}

#[test]
fn log_probabilities_far_below_zero_stay_finite() {
    let found = exact_orders(&Constant(-1e4), 3, 7).unwrap();
    assert_eq!(found.log_prob, -3e4);
    assert!((found.marginal_nll - (3e4 - 6f64.ln())).abs() < 1e-8);
    let drawn = ancestral_order(&Constant(-1e4), &[0.4, 0.4, 0.4]).unwrap();
    assert!((drawn.log_proposal + 6f64.ln()).abs() < 1e-8);
}

#[test]
fn tokens_outside_the_vocabulary_and_ragged_tables_are_refused() {
    let error = MarkovScorer::from_logits(&[0.0; 2], &[0.0; 4], &[2]).unwrap_err();
    assert!(matches!(error, InputError::LabelOutOfRange { .. }));
    assert!(MarkovScorer::from_logits(&[0.0; 2], &[0.0; 3], &[0]).is_err());
    assert!(MarkovScorer::from_logits(&[0.0; 2], &[0.0; 4], &[]).is_err());
    assert!(MarkovScorer::from_logits(&[0.0, f64::NAN], &[0.0; 4], &[0]).is_err());
}

#[test]
fn costs_that_are_not_finite_or_do_not_fill_their_table_are_refused() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(hungarian(&[0.0, bad], 1, 2).is_err());
    }
    assert!(hungarian(&[], 0, 0).is_err());
    assert!(hungarian(&[1.0; 5], 2, 3).is_err());
}

#[test]
fn targets_outside_the_vocabulary_and_logits_that_are_not_finite_are_found() {
    let logits = Tensor::<3>::zeros([1, 2, 3], &Device::flex());
    let bad = ints(&[0, 3]).reshape([1, 2]);
    assert!(AssignmentLoss.validate(&logits, &bad).is_err());
    assert!(AssignmentLoss.assign(&logits, &bad).is_err());
    assert!(ChamferSetLoss.validate(&logits, &bad).is_err());
    let good = ints(&[0, 2]).reshape([1, 2]);
    assert!(AssignmentLoss.validate(&logits, &good).is_ok());
    let nan = logits * f32::NAN;
    assert!(AssignmentLoss.assign(&nan, &good).is_err());
    assert!(ChamferSetLoss.validate(&nan, &good).is_err());
}

#[test]
#[should_panic(expected = "ChamferSetLoss: targets has shape [1, 3], wanted [1, 2]")]
fn more_targets_than_slots_are_named() {
    let logits = Tensor::<3>::zeros([1, 2, 3], &Device::flex());
    ChamferSetLoss.forward(logits, ints(&[0, 1, 2]).reshape([1, 3]), Reduction::Mean);
}

#[test]
fn sorting_refuses_what_it_cannot_compare() {
    assert!(sort_metrics(&[], 3, &[]).is_err());
    assert!(sort_metrics(&[1.0; 4], 3, &[0; 4]).is_err());
    assert!(sort_metrics(&[1.0; 3], 3, &[0; 2]).is_err());
    assert!(sort_metrics(&[1.0; 3], 3, &[0, 1, 3]).is_err());
    assert!(sort_metrics(&[1.0, f64::NAN], 2, &[0, 1]).is_err());
    assert!(sort_metrics(&[1.0], 0, &[0]).is_err());
}
