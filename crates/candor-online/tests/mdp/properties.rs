//! What holds whatever the numbers.

use candor_core::DrawKey;
use candor_online::mdp::{
    ActionTable, AdversarialLearnerConfig, CovarianceSource, DilatedBonusConfig, EmpiricalInverse,
    ExponentialWeightsConfig, LinearMdp, LogBarrierFtrlConfig, MatrixGeometricResamplingConfig,
    Policy, PolicyEvaluation, QEstimator, Visit, best_fixed_policy, dilated, mean_negative_part,
    occupancy,
};
use proptest::prelude::*;

use super::processes::{losses, policy, process, shapes};

fn costs() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-1e4..1e4f64, 1..9)
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter()
        .zip(right)
        .map(|(left, right)| left * right)
        .sum()
}

proptest! {
    #[test]
    fn the_barriers_policy_meets_its_conditions(costs in costs(), eta in 1e-3..10.0f64) {
        let next = LogBarrierFtrlConfig::new(eta).init().unwrap().policy(&costs).unwrap();
        let smallest = costs.iter().copied().fold(f64::INFINITY, f64::min);
        prop_assert!((next.probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        for (probability, cost) in next.probabilities.iter().zip(&costs) {
            let wanted = 1.0 / (eta * (cost - smallest + next.multiplier));
            prop_assert!((probability / wanted - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_shift_of_all_costs_changes_no_policy(costs in costs(), shift in -1e3..1e3f64) {
        let shifted: Vec<f64> = costs.iter().map(|cost| cost + shift).collect();
        let barrier = LogBarrierFtrlConfig::new(0.5).init().unwrap();
        let weights = ExponentialWeightsConfig::new(0.5).init().unwrap();
        let pairs = [
            (barrier.policy(&costs).unwrap().probabilities, barrier.policy(&shifted).unwrap().probabilities),
            (weights.policy(&costs).unwrap(), weights.policy(&shifted).unwrap()),
        ];
        for (before, after) in pairs {
            prop_assert!(before.iter().zip(&after).all(|(before, after)| (before - after).abs() < 1e-9));
        }
    }

    #[test]
    fn dearer_actions_are_never_likelier(costs in costs(), eta in 1e-3..10.0f64) {
        let barrier = LogBarrierFtrlConfig::new(eta).init().unwrap().policy(&costs).unwrap();
        let weights = ExponentialWeightsConfig::new(eta).init().unwrap().policy(&costs).unwrap();
        for probabilities in [barrier.probabilities, weights] {
            for (first, cost) in probabilities.iter().zip(&costs) {
                for (second, other) in probabilities.iter().zip(&costs) {
                    prop_assert!(cost >= other || first >= second);
                }
            }
        }
    }

    #[test]
    fn occupancies_are_distributions_that_price_the_policy(shape in shapes(), seed: u64) {
        let (mdp, policy, losses) = (process(shape, 2, seed), policy(shape, seed), losses(shape, seed));
        let occupancy = occupancy(mdp.dynamics(), &policy).unwrap();
        let value = PolicyEvaluation::of(mdp.dynamics(), &policy, &losses).unwrap().value;
        let mass: f64 = occupancy.values().iter().sum();
        prop_assert!((mass - shape[0] as f64).abs() < 1e-9);
        prop_assert!((dot(occupancy.values(), losses.values()) - value).abs() < 1e-9);
    }

    #[test]
    fn no_policy_beats_the_best_fixed_one(shape in shapes(), seed: u64) {
        let (mdp, policy, losses) = (process(shape, 2, seed), policy(shape, seed), losses(shape, seed));
        let best = best_fixed_policy(mdp.dynamics(), &losses).unwrap();
        let value = PolicyEvaluation::of(mdp.dynamics(), &policy, &losses).unwrap().value;
        prop_assert!(best.value <= value + 1e-12);
    }

    #[test]
    fn both_estimates_have_one_mean_and_the_reduced_one_a_bound(
        shape in shapes(), seed: u64, gamma in 1e-3..1.0f64, share in 0.0..1.0f64,
    ) {
        let (mdp, policy) = (process(shape, 3, seed), policy(shape, seed));
        let occupancy = occupancy(mdp.dynamics(), &policy).unwrap();
        let pairs = shape[1] * shape[2];
        for (layer, inverse) in mdp.inverses(&policy, gamma).unwrap().iter().enumerate() {
            let features = mdp.layer_features(layer);
            let weights = &occupancy.values()[layer * pairs..(layer + 1) * pairs];
            let negative = mean_negative_part(inverse, features, features, weights).unwrap();
            let lowest: Vec<f64> = inverse
                .uncertainties(features)
                .unwrap()
                .iter()
                .map(|uncertainty| -(shape[0] as f64) * uncertainty.sqrt())
                .collect();
            let mut gap = vec![0.0; pairs];
            for (pair, weight) in weights.iter().enumerate() {
                let visit = Visit {
                    feature: &features[pair * 3..(pair + 1) * 3],
                    cumulative_loss: share * shape[0] as f64,
                    horizon: shape[0],
                };
                let estimate = |kind: QEstimator| kind.estimate(inverse, features, &visit, &negative).unwrap();
                let (plain, reduced) = (estimate(QEstimator::Plain), estimate(QEstimator::MagnitudeReduced));
                for (index, gap) in gap.iter_mut().enumerate() {
                    *gap += weight * (plain[index] - reduced[index]);
                    prop_assert!(reduced[index] >= lowest[index] - 1e-9);
                }
            }
            prop_assert!(gap.iter().all(|gap| gap.abs() < 1e-9 / gamma));
        }
    }

    #[test]
    fn a_dilated_bonus_lies_between_the_plain_sum_and_e_times_it(shape in shapes(), seed: u64) {
        let (mdp, policy, bonus) = (process(shape, 2, seed), policy(shape, seed), losses(shape, seed));
        let plain = PolicyEvaluation::of(mdp.dynamics(), &policy, &bonus).unwrap().action_values;
        let dilated = dilated(mdp.dynamics(), &policy, &bonus).unwrap();
        for (dilated, plain) in dilated.values().iter().zip(plain.values()) {
            prop_assert!(*dilated >= plain - 1e-12 && *dilated <= std::f64::consts::E * plain + 1e-12);
        }
    }

    #[test]
    fn a_bonus_is_linear_in_its_scale(shape in shapes(), seed: u64) {
        let (mdp, policy) = (process(shape, 2, seed), policy(shape, seed));
        let inverses = mdp.inverses(&policy, 0.1).unwrap();
        let bonus = |beta| {
            let bonus = DilatedBonusConfig::new().with_beta(beta).init().unwrap();
            bonus.compute(&mdp, &policy, &inverses).unwrap().dilated
        };
        prop_assert!(bonus(0.0).values().iter().all(|&bonus| bonus == 0.0));
        for (once, twice) in bonus(1.0).values().iter().zip(bonus(2.0).values()) {
            prop_assert!(*once >= 0.0 && (2.0 * once - twice).abs() <= 1e-12 * twice);
        }
    }
}

#[test]
fn a_long_series_of_one_feature_is_its_inverse() {
    // A single feature f visited for ever: the series converges to (gamma I + f f^T)^-1.
    let (feature, gamma, visits) = ([0.6, -0.7], 0.2, 400);
    let resampling = MatrixGeometricResamplingConfig::new()
        .with_gamma(gamma)
        .init()
        .unwrap();
    let series = resampling
        .inverse([1, visits, 2], &feature.repeat(visits))
        .unwrap();
    let mut empirical = EmpiricalInverse::new(2).unwrap();
    empirical.add(&feature).unwrap();
    let exact = empirical.inverse(gamma).unwrap();
    for (seen, wanted) in series.values().iter().zip(exact.values()) {
        assert!((seen - wanted).abs() < 1e-9, "{seen} and {wanted}");
    }
}

#[test]
fn simulated_covariances_learn_like_the_exact_ones() {
    let shape = [2, 2, 2];
    let losses = vec![losses(shape, 3); 150];
    let sources = [
        CovarianceSource::Exact,
        CovarianceSource::Resampled {
            batches: 4,
            visits: 60,
            step: 0.5,
        },
        CovarianceSource::Empirical { paths: 64 },
    ];
    let uniform = {
        let policy = Policy::uniform(shape).unwrap();
        let mdp = process(shape, 4, 3);
        let value = PolicyEvaluation::of(mdp.dynamics(), &policy, &losses[0]).unwrap();
        let best = best_fixed_policy(mdp.dynamics(), &losses[0]).unwrap();
        150.0 * (value.value - best.value)
    };
    for source in sources {
        let dynamics = process(shape, 4, 3).dynamics().clone();
        let mut learner = AdversarialLearnerConfig::magnitude_reduced(150)
            .with_gamma(0.1)
            .with_source(source)
            .init(LinearMdp::tabular(dynamics))
            .unwrap();
        let report = learner.run(&losses, DrawKey::new(5)).unwrap();
        assert!(
            report.regret < 0.8 * uniform,
            "{source:?}: {} of {uniform}",
            report.regret
        );
    }
}

#[test]
fn a_run_is_the_same_again_with_the_same_key() {
    let shape = [3, 2, 3];
    let losses: Vec<_> = (0..20).map(|episode| losses(shape, episode)).collect();
    let run = |seed| {
        let config = AdversarialLearnerConfig::log_barrier(20)
            .with_source(CovarianceSource::Empirical { paths: 3 });
        let mut learner = config.init(process(shape, 2, 1)).unwrap();
        learner.run(&losses, DrawKey::new(seed)).unwrap()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).trajectories, run(2).trajectories);
}

#[test]
fn losses_off_the_path_are_never_read() {
    let shape = [1, 1, 3];
    let learn = |others: f64| {
        let losses = ActionTable::new(shape, vec![others, 0.5, others]).unwrap();
        let mut learner = AdversarialLearnerConfig::magnitude_reduced(10)
            .init(process(shape, 2, 7))
            .unwrap();
        // The second draw takes action 1.
        let report = learner
            .run_with(&[losses], &[vec![0.5, 0.5]], DrawKey::new(0))
            .unwrap();
        (learner.cumulative().clone(), report.regret)
    };
    let ((low, no_regret), (high, regret)) = (learn(0.0), learn(1.0));
    assert_eq!(low, high);
    assert_ne!(no_regret, regret);
}
