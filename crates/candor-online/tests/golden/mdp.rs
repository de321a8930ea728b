//! Cases of the sheet `adversarial-mdp`: all on the host, whatever the device.

use std::error::Error;

use burn::tensor::Device;
use candor_core::{DrawKey, InputError};
use candor_online::mdp::{
    ActionTable, AdversarialLearnerConfig, DilatedBonusConfig, EmpiricalInverse,
    ExponentialWeightsConfig, InverseCovariance, LinearMdp, LogBarrierFtrlConfig,
    MatrixGeometricResamplingConfig, Policy, PolicyEvaluation, QEstimator, Regularizer,
    TabularDynamics, Trajectory, Visit, best_fixed_policy, mean_negative_part, occupancy,
};
use candor_testkit::golden::{Case, OpResult, Outputs, Suite};
use serde_json::Value;

pub(crate) fn map(suite: Suite) -> Suite {
    suite
        .sheet("adversarial-mdp")
        .op("amdp_log_barrier_ftrl", |case, _| log_barrier(case))
        .op("amdp_exponential_weights", |case, _| {
            exponential_weights(case)
        })
        .op("amdp_matrix_geometric_resampling", |case, _| {
            resampling(case)
        })
        .op("amdp_empirical_inverse", |case, _| empirical_inverse(case))
        .op("amdp_q_estimators", |case, _| q_estimators(case))
        .op("amdp_policy_evaluation", |case, _| evaluation(case))
        .op("amdp_best_fixed_policy", |case, _| best_policy(case))
        .op("amdp_dilated_bonus", |case, _| bonus(case))
        .op("amdp_run_exact", run)
}

fn log_barrier(case: &Case) -> OpResult {
    let barrier = LogBarrierFtrlConfig::new(case.param("eta")).init()?;
    let (mut probabilities, mut multipliers) = (Vec::new(), Vec::new());
    for cumulative in case.float_rows("cumulative") {
        let next = barrier.policy(&cumulative)?;
        probabilities.extend(next.probabilities);
        multipliers.push(next.multiplier);
    }
    Ok(Outputs::new()
        .values("policy", probabilities)
        .values("multiplier", multipliers))
}

fn exponential_weights(case: &Case) -> OpResult {
    let weights = ExponentialWeightsConfig::new(case.param("eta")).init()?;
    let mut probabilities = Vec::new();
    for cumulative in case.float_rows("cumulative") {
        probabilities.extend(weights.policy(&cumulative)?);
    }
    Ok(Outputs::new().values("policy", probabilities))
}

fn resampling(case: &Case) -> OpResult {
    let inverse = MatrixGeometricResamplingConfig::new()
        .with_gamma(case.param("gamma"))
        .with_step(case.param_or("c", 0.5))
        .init()?
        .inverse(shape(case, "features")?, &case.floats("features"))?;
    Ok(Outputs::new().values("inverse", inverse.values().to_vec()))
}

fn empirical_inverse(case: &Case) -> OpResult {
    let [_, width] = shape(case, "features")?;
    let mut visits = EmpiricalInverse::new(width)?;
    for feature in case.float_rows("features") {
        visits.add(&feature)?;
    }
    let inverse = visits.inverse(case.param("gamma"))?;
    Ok(Outputs::new().values("inverse", inverse.values().to_vec()))
}

fn q_estimators(case: &Case) -> OpResult {
    let features = case.floats("features");
    let [_, width] = shape(case, "features")?;
    let [drawn, _] = shape(case, "resampled_features")?;
    check_shape(case, "inverse", &[width, width])?;
    check_shape(case, "resampled_features", &[drawn, width])?;
    let inverse = InverseCovariance::new(width, case.floats("inverse"))?;
    let negative_part = mean_negative_part(
        &inverse,
        &features,
        &case.floats("resampled_features"),
        &vec![1.0 / drawn as f64; drawn],
    )?;
    let feature = case.floats("visited_feature");
    let visit = Visit {
        feature: &feature,
        cumulative_loss: case.param("return"),
        horizon: case.count("horizon").unwrap_or(0),
    };
    let estimate = |kind: QEstimator| kind.estimate(&inverse, &features, &visit, &negative_part);
    Ok(Outputs::new()
        .values("plain", estimate(QEstimator::Plain)?)
        .values("magnitude_reduced", estimate(QEstimator::MagnitudeReduced)?)
        .values("mean_negative_part", negative_part))
}

fn evaluation(case: &Case) -> OpResult {
    let losses = table(case, "loss")?;
    let mdp = mdp(case, losses.shape(), case.floats("initial"))?;
    let policy = Policy::new(table(case, "policy")?)?;
    let evaluation = PolicyEvaluation::of(mdp.dynamics(), &policy, &losses)?;
    let inverses = mdp.inverses(&policy, case.param("gamma"))?;
    let inverses = inverses
        .iter()
        .flat_map(|inverse| inverse.values().to_vec());
    Ok(Outputs::new()
        .values("q", evaluation.action_values.values().to_vec())
        .values("state_value", evaluation.state_values)
        .value("value", evaluation.value)
        .values(
            "occupancy",
            occupancy(mdp.dynamics(), &policy)?.values().to_vec(),
        )
        .values("covariance", mdp.covariances(&policy)?.concat())
        .values("regularised_inverse", inverses))
}

