//! Invariants of the formulas: order among objectives, permutations, optimality.

use burn::nn::loss::Reduction;
use burn::tensor::{DType, Device, Int, Tensor};
use candor_core::DrawKey;
use candor_core::host::{floats, ints};
use candor_losses::sets::{
    AssignmentLoss, ChamferSetLoss, MarkovScorer, OrderObjective, OrderScorer, OrderSearchConfig,
    OrderSearchLossConfig, all_orders, ancestral_order, best_markov_order, exact_orders, hungarian,
    sort_metrics,
};
use proptest::prelude::*;

fn matrix(values: &[f64], width: usize) -> Tensor<2> {
    let options = (&Device::flex(), DType::F64);
    Tensor::<1>::from_data(values, options).reshape([values.len() / width, width])
}

fn order_loss(objective: OrderObjective, log_probs: &[f64], chosen: Option<i64>) -> f64 {
    let loss = OrderSearchLossConfig::new()
        .with_objective(objective)
        .init()
        .unwrap();
    let chosen = chosen.map(|chosen| Tensor::<1, Int>::from_data([chosen], &Device::flex()));
    let log_probs = matrix(log_probs, log_probs.len());
    floats(&loss.forward(log_probs, chosen, Reduction::Mean))[0]
}

/// What a permutation does: element `i` of the result is element `order[i]` of the input.
fn permuted<T: Copy>(values: &[T], order: &[usize]) -> Vec<T> {
    order.iter().map(|&index| values[index]).collect()
}

fn log_prob_of(scorer: &impl OrderScorer, order: &[usize]) -> f64 {
    (0..order.len())
        .map(|step| scorer.step_log_probs(&order[..step], &order[step..])[0])
        .sum()
}

/// A scorer whose steps depend on the whole prefix.
struct Remembering<'a>(&'a [f64]);

impl OrderScorer for Remembering<'_> {
    fn step_log_probs(&self, prefix: &[usize], remaining: &[usize]) -> Vec<f64> {
        let past: f64 = prefix
            .iter()
            .enumerate()
            .map(|(place, &element)| self.0[element] * (place + 1) as f64)
            .sum();
        let score = |&element: &usize| -(1.0 + (past * self.0[element]).sin()).abs() - 0.1;
        remaining.iter().map(score).collect()
    }
}

