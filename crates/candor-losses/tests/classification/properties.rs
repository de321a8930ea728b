//! Invariants of the formulas, bad input, and what an attack does.

use burn::nn::loss::Reduction;
use burn::tensor::{DType, Device, Int, Tensor};
use candor_core::DrawKey;
use candor_core::host::floats;
use candor_losses::classification::consistency::{
    CompSumBounds, conditional_infimum, minimizability_gap, phi, zero_one_gap,
};
use candor_losses::classification::{
    AnyLossConfig, CompSumLossConfig, ConfusionMetric, GeneralizedCrossEntropyConfig,
    PerturbationNorm, PgdAttackConfig, RhoMarginCompSumConfig, SmoothAdversarialCompSumConfig,
    TradesConfig,
};
use proptest::prelude::*;

fn logits(values: &[f64], width: usize) -> Tensor<2> {
    let options = (&Device::flex(), DType::F64);
    Tensor::<1>::from_data(values, options).reshape([values.len() / width, width])
}

fn labels(values: &[i64]) -> Tensor<1, Int> {
    Tensor::from_data(values, &Device::flex())
}

proptest! {
    #[test]
    fn comp_sum_shrinks_as_tau_grows(scores in prop::collection::vec(-5.0..5.0f64, 4), label in 0..4i64) {
        let loss = |tau: f64| {
            let loss = CompSumLossConfig::new().with_tau(tau).init().unwrap();
            floats(&loss.forward_no_reduction(logits(&scores, 4), labels(&[label])))[0]
        };
        let family: Vec<f64> = [0.0, 0.5, 1.0, 1.5, 2.0, 4.0].map(loss).to_vec();
        prop_assert!(family.windows(2).all(|pair| pair[0] >= pair[1] - 1e-12 && pair[1] >= 0.0));
    }

    #[test]
    fn comp_sum_sees_only_differences(scores in prop::collection::vec(-5.0..5.0f64, 3), shift in -50.0..50.0f64) {
        let loss = CompSumLossConfig::new().with_tau(0.5).init().unwrap();
        let shifted: Vec<f64> = scores.iter().map(|score| score + shift).collect();
        let [a, b] = [scores, shifted].map(|scores| {
            floats(&loss.forward_no_reduction(logits(&scores, 3), labels(&[1])))[0]
        });
        prop_assert!((a - b).abs() < 1e-9 * (1.0 + a));
    }

    #[test]
    fn the_smooth_adversarial_loss_bounds_the_rho_margin_of_the_attack(
        clean in prop::collection::vec(-3.0..3.0f64, 4),
        attacked in prop::collection::vec(-3.0..3.0f64, 4),
        tau in 0.0..3.0f64,
        rho in 0.3..3.0f64,
    ) {
        // ν = √(k-1)/ρ makes it an upper bound.
        let nu = 3f64.sqrt() / rho;
        let smooth = SmoothAdversarialCompSumConfig::new().with_tau(tau).with_rho(rho).with_nu(nu);
        let margin = RhoMarginCompSumConfig::new().with_tau(tau).with_rho(rho).init().unwrap();
        let (clean, attacked) = (logits(&clean, 4), logits(&attacked, 4));
        let lower = margin.forward_no_reduction(attacked.clone(), labels(&[2]));
        let upper = smooth.init().unwrap().forward_no_reduction(clean, attacked, labels(&[2]));
        prop_assert!(floats(&lower)[0] <= floats(&upper)[0] + 1e-5);
    }

    #[test]
    fn gamma_inverts_t_and_stays_below_gamma_tilde(tau in 0.0..3.0f64, classes in 2..20usize, beta in 0.01..1.0f64) {
        let bounds = CompSumBounds::new(tau, classes).unwrap();
        let t = bounds.t_transform(beta).unwrap();
        prop_assert!((bounds.gamma(t).unwrap() - beta).abs() < 1e-6);
        prop_assert!(bounds.gamma_tilde(t).unwrap() >= beta - 1e-6);
    }

    #[test]
    fn no_scores_reach_below_the_conditional_infimum(
        weights in prop::collection::vec(0.05..1.0f64, 3),
        scores in prop::collection::vec(-4.0..4.0f64, 3),
        tau in 0.0..3.0f64,
    ) {
        let total: f64 = weights.iter().sum();
        let p: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
        let loss = CompSumLossConfig::new().with_tau(tau).init().unwrap();
        let repeated = scores.repeat(3);
        let losses = floats(&loss.forward_no_reduction(logits(&repeated, 3), labels(&[0, 1, 2])));
        let risk: f64 = p.iter().zip(losses).map(|(p, loss)| p * loss).sum();
        prop_assert!(risk >= conditional_infimum(&p, tau).unwrap() - 1e-9);
    }

    #[test]
    fn any_loss_stays_within_its_range(
        p in prop::collection::vec(0.0..=1.0f64, 6),
        y in prop::collection::vec(0..2i64, 6),
        sharpness in 0.5..100.0f64,
    ) {
        let p = Tensor::<1>::from_data(p.as_slice(), (&Device::flex(), DType::F64));
        for (metric, top) in [(ConfusionMetric::F1, 1.0), (ConfusionMetric::GMean, 1.0), (ConfusionMetric::Mcc, 2.0)] {
            let config = AnyLossConfig::new().with_metric(metric).with_sharpness(sharpness);
            let loss = config.init().unwrap().forward(p.clone(), labels(&y));
            let loss = floats(&loss)[0];
            prop_assert!((-1e-9..=top + 1e-9).contains(&loss), "{:?}: {}", metric, loss);
        }
    }

    #[test]
    fn an_attack_stays_in_its_ball_and_range(
        start in prop::collection::vec(0.0..=1.0f64, 6),
        slope in prop::collection::vec(-1.0..1.0f64, 6),
        l2: bool,
    ) {
        let norm = if l2 { PerturbationNorm::L2 } else { PerturbationNorm::LInf };
        let config = PgdAttackConfig::new().with_norm(norm).with_radius(0.2).with_step_size(0.15);
        let attack = config.init().unwrap();
        let (inputs, slope) = (logits(&start, 3), logits(&slope, 3));
        let noisy = attack.random_start(&inputs, DrawKey::new(1));
        let moved = attack.run(inputs.clone(), noisy, |x| (x * slope.clone()).sum_dim(1).squeeze_dim(1));
        for (row, (moved, start)) in floats(&moved).chunks(3).zip(start.chunks(3)).enumerate() {
            let change: Vec<f64> = moved.iter().zip(start).map(|(a, b)| a - b).collect();
            let size = if l2 {
                change.iter().map(|c| c * c).sum::<f64>().sqrt()
            } else {
                change.iter().fold(0.0, |most, c| c.abs().max(most))
            };
            prop_assert!(size <= 0.2 + 1e-9, "row {} moved {}", row, size);
            prop_assert!(moved.iter().all(|x| (0.0..=1.0).contains(x)));
        }
    }
}