fn best_policy(case: &Case) -> OpResult {
    let total_losses = table(case, "total_loss")?;
    let dynamics = dynamics(case, total_losses.shape(), case.floats("initial"))?;
    let best = best_fixed_policy(&dynamics, &total_losses)?;
    Ok(Outputs::new()
        .values("state_value", best.state_values)
        .value("value", best.value)
        .json("actions", serde_json::to_value(best.actions)?))
}

fn bonus(case: &Case) -> OpResult {
    let policy = Policy::new(table(case, "policy")?)?;
    let [_, states, _] = policy.shape();
    // A bonus does not depend on where episodes start.
    let anywhere = vec![1.0 / states as f64; states];
    let mdp = mdp(case, policy.shape(), anywhere)?;
    let width = mdp.width();
    let inverses = case
        .float_rows("inverse")
        .into_iter()
        .map(|values| InverseCovariance::new(width, values))
        .collect::<Result<Vec<_>, _>>()?;
    let bonus = DilatedBonusConfig::new()
        .with_beta(case.param("beta"))
        .init()?
        .compute(&mdp, &policy, &inverses)?;
    Ok(Outputs::new()
        .values("bonus", bonus.exploration.values().to_vec())
        .values("dilated", bonus.dilated.values().to_vec()))
}

fn run(case: &Case, _: &Device) -> OpResult {
    let [_, layers, states, actions] = shape(case, "losses")?;
    let losses = case
        .float_rows("losses")
        .into_iter()
        .map(|values| ActionTable::new([layers, states, actions], values))
        .collect::<Result<Vec<_>, _>>()?;
    let mdp = mdp(case, [layers, states, actions], case.floats("initial"))?;
    let (regularizer, estimator) = match case.text("algorithm") {
        "log_barrier" => (Regularizer::LogBarrier, QEstimator::Plain),
        "exp_weights" => (Regularizer::ExponentialWeights, QEstimator::Plain),
        "magnitude_reduced" => (
            Regularizer::ExponentialWeights,
            QEstimator::MagnitudeReduced,
        ),
        other => return Err(format!("no algorithm {other}").into()),
    };
    let mut learner = AdversarialLearnerConfig::new(regularizer, estimator, case.param("eta"))
        .with_gamma(case.param("gamma"))
        .with_beta(case.param("beta"))
        .init(mdp)?;
    let report = learner.run_with(&losses, &case.float_rows("uniforms"), DrawKey::new(0))?;
    Ok(Outputs::new()
        .values("final_policy", learner.policy().table().values().to_vec())
        .values("cumulative", learner.cumulative().values().to_vec())
        .values("episode_values", report.values)
        .value("regret", report.regret)
        .json("trajectories", as_json(&report.trajectories)?))
}

fn as_json(trajectories: &[Trajectory]) -> Result<Value, serde_json::Error> {
    let steps: Vec<_> = trajectories.iter().map(Trajectory::steps).collect();
    serde_json::to_value(steps)
}

fn shape<const D: usize>(case: &Case, name: &str) -> Result<[usize; D], Box<dyn Error>> {
    let seen = case.shape(name);
    seen.try_into()
        .map_err(|seen| format!("{name} has shape {seen:?}, wanted {D} axes").into())
}

/// Refuses an input of another shape: the components take flat slices, which would hide a transposed one.
fn check_shape(case: &Case, name: &str, wanted: &[usize]) -> Result<(), InputError> {
    InputError::check_dims("golden case", "input", &case.shape(name), wanted)
}

fn table(case: &Case, name: &str) -> Result<ActionTable, Box<dyn Error>> {
    Ok(ActionTable::new(shape(case, name)?, case.floats(name))?)
}

fn dynamics(
    case: &Case,
    shape: [usize; 3],
    initial: Vec<f64>,
) -> Result<TabularDynamics, Box<dyn Error>> {
    let [layers, states, actions] = shape;
    let transition = [layers.saturating_sub(1), states, actions, states];
    check_shape(case, "transition", &transition)?;
    Ok(TabularDynamics::new(
        shape,
        case.floats("transition"),
        initial,
    )?)
}

fn mdp(case: &Case, table: [usize; 3], initial: Vec<f64>) -> Result<LinearMdp, Box<dyn Error>> {
    let dynamics = dynamics(case, table, initial)?;
    let [.., width] = shape::<4>(case, "features")?;
    let [layers, states, actions] = table;
    check_shape(case, "features", &[layers, states, actions, width])?;
    Ok(LinearMdp::new(dynamics, width, case.floats("features"))?)
}
