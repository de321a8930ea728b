//! The conscience of the project: what each paper promised, re-run at a size that two cores finish in minutes.
//!
//! A claim's data, model, comparison and margins stand in its file, taken from its sheet before it was run. A claim
//! that does not hold at this size is reported as such.

mod adversarial_mdp;
mod anyloss;
mod comp_sum;
mod contrastive_behaviour;
mod descent;
mod digit_rows;
mod disagreement;
mod distilled_digits;
mod explagraph;
mod kd_baselines;
mod ledger;
mod lfa;
mod logistic_perceptron;
mod mars;
mod nd_loss;
mod npo;
mod order_matters;
mod small_scale_proxies;
mod susana_distancia;
#[cfg(test)]
mod test_context;
mod xai_metrics;
mod z_loss;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

pub use adversarial_mdp::AdversarialMdpClaim;
pub use anyloss::AnyLossClaim;
pub use comp_sum::CompSumClaim;
pub use contrastive_behaviour::ContrastiveBehaviourClaim;
pub use disagreement::DisagreementClaim;
pub use explagraph::ExplagraphClaim;
pub use kd_baselines::KdBaselinesClaim;
pub use ledger::{Ledger, LedgerEntry};
pub use lfa::LfaClaim;
pub use logistic_perceptron::LogisticPerceptronClaim;
pub use mars::MarsClaim;
pub use nd_loss::NdLossClaim;
pub use npo::NpoClaim;
pub use order_matters::OrderMattersClaim;
pub use small_scale_proxies::SmallScaleProxiesClaim;
pub use susana_distancia::SusanaDistanciaClaim;
pub use xai_metrics::XaiMetricsClaim;
pub use z_loss::ZLossClaim;

use crate::run::{Progress, RunError};

/// What a claim is run with.
#[derive(Debug, Clone)]
pub struct ClaimContext {
    /// Where to compute.
    pub device: Device,
    /// How many seeds; each claim numbers them as its sheet does.
    pub seeds: usize,
    /// Bars.
    pub progress: Progress,
}

/// A paper's headline, as an experiment.
pub trait Claim {
    /// The sheet.
    fn paper(&self) -> &'static str;

    /// The headline in one sentence.
    fn statement(&self) -> &'static str;

    /// Runs the experiment once per seed.
    ///
    /// # Errors
    ///
    /// Whatever stops it; a claim that does not hold is a finding, not an error.
    fn run(&self, context: &ClaimContext) -> Result<Vec<Finding>, RunError>;
}

/// Which side of its bound a value must be on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The value must be this or more.
    AtLeast(f64),
    /// The value must be this or less.
    AtMost(f64),
}

/// How a finding is decided from its seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The mean over the seeds keeps the bound.
    Mean,
    /// Every seed keeps the bound.
    EverySeed,
}

/// One part of a claim: a quantity over the seeds, and the margin that decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What was measured and compared.
    pub name: String,
    /// The quantity of each seed.
    pub per_seed: Vec<f64>,
    /// The margin.
    pub bound: Bound,
    /// How it is decided.
    pub decision: Decision,
}

impl Finding {
    /// A part that the mean over the seeds decides.
    pub fn mean(name: impl Into<String>, per_seed: Vec<f64>, bound: Bound) -> Self {
        Self {
            name: name.into(),
            per_seed,
            bound,
            decision: Decision::Mean,
        }
    }

    /// A part that every seed must keep.
    pub fn every_seed(name: impl Into<String>, per_seed: Vec<f64>, bound: Bound) -> Self {
        Self {
            decision: Decision::EverySeed,
            ..Self::mean(name, per_seed, bound)
        }
    }

    /// The number that is held against the bound: the mean, or the worst seed.
    pub fn value(&self) -> f64 {
        let worst =
            |start: f64, pick: fn(f64, f64) -> f64| self.per_seed.iter().copied().fold(start, pick);
        match (self.decision, self.bound) {
            _ if self.per_seed.iter().any(|value| value.is_nan()) => f64::NAN,
            (Decision::Mean, _) => self.average(),
            (Decision::EverySeed, Bound::AtLeast(_)) => worst(f64::INFINITY, f64::min),
            (Decision::EverySeed, Bound::AtMost(_)) => worst(f64::NEG_INFINITY, f64::max),
        }
    }

    /// Whether the bound is kept; of no seeds, or of a number that is not one, it is not.
    pub fn holds(&self) -> bool {
        !self.per_seed.is_empty()
            && match self.bound {
                Bound::AtLeast(bound) => self.value() >= bound,
                Bound::AtMost(bound) => self.value() <= bound,
            }
    }

    /// The mean over the seeds.
    pub fn average(&self) -> f64 {
        self.per_seed.iter().sum::<f64>() / self.per_seed.len() as f64
    }

    /// Half the width of the mean's 95 % interval, by Student's t.
    pub fn ci95(&self) -> f64 {
        let count = self.per_seed.len();
        if count < 2 {
            return f64::NAN;
        }
        let mean = self.average();
        let squares: f64 = self
            .per_seed
            .iter()
            .map(|value| (value - mean).powi(2))
            .sum();
        let standard_error = (squares / (count - 1) as f64 / count as f64).sqrt();
        students_t_975(count - 1) * standard_error
    }
}

/// The 97.5 % quantile of Student's t.
fn students_t_975(freedom: usize) -> f64 {
    use statrs::distribution::{ContinuousCDF, StudentsT};
    StudentsT::new(0.0, 1.0, freedom as f64).map_or(f64::NAN, |t| t.inverse_cdf(0.975))
}

/// All claims, in the order of their sheets.
pub fn all() -> Vec<Box<dyn Claim>> {
    vec![
        Box::new(AnyLossClaim::default()),
        Box::new(CompSumClaim::default()),
        Box::new(ExplagraphClaim::default()),
        Box::new(SmallScaleProxiesClaim::default()),
        Box::new(ZLossClaim::default()),
        Box::new(ContrastiveBehaviourClaim::default()),
        Box::new(SusanaDistanciaClaim::default()),
        Box::new(NdLossClaim::default()),
        Box::new(KdBaselinesClaim::default()),
        Box::new(NpoClaim::default()),
        Box::new(OrderMattersClaim::default()),
        Box::new(LfaClaim::default()),
        Box::new(XaiMetricsClaim::default()),
        Box::new(DisagreementClaim::default()),
        Box::new(AdversarialMdpClaim::default()),
        Box::new(MarsClaim::default()),
        Box::new(LogisticPerceptronClaim::default()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_five_seeds_uses_four_degrees_of_freedom() {
        let finding = Finding::mean("x", vec![1.0, 2.0, 3.0, 4.0, 5.0], Bound::AtLeast(2.9));
        assert!((finding.ci95() - 2.776_445 * (2.5f64 / 5.0).sqrt()).abs() < 1e-4);
        assert!(finding.holds());
    }

    #[test]
    fn one_bad_seed_breaks_what_every_seed_must_keep() {
        let finding = Finding::every_seed("x", vec![1.0, 2.0], Bound::AtLeast(1.5));
        assert!(!finding.holds());
        assert!(!Finding::mean("x", vec![f64::NAN], Bound::AtMost(1.0)).holds());
        assert!(!Finding::mean("x", vec![], Bound::AtMost(1.0)).holds());
    }
}