#[test]
fn generalised_cross_entropy_is_a_member_of_the_comp_sum_family() {
    let scores = [0.3, -1.0, 2.0, 0.1, 0.2, -0.4];
    let gce = GeneralizedCrossEntropyConfig::new()
        .with_q(0.7)
        .init()
        .unwrap();
    let comp_sum = CompSumLossConfig::new().with_tau(1.7).init().unwrap();
    let [a, b] = [
        gce.forward(logits(&scores, 3), labels(&[0, 2]), Reduction::Sum),
        comp_sum.forward(logits(&scores, 3), labels(&[0, 2]), Reduction::Sum),
    ];
    assert_eq!(floats(&a), floats(&b));
}

#[test]
fn a_truncated_example_costs_a_constant_and_teaches_nothing() {
    let config = GeneralizedCrossEntropyConfig::new()
        .with_q(0.5)
        .with_truncation(Some(0.5));
    let scores = logits(&[0.0, 5.0], 2).autodiff().require_grad();
    let loss = config
        .init()
        .unwrap()
        .forward_no_reduction(scores.clone(), labels(&[0]));
    assert!((floats(&loss)[0] - (1.0 - 0.5f64.sqrt()) / 0.5).abs() < 1e-12);
    assert_eq!(floats(&scores.grad(&loss.backward()).unwrap()), [0.0, 0.0]);
}

#[test]
fn the_g_mean_gradient_is_the_exact_one() {
    // dloss/dp = -(1/2g) s [y TN - (1-y) TP] / (P N), s = L a (1-a); the authors' code is four times that.
    let p = Tensor::<1>::from_data([0.52, 0.47, 0.55], (&Device::flex().autodiff(), DType::F64))
        .require_grad();
    let config = AnyLossConfig::new()
        .with_metric(ConfusionMetric::GMean)
        .with_sharpness(10.0);
    let loss = config
        .init()
        .unwrap()
        .forward(p.clone(), labels(&[1, 0, 0]));
    let gradient = floats(&p.grad(&loss.backward()).unwrap());
    let a: Vec<f64> = [0.52f64, 0.47, 0.55]
        .iter()
        .map(|p| 1.0 / (1.0 + (-10.0 * (p - 0.5)).exp()))
        .collect();
    let (hits, rejections) = (a[0], 2.0 - a[1] - a[2]);
    let g = (hits * rejections / 2.0).sqrt();
    for (index, y) in [1.0, 0.0, 0.0].into_iter().enumerate() {
        let slope = 10.0 * a[index] * (1.0 - a[index]);
        let wanted = -slope * (y * rejections - (1.0 - y) * hits) / (2.0 * g * 2.0);
        assert!((gradient[index] - wanted).abs() < 1e-9, "{gradient:?}");
    }
}

