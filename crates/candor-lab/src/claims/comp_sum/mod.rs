mod consistency;
mod robustness;

use consistency::Consistency;
use robustness::Robustness;

use super::{Bound, Claim, ClaimContext, Finding};
use crate::run::RunError;

/// Rounding of the regrets, which are differences of sums in `f64`.
const ROUNDING: f64 = 1e-9;
/// How close to its bound the least favourable draw must come; the sheet saw 1.0000 for every τ up to 2.
const TIGHT: f64 = 1.2;
/// What the sheet asks of clean accuracy; it saw 0.974 against 0.930 of TRADES.
const CLEAN_MARGIN: f64 = 0.02;

/// Comp-sum losses: their consistency bounds hold and are tight, and ADV-COMP-SUM is more accurate than TRADES at no
/// loss of robustness.
///
/// Seed s = 0, 1, ... has two experiments: regrets of random scores are held against the bounds, and a small network
/// learns the digits by three adversarial objectives.
///
/// The sheet saw 0.974 clean and 0.602 robust accuracy of ADV-COMP-SUM, 0.930 and 0.577 of TRADES, 0.951 and 0.625
/// of plain adversarial training. The last is more robust than both: the paper's stronger claim does not
/// reproduce at this size, and the ledger shows it.
#[derive(Debug, Clone, Default)]
pub struct CompSumClaim {
    consistency: Consistency,
    robustness: Robustness,
}

impl Claim for CompSumClaim {
    fn paper(&self) -> &'static str {
        "comp-sum"
    }

    fn statement(&self) -> &'static str {
        "Comp-sum losses bound the zero-one regret tightly; trained adversarially they beat TRADES on clean accuracy \
         at no loss of robustness."
    }

    fn run(&self, context: &ClaimContext) -> Result<Vec<Finding>, RunError> {
        let seeds = || 0..context.seeds as u64;
        let regrets = seeds().map(|seed| self.consistency.regrets(seed));
        let regrets = regrets.collect::<Result<Vec<_>, _>>()?;
        let scores = seeds().map(|seed| self.robustness.scores(seed, &context.device));
        let scores = scores.collect::<Result<Vec<_>, _>>()?;
        let violations = regrets.iter().map(|regret| regret.violation).collect();
        let ratios = regrets.iter().map(|regret| regret.tightness).collect();
        let clean = scores
            .iter()
            .map(|score| score.comp_sum.clean - score.trades.clean)
            .collect();
        let robust = scores
            .iter()
            .map(|score| score.comp_sum.robust - score.trades.robust)
            .collect();
        let plain = scores
            .iter()
            .map(|score| score.comp_sum.robust - score.plain.robust)
            .collect();
        Ok(vec![
            Finding::every_seed(
                "consistency: worst of T(zero-one regret) less comp-sum regret",
                violations,
                Bound::AtMost(ROUNDING),
            ),
            Finding::every_seed(
                "tightness: least comp-sum regret over T(zero-one regret), worst τ up to 2",
                ratios,
                Bound::AtMost(TIGHT),
            ),
            Finding::mean(
                "clean accuracy: ADV-COMP-SUM less TRADES",
                clean,
                Bound::AtLeast(CLEAN_MARGIN),
            ),
            Finding::mean(
                "robust accuracy: ADV-COMP-SUM less TRADES",
                robust,
                Bound::AtLeast(0.0),
            ),
            Finding::mean(
                "robust accuracy: ADV-COMP-SUM less plain adversarial training",
                plain,
                Bound::AtLeast(0.0),
            ),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_run_has_all_parts_and_the_bounds_hold() {
        let small = CompSumClaim {
            consistency: Consistency {
                draws: 200,
                draws_at_zero: 200,
            },
            robustness: Robustness { epochs: 1 },
        };
        let findings = small.run(&ClaimContext::quiet(1)).unwrap();
        assert_eq!(findings.len(), 5);
        assert!(findings[0].holds());
        assert!(findings.iter().all(|finding| finding.value().is_finite()));
    }
}
