//! Settings, bad input and the edges.

use candor_core::{DrawKey, InputError};
use candor_online::mdp::{
    ActionTable, AdversarialLearner, AdversarialLearnerConfig, CovarianceSource,
    DilatedBonusConfig, EmpiricalInverse, ExponentialWeightsConfig, InverseCovariance, LinearMdp,
    LogBarrierFtrlConfig, MatrixGeometricResamplingConfig, Policy, PolicyEvaluation, QEstimator,
    Regularizer, TabularDynamics, Trajectory, Visit, best_fixed_policy, regret,
};
use candor_testkit::contract::{check_config, check_refused, check_send_sync};

use super::processes::{losses, process};

const NOT_POSITIVE: [f64; 4] = [0.0, -1.0, f64::NAN, f64::INFINITY];

fn one_state() -> LinearMdp {
    LinearMdp::tabular(TabularDynamics::new([1, 1, 2], vec![], vec![1.0]).unwrap())
}

#[test]
fn configurations_survive_json_and_initialise() {
    check_config(&LogBarrierFtrlConfig::new(0.3), LogBarrierFtrlConfig::init);
    check_config(
        &ExponentialWeightsConfig::new(0.1),
        ExponentialWeightsConfig::init,
    );
    check_config(
        &MatrixGeometricResamplingConfig::new(),
        MatrixGeometricResamplingConfig::init,
    );
    check_config(&DilatedBonusConfig::new(), DilatedBonusConfig::init);
    let source = CovarianceSource::Resampled {
        batches: 2,
        visits: 3,
        step: 0.25,
    };
    for config in [
        AdversarialLearnerConfig::log_barrier(1000),
        AdversarialLearnerConfig::magnitude_reduced(1000).with_source(source),
        AdversarialLearnerConfig::exponential_weights(1000),
    ] {
        check_config(&config, |config| config.init(one_state()));
    }
    check_send_sync::<AdversarialLearner>();
}

#[test]
fn rates_follow_the_number_of_episodes() {
    assert_eq!(AdversarialLearnerConfig::log_barrier(1000).eta, 0.3);
    assert_eq!(AdversarialLearnerConfig::magnitude_reduced(4000).eta, 0.05);
    let nothing = AdversarialLearnerConfig::exponential_weights(0);
    check_refused(nothing.init(one_state()), "eta");
}

#[test]
fn illegal_settings_are_refused() {
    let config = AdversarialLearnerConfig::log_barrier(1000);
    for bad in NOT_POSITIVE {
        check_refused(LogBarrierFtrlConfig::new(bad).init(), "eta");
        check_refused(ExponentialWeightsConfig::new(bad).init(), "eta");
        let resampling = MatrixGeometricResamplingConfig::new();
        check_refused(resampling.clone().with_gamma(bad).init(), "gamma");
        check_refused(resampling.with_step(bad).init(), "step");
        let rated = AdversarialLearnerConfig::new(Regularizer::LogBarrier, QEstimator::Plain, bad);
        check_refused(rated.init(one_state()), "eta");
        check_refused(config.clone().with_gamma(bad).init(one_state()), "gamma");
    }
    check_refused(
        MatrixGeometricResamplingConfig::new().with_step(1.0).init(),
        "step",
    );
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        check_refused(DilatedBonusConfig::new().with_beta(bad).init(), "beta");
        check_refused(config.clone().with_beta(bad).init(one_state()), "beta");
    }
    let resampled = |batches, visits, step| CovarianceSource::Resampled {
        batches,
        visits,
        step,
    };
    for (source, field) in [
        (resampled(0, 1, 0.5), "batches"),
        (resampled(1, 0, 0.5), "visits"),
        (resampled(1, 1, 2.0), "step"),
        (CovarianceSource::Empirical { paths: 0 }, "paths"),
    ] {
        check_refused(config.clone().with_source(source).init(one_state()), field);
    }
}