proptest! {
    #[test]
    fn the_objectives_keep_their_order(log_probs in prop::collection::vec(-30.0..0.0f64, 1..7)) {
        let loss = |objective| order_loss(objective, &log_probs, None);
        let ranked = [
            OrderObjective::Marginal,
            OrderObjective::Best,
            OrderObjective::Expected,
            OrderObjective::Uniform,
        ].map(loss);
        prop_assert!(ranked.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12), "{:?}", ranked);
        // Without a draw a sampled loss is its mean.
        prop_assert_eq!(loss(OrderObjective::Sampled), ranked[2]);
    }

    #[test]
    fn permuted_candidates_change_no_objective(
        log_probs in prop::collection::vec(-30.0..0.0f64, 5),
        order in Just((0..5).collect::<Vec<usize>>()).prop_shuffle(),
        chosen in 0..5usize,
    ) {
        let shuffled = permuted(&log_probs, &order);
        let place = order.iter().position(|&index| index == chosen).unwrap();
        for objective in [OrderObjective::Best, OrderObjective::Uniform, OrderObjective::Sampled,
            OrderObjective::Expected, OrderObjective::Marginal] {
            let straight = order_loss(objective, &log_probs, Some(chosen as i64));
            let moved = order_loss(objective, &shuffled, Some(place as i64));
            prop_assert!((straight - moved).abs() < 1e-9);
        }
    }

    #[test]
    fn a_permuted_set_has_the_permuted_best_order(
        weights in prop::collection::vec(0.1..3.0f64, 4),
        order in Just((0..4).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let (straight, shuffled) = (weights.clone(), permuted(&weights, &order));
        let [a, b] = [&straight, &shuffled].map(|weights| exact_orders(&Remembering(weights), 4, 7).unwrap());
        prop_assert!((a.log_prob - b.log_prob).abs() < 1e-12);
        prop_assert!((a.marginal_nll - b.marginal_nll).abs() < 1e-12);
        prop_assert!((a.uniform_nll - b.uniform_nll).abs() < 1e-12);
        prop_assert_eq!(permuted(&straight, &a.order), permuted(&shuffled, &b.order));
    }

    #[test]
    fn exact_search_agrees_with_every_order_alone(weights in prop::collection::vec(0.1..3.0f64, 1..6)) {
        let scorer = Remembering(&weights);
        let found = exact_orders(&scorer, weights.len(), 7).unwrap();
        let log_probs: Vec<f64> = all_orders(weights.len()).unwrap().iter().map(|order| log_prob_of(&scorer, order)).collect();
        let best = log_probs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        prop_assert!((found.log_prob - best).abs() < 1e-12);
        prop_assert!((log_prob_of(&scorer, &found.order) - best).abs() < 1e-12);
        let sum: f64 = log_probs.iter().map(|log_prob| log_prob.exp()).sum();
        prop_assert!((found.marginal_nll + sum.ln()).abs() < 1e-9);
    }

    #[test]
    fn held_and_karp_find_what_all_orders_hold(
        logits in prop::collection::vec(-3.0..3.0f64, 12),
        tokens in prop::collection::vec(0..3usize, 1..7),
    ) {
        let scorer = MarkovScorer::from_logits(&logits[..3], &logits[3..], &tokens).unwrap();
        let exact = exact_orders(&scorer, tokens.len(), 7).unwrap();
        let found = best_markov_order(&scorer).unwrap();
        prop_assert!((found.log_prob - exact.log_prob).abs() < 1e-9);
        prop_assert!((log_prob_of(&scorer, &found.order) - exact.log_prob).abs() < 1e-9);
    }

    #[test]
    fn an_ancestral_order_is_a_permutation_no_better_than_the_best(
        weights in prop::collection::vec(0.1..3.0f64, 5),
        uniforms in prop::collection::vec(0.0..1.0f64, 5),
    ) {
        let scorer = Remembering(&weights);
        let drawn = ancestral_order(&scorer, &uniforms).unwrap();
        let mut sorted = drawn.order.clone();
        sorted.sort_unstable();
        prop_assert_eq!(sorted, (0..5).collect::<Vec<_>>());
        prop_assert!((log_prob_of(&scorer, &drawn.order) - drawn.log_prob).abs() < 1e-12);
        prop_assert!(drawn.log_prob <= exact_orders(&scorer, 5, 7).unwrap().log_prob + 1e-12);
    }

    #[test]
    fn no_permutation_is_cheaper_than_the_hungarian_one(cost in prop::collection::vec(-1e4..1e4f64, 16)) {
        let found = hungarian(&cost, 4, 4).unwrap();
        let price = |order: &[usize]| -> f64 { order.iter().enumerate().map(|(row, column)| cost[row * 4 + column]).sum() };
        let cheapest = all_orders(4).unwrap().iter().map(|order| price(order)).fold(f64::INFINITY, f64::min);
        prop_assert!((found.total - cheapest).abs() < 1e-8);
        let columns: Vec<usize> = found.columns.iter().map(|column| column.unwrap()).collect();
        prop_assert!((price(&columns) - found.total).abs() < 1e-8);
    }

    #[test]
    fn a_transposed_problem_costs_the_same(cost in prop::collection::vec(-5.0..5.0f64, 15)) {
        let transposed: Vec<f64> = (0..3).flat_map(|column| (0..5).map(move |row| row * 3 + column)).map(|index| cost[index]).collect();
        let (tall, wide) = (hungarian(&cost, 5, 3).unwrap(), hungarian(&transposed, 3, 5).unwrap());
        prop_assert!((tall.total - wide.total).abs() < 1e-9);
        prop_assert_eq!(tall.columns.iter().filter(|column| column.is_some()).count(), 3);
        for (row, column) in tall.columns.iter().enumerate() {
            if let Some(column) = column {
                prop_assert_eq!(wide.columns[*column], Some(row));
            }
        }
    }

    #[test]
    fn permuted_slots_and_targets_change_no_set_loss(
        logits in prop::collection::vec(-4.0..4.0f64, 12),
        targets in prop::collection::vec(0..4i64, 3),
        slot_order in Just((0..3).collect::<Vec<usize>>()).prop_shuffle(),
        target_order in Just((0..3).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let losses = |logits: &[f64], targets: &[i64]| {
            let logits = matrix(logits, 4).unsqueeze::<3>();
            let targets = Tensor::<1, Int>::from_data(targets, &Device::flex()).unsqueeze::<2>();
            let matching = AssignmentLoss.assign(&logits, &targets).unwrap();
            let matched = AssignmentLoss.forward_no_reduction(logits.clone(), targets.clone(), matching);
            let near = ChamferSetLoss.forward_no_reduction(logits, targets);
            (floats(&matched)[0], floats(&near)[0])
        };
        let slots: Vec<&[f64]> = logits.chunks(4).collect();
        let straight = losses(&logits, &targets);
        let moved = losses(&permuted(&slots, &slot_order).concat(), &permuted(&targets, &target_order));
        prop_assert!((straight.0 - moved.0).abs() < 1e-9 && (straight.1 - moved.1).abs() < 1e-9);
        // Every pair of the matching is one the Chamfer loss could have taken, twice.
        prop_assert!(straight.1 <= 2.0 * straight.0 + 1e-9);
    }

    #[test]
    fn sorting_is_exact_of_its_own_answer(values in prop::collection::vec(-1.0..1.0f64, 6)) {
        let target = sort_metrics(&values, 3, &[0; 6]).unwrap().target;
        let answer: Vec<i64> = target.iter().map(|&index| index as i64).collect();
        let metrics = sort_metrics(&values, 3, &answer).unwrap();
        prop_assert_eq!((metrics.exact, metrics.elementwise), (1.0, 1.0));
    }
}

#[test]
fn a_draw_counts_the_cumulative_probabilities_that_it_passes() {
    let loss = OrderSearchLossConfig::new().init().unwrap();
    let quarters = matrix(&[0.0; 16], 4);
    let uniforms = Tensor::<1>::from_data([0.0, 0.24, 0.5, 1.0], (&Device::flex(), DType::F64));
    assert_eq!(ints(&loss.draw(quarters, uniforms)), [0, 0, 2, 3]);
}

#[test]
fn draws_by_key_have_the_probabilities_and_depend_on_the_row_alone() {
    let loss = OrderSearchLossConfig::new().init().unwrap();
    let rows = 4000;
    let log_probs = matrix(&[0.8f64.ln(), 0.2f64.ln()].repeat(rows), 2);
    let drawn = ints(&loss.draw_keyed(log_probs.clone(), DrawKey::new(3)));
    let second = drawn.iter().sum::<i64>() as f64 / rows as f64;
    assert!((second - 0.2).abs() < 0.025, "{second}");
    let tail = log_probs.slice_dim(0, 100..200);
    assert_eq!(
        ints(&loss.draw_keyed(tail, DrawKey::new(3).row(100))),
        drawn[100..200]
    );
}

#[test]
fn ancestral_orders_come_as_often_as_their_proposal_says() {
    // Two elements, the first drawn with weights 3/4 and 1/4.
    let scorer = MarkovScorer::from_logits(&[3f64.ln(), 0.0, 5.0], &[0.0; 9], &[0, 1]).unwrap();
    let search = OrderSearchConfig::new().with_samples(4000).init().unwrap();
    let drawn = search.sample(&scorer, 2, DrawKey::new(1)).unwrap();
    let first = drawn.iter().filter(|drawn| drawn.order[0] == 0).count() as f64 / 4000.0;
    assert!((first - 0.75).abs() < 0.025, "{first}");
    let of_first = drawn.iter().find(|drawn| drawn.order[0] == 0).unwrap();
    assert!((of_first.log_proposal - 0.75f64.ln()).abs() < 1e-12);
    assert!(of_first.log_prob < of_first.log_proposal);
}

#[test]
fn a_large_set_is_searched_by_samples_that_more_of_only_improve() {
    let weights: Vec<f64> = (0..12)
        .map(|element| 0.3 + f64::from(element) * 0.17)
        .collect();
    let scorer = Remembering(&weights);
    let best = |samples| {
        let search = OrderSearchConfig::new()
            .with_samples(samples)
            .init()
            .unwrap();
        search.best(&scorer, 12, DrawKey::new(5)).unwrap()
    };
    let (one, many) = (best(1), best(50));
    assert!(many.log_prob >= one.log_prob);
    assert!((log_prob_of(&scorer, &many.order) - many.log_prob).abs() < 1e-9);
}

#[test]
fn one_element_has_one_order_and_all_losses_are_its_own() {
    for objective in [
        OrderObjective::Best,
        OrderObjective::Uniform,
        OrderObjective::Sampled,
        OrderObjective::Expected,
        OrderObjective::Marginal,
    ] {
        assert_eq!(order_loss(objective, &[-7.0], Some(0)), 7.0);
    }
    assert_eq!(all_orders(1).unwrap(), [[0]]);
}

#[test]
fn of_equally_good_orders_the_first_is_best_and_gets_the_gradient() {
    let log_probs =
        Tensor::<2>::from_data([[-3.0, -1.0, -1.0]], &Device::flex().autodiff()).require_grad();
    let loss = OrderSearchLossConfig::new()
        .with_objective(OrderObjective::Best)
        .init()
        .unwrap();
    let value = loss.forward(log_probs.clone(), None, Reduction::Mean);
    let gradient = log_probs.grad(&value.backward()).unwrap();
    assert_eq!(floats(&gradient), [0.0, -1.0, 0.0]);
}

#[test]
fn equal_targets_are_matched_each_with_a_slot_of_its_own() {
    let logits = Tensor::<3>::from_data([[[5.0, 0.0], [4.0, 0.0], [0.0, 6.0]]], &Device::flex());
    let targets = Tensor::<2, Int>::from_data([[1, 0, 0]], &Device::flex());
    let mut matching = ints(&AssignmentLoss.assign(&logits, &targets).unwrap());
    assert_eq!(matching[2], 0);
    matching.sort_unstable();
    assert_eq!(matching, [0, 1, 2]);
}

#[test]
fn equal_costs_are_matched_along_the_diagonal_as_scipy_does() {
    let found = hungarian(&[1.0; 9], 3, 3).unwrap();
    assert_eq!(found.columns, [Some(0), Some(1), Some(2)]);
}
