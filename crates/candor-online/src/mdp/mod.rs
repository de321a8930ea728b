//! Policies for finite-horizon decision processes whose losses an adversary chooses.
//!
//! A process has H layers, S states and A actions, known or simulated transitions and known features `φ(h, s, a)`.
//! Every episode the learner plays one path and sees the losses on it, nothing else. All numbers are host `f64`.
//!
//! | step | component |
//! |---|---|
//! | the process | [`TabularDynamics`], [`LinearMdp`], [`ActionTable`], [`Policy`] |
//! | what a policy is worth | [`PolicyEvaluation`], [`occupancy`], [`best_fixed_policy`], [`regret`] |
//! | inverse covariances | [`InverseCovariance`], [`EmpiricalInverse`], [`MatrixGeometricResampling`] |
//! | estimated action values | [`QEstimator`], [`mean_negative_part`] |
//! | exploration | [`DilatedBonus`], [`dilated`] |
//! | the next policy | [`LogBarrierFtrl`], [`ExponentialWeights`] |
//! | all together | [`AdversarialLearner`] |

mod action_table;
mod backward;
mod best_fixed_policy;
mod covariance_source;
mod dilated_bonus;
mod distribution;
mod dynamics;
mod empirical_inverse;
mod exponential_weights;
mod inverse_covariance;
mod learner;
mod linear_mdp;
mod log_barrier;
mod matrix_geometric_resampling;
mod occupancy;
mod policy;
mod policy_evaluation;
mod q_estimator;
mod regret;
mod trajectory;

pub use action_table::ActionTable;
pub use best_fixed_policy::{BestFixedPolicy, best_fixed_policy};
pub use covariance_source::CovarianceSource;
pub use dilated_bonus::{Bonus, DilatedBonus, DilatedBonusConfig, dilated};
pub use dynamics::TabularDynamics;
pub use empirical_inverse::EmpiricalInverse;
pub use exponential_weights::{ExponentialWeights, ExponentialWeightsConfig};
pub use inverse_covariance::InverseCovariance;
pub use learner::{
    AdversarialLearner, AdversarialLearnerConfig, EpisodeUpdate, Regularizer, RunReport,
};
pub use linear_mdp::LinearMdp;
pub use log_barrier::{BarrierPolicy, LogBarrierFtrl, LogBarrierFtrlConfig};
pub use matrix_geometric_resampling::{MatrixGeometricResampling, MatrixGeometricResamplingConfig};
pub use occupancy::occupancy;
pub use policy::Policy;
pub use policy_evaluation::PolicyEvaluation;
pub use q_estimator::{QEstimator, Visit, mean_negative_part};
pub use regret::regret;
pub use trajectory::Trajectory;