#[test]
fn precision_of_a_batch_that_is_confidently_negative_is_still_a_ratio() {
    // A(0) = 2e-22 at L = 100: TP/S is 1/2, whose gradient divides by S², below the range of f32.
    let p = Tensor::<1>::from_floats([0.0, 0.0], &Device::flex().autodiff()).require_grad();
    let config = AnyLossConfig::new()
        .with_metric(ConfusionMetric::Precision)
        .with_sharpness(100.0);
    let loss = config.init().unwrap().forward(p.clone(), labels(&[1, 0]));
    assert!((floats(&loss)[0] - 0.5).abs() < 1e-6);
    let gradient = floats(&p.grad(&loss.backward()).unwrap()); // -L/4 and L/4
    assert!(
        (gradient[0] + 25.0).abs() < 1e-3 && (gradient[1] - 25.0).abs() < 1e-3,
        "{gradient:?}"
    );
}

#[test]
fn a_metric_of_your_own_is_any_closure() {
    let p = Tensor::<1>::from_floats([0.9, 0.1], &Device::flex());
    let loss = AnyLossConfig::new().init().unwrap();
    let threat = loss.forward_with(p.clone(), labels(&[1, 0]), |confusion| {
        let found = confusion.true_positives.clone();
        let cost = confusion.false_negatives.clone() + confusion.false_positives.clone();
        found.clone() / (found + cost)
    });
    let jaccard = AnyLossConfig::new()
        .with_metric(ConfusionMetric::Jaccard)
        .init()
        .unwrap();
    assert_eq!(
        floats(&threat),
        floats(&jaccard.forward(p, labels(&[1, 0])))
    );
}

#[test]
fn an_attack_from_the_input_itself_stays_there_and_one_from_noise_leaves() {
    let loss = SmoothAdversarialCompSumConfig::new().init().unwrap();
    let inputs = logits(&[0.5, 0.4], 2);
    let attack = PgdAttackConfig::new().init().unwrap();
    let objective = |x: Tensor<2>| loss.attack_objective(inputs.clone(), x, labels(&[0]));
    let still = attack.run(inputs.clone(), inputs.clone(), objective);
    assert_eq!(floats(&still), [0.5, 0.4]);
    let start = attack.random_start(&inputs, DrawKey::new(5));
    let moved = attack.run(inputs.clone(), start, objective);
    assert!(floats(&objective(moved))[0] > 1e-4);
}

#[test]
fn a_random_start_belongs_to_its_row_and_not_to_its_batch() {
    let attack = PgdAttackConfig::new().init().unwrap();
    let both = floats(&attack.random_start(&logits(&[0.5; 6], 3), DrawKey::new(3)));
    let second = floats(&attack.random_start(&logits(&[0.5; 3], 3), DrawKey::new(3).row(1)));
    assert_eq!(both[3..], second[..]);
}

#[test]
fn trades_attack_objective_is_zero_at_the_clean_logits() {
    let loss = TradesConfig::new().init().unwrap();
    let clean = logits(&[1.0, -2.0, 0.5], 3);
    assert_eq!(floats(&loss.attack_objective(clean.clone(), clean)), [0.0]);
}

#[test]
fn validation_names_what_is_wrong() {
    let any_loss = AnyLossConfig::new().init().unwrap();
    let p = |values: &[f64]| Tensor::<1>::from_data(values, (&Device::flex(), DType::F64));
    assert!(
        any_loss
            .validate(&p(&[0.0, 1.0 + 1e-7]), &labels(&[0, 1]))
            .is_ok()
    );
    assert!(
        any_loss
            .validate(&p(&[0.2, 1.1]), &labels(&[0, 1]))
            .is_err()
    );
    assert!(any_loss.validate(&p(&[f64::NAN]), &labels(&[0])).is_err());
    assert!(any_loss.validate(&p(&[0.2]), &labels(&[2])).is_err());
    assert!(any_loss.validate(&p(&[0.2]), &labels(&[0, 1])).is_err());
    assert!(any_loss.validate(&p(&[]), &labels(&[])).is_err());
    let comp_sum = CompSumLossConfig::new().init().unwrap();
    assert!(
        comp_sum
            .validate(&logits(&[0.0, 0.0], 2), &labels(&[1]))
            .is_ok()
    );
    assert!(
        comp_sum
            .validate(&logits(&[0.0, 0.0], 2), &labels(&[2]))
            .is_err()
    );
    assert!(
        comp_sum
            .validate(&logits(&[0.0, 0.0], 2), &labels(&[-1]))
            .is_err()
    );
    assert!(
        comp_sum
            .validate(&logits(&[0.0], 1), &labels(&[0]))
            .is_err()
    );
    assert!(minimizability_gap(0.5, &[], 1.0).is_err());
    assert!(minimizability_gap(f64::NAN, &[vec![1.0]], 1.0).is_err());
    assert!(zero_one_gap(0.2, &[vec![0.5, 0.6]]).is_err());
    assert!(conditional_infimum(&[-0.1, 1.1], 1.0).is_err());
    assert!(phi(-1.0, 1.0).is_err() && phi(1.0, -1.0).is_err());
}

#[test]
#[should_panic(expected = "CompSumLoss: labels has shape [3], wanted [1]")]
fn a_wrong_shape_panics_in_one_line() {
    let comp_sum = CompSumLossConfig::new().init().unwrap();
    comp_sum.forward(logits(&[0.0, 0.0], 2), labels(&[0, 1, 1]), Reduction::Mean);
}