#[test]
fn tables_and_processes_refuse_what_is_none() {
    assert!(ActionTable::new([0, 1, 1], vec![]).is_err());
    assert!(ActionTable::new([1, 1, 2], vec![0.0]).is_err());
    assert!(ActionTable::new([1, 1, 1], vec![f64::NAN]).is_err());
    let policy = |row: [f64; 2]| Policy::new(ActionTable::new([1, 1, 2], row.to_vec()).unwrap());
    assert!(policy([0.5, 0.6]).is_err());
    assert!(policy([-0.5, 1.5]).is_err());
    assert!(policy([0.5, 0.500_05]).is_ok()); // within the tolerance
    assert!(Policy::uniform([1, 1, 0]).is_err());
    let dynamics = |transition: Vec<f64>, initial: Vec<f64>| {
        TabularDynamics::new([2, 2, 1], transition, initial)
    };
    assert!(dynamics(vec![0.5; 4], vec![1.0, 0.0]).is_ok());
    assert!(dynamics(vec![0.5; 3], vec![1.0, 0.0]).is_err());
    assert!(dynamics(vec![0.4; 4], vec![1.0, 0.0]).is_err());
    assert!(dynamics(vec![0.5; 4], vec![0.9, 0.0]).is_err());
    assert!(dynamics(vec![0.5; 4], vec![1.0]).is_err());
    assert!(dynamics(vec![f64::NAN; 4], vec![1.0, 0.0]).is_err());
    assert!(TabularDynamics::new([0, 1, 1], vec![], vec![1.0]).is_err());
}

#[test]
fn features_are_finite_and_at_most_one_long() {
    let mdp = |features: Vec<f64>| LinearMdp::new(one_state().dynamics().clone(), 1, features);
    assert!(mdp(vec![1.0, -1.0]).is_ok());
    for bad in [vec![1.0], vec![1.0, 1.1], vec![1.0, f64::NAN]] {
        assert!(mdp(bad).is_err());
    }
    assert!(LinearMdp::new(one_state().dynamics().clone(), 0, vec![]).is_err());
}

#[test]
fn costs_must_be_there_and_finite() {
    let barrier = LogBarrierFtrlConfig::new(1.0).init().unwrap();
    let weights = ExponentialWeightsConfig::new(1.0).init().unwrap();
    for bad in [vec![], vec![0.0, f64::NAN], vec![f64::INFINITY]] {
        assert!(barrier.policy(&bad).is_err());
        assert!(weights.policy(&bad).is_err());
    }
    assert!(barrier.policy(&[-1e308, 1e308]).is_err());
    assert_eq!(weights.policy(&[-1e308, 1e308]).unwrap(), [1.0, 0.0]);
}

#[test]
fn the_barrier_leaves_every_action_a_chance() {
    let barrier = LogBarrierFtrlConfig::new(0.1).init().unwrap();
    let far = barrier.policy(&[0.0, 1e6]).unwrap().probabilities;
    // 1 / (eta (D + mu)) with mu close to 1 / eta
    assert!((far[1] / 1e-5 - 1.0).abs() < 1e-4);
    let ties = barrier.policy(&[-3.0; 7]).unwrap();
    assert!(
        ties.probabilities
            .iter()
            .all(|&p| (p - 1.0 / 7.0).abs() < 1e-12)
    );
    assert!((ties.multiplier - 70.0).abs() < 1e-9);
    let alone = barrier.policy(&[4.0]).unwrap();
    assert_eq!((alone.probabilities, alone.multiplier), (vec![1.0], 10.0));
}

#[test]
fn estimates_refuse_returns_outside_the_horizon() {
    let inverse = InverseCovariance::new(1, vec![1.0]).unwrap();
    let estimate = |cumulative_loss, horizon| {
        let visit = Visit {
            feature: &[1.0],
            cumulative_loss,
            horizon,
        };
        QEstimator::MagnitudeReduced.estimate(&inverse, &[0.5], &visit, &[0.0])
    };
    assert!(estimate(2.0 + 1e-7, 2).is_ok());
    for (bad, horizon) in [(2.1, 2), (-0.1, 2), (f64::NAN, 2), (0.0, 0)] {
        assert!(estimate(bad, horizon).is_err());
    }
}

#[test]
fn estimates_refuse_rows_of_another_width() {
    let inverse = InverseCovariance::new(2, vec![1.0, 0.0, 0.0, 1.0]).unwrap();
    let visit = Visit {
        feature: &[1.0, 0.0],
        cumulative_loss: 1.0,
        horizon: 1,
    };
    let reduced = QEstimator::MagnitudeReduced;
    assert!(
        reduced
            .estimate(&inverse, &[1.0; 3], &visit, &[0.0])
            .is_err()
    );
    assert!(reduced.estimate(&inverse, &[1.0; 2], &visit, &[]).is_err());
    assert!(
        reduced
            .estimate(&inverse, &[1.0; 2], &visit, &[0.5])
            .is_err()
    );
    assert!(
        QEstimator::Plain
            .estimate(&inverse, &[1.0; 2], &visit, &[])
            .is_ok()
    );
}

