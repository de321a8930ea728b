use std::collections::BTreeSet;

use candor_core::DrawKey;
use rand::RngExt;

use super::SamplingConfig;
use super::candidates::Candidates;

/// Chooses a token from its scores; built by [`SamplingConfig::init`].
///
/// It works on the host, on one row, and draws from a stream that the caller names: what a row becomes does not
/// depend on the rows beside it.
#[derive(Debug, Clone)]
pub struct Sampler {
    config: SamplingConfig,
}

impl Sampler {
    pub(super) fn new(config: SamplingConfig) -> Self {
        Self { config }
    }

    /// What the sampler was built from.
    pub fn config(&self) -> &SamplingConfig {
        &self.config
    }

    /// A token, by scores of all tokens and the tokens that stand before; `None` if no score is finite.
    #[allow(clippy::float_cmp)] // exactly one is off
    pub fn sample(&self, scores: &[f32], history: &[u32], key: DrawKey) -> Option<u32> {
        let mut penalised = Vec::new();
        let scores = if self.config.repetition_penalty == 1.0 {
            scores
        } else {
            penalised.extend_from_slice(scores);
            self.penalise(&mut penalised, history);
            &penalised
        };
        if self.config.temperature == 0.0 {
            return best(scores);
        }
        Candidates::new(scores, self.config.temperature)
            .top_k(self.config.top_k)
            .top_p(self.config.top_p)
            .min_p(self.config.min_p)
            .at(key.rng().random())
    }

    /// Keskar et al. 2019, "CTRL": each token once, however often it was seen.
    fn penalise(&self, scores: &mut [f32], history: &[u32]) {
        let penalty = self.config.repetition_penalty as f32;
        for &id in &BTreeSet::from_iter(history) {
            if let Some(score) = scores.get_mut(*id as usize) {
                *score = if *score > 0.0 {
                    *score / penalty
                } else {
                    *score * penalty
                };
            }
        }
    }
}

/// The lowest id of the highest finite score.
fn best(scores: &[f32]) -> Option<u32> {
    let finite = scores
        .iter()
        .enumerate()
        .filter(|(_, score)| score.is_finite());
    let best = finite.reduce(|best, other| if other.1 > best.1 { other } else { best });
    best.map(|(id, _)| id as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: [f32; 4] = [2.0, -1.0, 2.0, 0.5];

    #[test]
    fn greedy_takes_the_lowest_id_of_a_tie_and_no_score_that_is_not_finite() {
        let greedy = SamplingConfig::new().init().unwrap();
        let choice = |scores: &[f32]| greedy.sample(scores, &[], DrawKey::new(0));
        assert_eq!(choice(&SCORES), Some(0));
        assert_eq!(choice(&[f32::NAN, f32::INFINITY, 0.0]), Some(2));
        assert_eq!(choice(&[f32::NAN]), None);
    }

    #[test]
    fn a_penalty_makes_tokens_seen_before_less_likely_whatever_their_sign() {
        let config = SamplingConfig::new().with_repetition_penalty(2.0);
        let greedy = config.init().unwrap();
        let choice =
            |scores: &[f32], history: &[u32]| greedy.sample(scores, history, DrawKey::new(0));
        assert_eq!(choice(&SCORES, &[0, 0]), Some(2));
        assert_eq!(choice(&[-1.0, -1.5], &[0]), Some(1));
        // Seen twice counts once: 3 / 2 stays above 1.
        assert_eq!(choice(&[3.0, 1.0], &[0, 0]), Some(0));
    }

    #[test]
    fn draws_follow_the_probabilities() {
        let config = SamplingConfig::new().with_temperature(0.5);
        let sampler = config.init().unwrap();
        // Scores ln(1), ln(2) at temperature 1/2: odds of 1 to 4.
        let scores = [0.0, std::f32::consts::LN_2];
        let key = DrawKey::new(3);
        let draws = (0..4000).map(|draw| sampler.sample(&scores, &[], key.draw(draw)));
        let ones = draws.filter(|&choice| choice == Some(1)).count();
        // Four standard deviations of a binomial of 4000 trials at 0.8.
        assert!((3200 - 101..=3200 + 101).contains(&ones), "{ones}");
    }

    #[test]
    fn illegal_settings_are_refused_by_name() {
        let new = SamplingConfig::new;
        let illegal = [
            ("temperature", new().with_temperature(-0.1)),
            ("temperature", new().with_temperature(f64::NAN)),
            ("temperature", new().with_temperature(f64::INFINITY)),
            ("top_p", new().with_top_p(0.0)),
            ("top_p", new().with_top_p(1.1)),
            ("top_p", new().with_top_p(f64::NAN)),
            ("min_p", new().with_min_p(-0.1)),
            ("min_p", new().with_min_p(f64::NAN)),
            ("repetition_penalty", new().with_repetition_penalty(0.0)),
            (
                "repetition_penalty",
                new().with_repetition_penalty(f64::INFINITY),
            ),
            ("stop_strings", new().with_stop_strings(vec![String::new()])),
        ];
        for (field, config) in illegal {
            let error = config.init().unwrap_err().to_string();
            assert!(error.contains(field), "{field}: {error}");
        }
    }
}
