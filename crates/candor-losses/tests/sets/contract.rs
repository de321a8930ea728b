//! Every objective through the promises that all of them make.

use burn::nn::loss::Reduction;
use burn::tensor::{DType, Device, Int, Tensor};
use candor_core::host::floats;
use candor_core::reduce;
use candor_losses::sets::{
    AssignmentLoss, ChamferSetLoss, MarkovScorer, OrderObjective, OrderSearch, OrderSearchConfig,
    OrderSearchLoss, OrderSearchLossConfig,
};
use candor_testkit::contract::{Objective, check_config, check_refused, check_send_sync};

fn of(objective: OrderObjective) -> OrderSearchLoss {
    OrderSearchLossConfig::new()
        .with_objective(objective)
        .init()
        .unwrap()
}

/// Row i chooses order i modulo the orders.
fn chosen(rows: &[usize], orders: usize, like: &Tensor<2>) -> Tensor<1, Int> {
    let chosen: Vec<i64> = rows.iter().map(|row| (row % orders) as i64).collect();
    Tensor::from_data(chosen.as_slice(), &like.device())
}

/// Three slots over four tokens; the targets of row i start at token i.
fn slots(logits: &Tensor<2>, rows: &[usize]) -> (Tensor<3>, Tensor<2, Int>) {
    let targets: Vec<i64> = rows
        .iter()
        .flat_map(|row| (0..3).map(move |slot| ((row + slot) % 4) as i64))
        .collect();
    let targets = Tensor::<1, Int>::from_data(targets.as_slice(), &logits.device());
    (
        logits.clone().reshape([rows.len(), 3, 4]),
        targets.reshape([rows.len(), 3]),
    )
}

#[test]
fn order_search_keeps_the_contract_for_every_objective_with_a_true_gradient() {
    for objective in [
        OrderObjective::Best,
        OrderObjective::Uniform,
        OrderObjective::Sampled,
        OrderObjective::Marginal,
    ] {
        let loss = of(objective);
        Objective::new("OrderSearchLoss", 6, |log_probs, rows| {
            let chosen = chosen(rows, 6, &log_probs);
            loss.forward_no_reduction(log_probs, Some(chosen))
        })
        .reduced(|log_probs, rows, reduction| {
            let chosen = chosen(rows, 6, &log_probs);
            loss.forward(log_probs, Some(chosen), reduction)
        })
        .check();
    }
}

/// The contract compares gradients with differences of values; `Expected` holds its weights constant.
#[test]
fn the_expected_objective_has_the_gradient_of_the_marginal_one_and_keeps_the_rest() {
    let options = (&Device::flex().autodiff(), DType::F64);
    let rows = [[-3.0, -1.0, -2.5], [-1e4, -5.0, -5.0]];
    let gradient = |objective| {
        let log_probs = Tensor::<2>::from_data(rows, options).require_grad();
        let losses = of(objective).forward_no_reduction(log_probs.clone(), None);
        let gradients = losses.sum().backward();
        floats(&log_probs.grad(&gradients).unwrap())
    };
    let (expected, marginal) = (
        gradient(OrderObjective::Expected),
        gradient(OrderObjective::Marginal),
    );
    for (a, b) in expected.iter().zip(&marginal) {
        assert!((a - b).abs() < 1e-12 && a.is_finite(), "{a} and {b}");
    }
    let log_probs = Tensor::<2>::from_data(rows, (&Device::flex(), DType::F16));
    let losses = of(OrderObjective::Expected).forward_no_reduction(log_probs.clone(), None);
    assert_eq!((losses.dims(), losses.dtype()), ([2], DType::F16));
    let sum = of(OrderObjective::Expected).forward(log_probs, None, Reduction::Sum);
    assert_eq!(floats(&sum), floats(&reduce(losses, &Reduction::Sum)));
}

#[test]
fn the_assignment_loss_keeps_the_contract() {
    Objective::new("AssignmentLoss", 12, |logits, rows| {
        let (logits, targets) = slots(&logits, rows);
        let matching = AssignmentLoss.assign(&logits, &targets).unwrap();
        AssignmentLoss.forward_no_reduction(logits, targets, matching)
    })
    .reduced(|logits, rows, reduction| {
        let (logits, targets) = slots(&logits, rows);
        let matching = AssignmentLoss.assign(&logits, &targets).unwrap();
        AssignmentLoss.forward(logits, targets, matching, reduction)
    })
    .check();
}

#[test]
fn the_chamfer_loss_keeps_the_contract() {
    Objective::new("ChamferSetLoss", 12, |logits, rows| {
        let (logits, targets) = slots(&logits, rows);
        ChamferSetLoss.forward_no_reduction(logits, targets)
    })
    .reduced(|logits, rows, reduction| {
        let (logits, targets) = slots(&logits, rows);
        ChamferSetLoss.forward(logits, targets, reduction)
    })
    .check();
}

#[test]
fn configurations_survive_json_and_types_cross_threads() {
    let config = OrderSearchLossConfig::new().with_objective(OrderObjective::Marginal);
    check_config(&config, OrderSearchLossConfig::init);
    check_config(&OrderSearchConfig::new(), OrderSearchConfig::init);
    check_send_sync::<(OrderSearchLoss, OrderSearch, MarkovScorer)>();
    check_send_sync::<(AssignmentLoss, ChamferSetLoss)>();
}

#[test]
fn illegal_settings_are_refused_by_name() {
    for bad in [0, 9] {
        let config = OrderSearchConfig::new().with_max_exact(bad);
        check_refused(config.init(), "max_exact");
    }
    check_refused(OrderSearchConfig::new().with_samples(0).init(), "samples");
}