#[test]
fn inverses_refuse_what_has_none() {
    for gamma in NOT_POSITIVE {
        assert!(InverseCovariance::regularised(1, &[1.0], gamma).is_err());
    }
    assert!(InverseCovariance::regularised(1, &[-1.0], 0.5).is_err());
    assert!(InverseCovariance::new(2, vec![1.0]).is_err());
    assert!(InverseCovariance::new(1, vec![f64::NAN]).is_err());
    let mut visits = EmpiricalInverse::new(2).unwrap();
    assert!(matches!(visits.inverse(0.1), Err(InputError::Empty { .. })));
    assert!(visits.add(&[1.0]).is_err());
    assert!(EmpiricalInverse::new(0).is_err());
    let resampling = MatrixGeometricResamplingConfig::new().init().unwrap();
    assert!(resampling.inverse([1, 1, 1], &[2.0]).is_err());
    assert!(resampling.inverse([0, 1, 1], &[]).is_err());
    assert!(resampling.inverse([1, 2, 1], &[1.0]).is_err());
}

#[test]
fn paths_and_losses_of_another_process_are_refused() {
    let mut learner = AdversarialLearnerConfig::log_barrier(10)
        .init(one_state())
        .unwrap();
    let dynamics = learner.mdp().dynamics().clone();
    assert!(Trajectory::new(&dynamics, vec![(0, 2)]).is_err());
    assert!(Trajectory::new(&dynamics, vec![(0, 0), (0, 0)]).is_err());
    let path = Trajectory::new(&dynamics, vec![(0, 1)]).unwrap();
    let before = learner.cumulative().clone();
    for bad in [vec![], vec![1.5], vec![-0.5], vec![f64::NAN]] {
        assert!(learner.episode(&path, &bad, DrawKey::new(0)).is_err());
    }
    let longer = process([2, 1, 2], 1, 0);
    let path = Trajectory::new(longer.dynamics(), vec![(0, 1), (0, 0)]).unwrap();
    assert!(
        learner
            .episode(&path, &[0.5, 0.5], DrawKey::new(0))
            .is_err()
    );
    assert_eq!(learner.cumulative(), &before);
    assert!(learner.run(&[], DrawKey::new(0)).is_err());
    assert!(
        learner
            .run(&[losses([2, 1, 2], 0)], DrawKey::new(0))
            .is_err()
    );
    let given = [losses([1, 1, 2], 0)];
    assert!(
        learner
            .run_with(&given, &[vec![0.5]], DrawKey::new(0))
            .is_err()
    );
    assert!(
        learner
            .run_with(&given, &[vec![0.5, 1.5]], DrawKey::new(0))
            .is_err()
    );
    assert!(regret(&dynamics, &given, &[]).is_err());
    assert!(best_fixed_policy(&dynamics, &losses([2, 1, 2], 0)).is_err());
    let uniform = Policy::uniform([2, 1, 2]).unwrap();
    assert!(PolicyEvaluation::of(&dynamics, &uniform, &given[0]).is_err());
}

#[test]
fn a_single_action_keeps_probability_one() {
    for regularizer in [Regularizer::LogBarrier, Regularizer::ExponentialWeights] {
        let mut learner =
            AdversarialLearnerConfig::new(regularizer, QEstimator::MagnitudeReduced, 0.5)
                .init(process([2, 3, 1], 2, 4))
                .unwrap();
        let losses = vec![losses([2, 3, 1], 4); 5];
        let report = learner.run(&losses, DrawKey::new(1)).unwrap();
        assert!(learner.policy().table().values().iter().all(|&p| p == 1.0));
        assert!(report.regret.abs() < 1e-12);
    }
}

#[test]
fn an_unreachable_state_has_no_occupancy_and_yet_a_policy() {
    // State 1 is never entered, but shares the features of state 0.
    let dynamics = TabularDynamics::new([1, 2, 2], vec![], vec![1.0, 0.0]).unwrap();
    let features = [1.0, 0.0, 0.0, 1.0].repeat(2);
    let mut learner = AdversarialLearnerConfig::log_barrier(10)
        .init(LinearMdp::new(dynamics, 2, features).unwrap())
        .unwrap();
    let path = Trajectory::new(learner.mdp().dynamics(), vec![(0, 0)]).unwrap();
    learner.episode(&path, &[1.0], DrawKey::new(0)).unwrap();
    assert_eq!(learner.policy().row(0, 0), learner.policy().row(0, 1));
    assert!(learner.policy().row(0, 1)[0] < 0.5);
}
