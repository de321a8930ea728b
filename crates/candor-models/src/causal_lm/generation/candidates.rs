use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A token that may come next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub(super) id: u32,
    pub(super) score: f32,
    /// Probability over that of the best token, which has 1.
    pub(super) weight: f64,
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    /// The better one is greater: a higher score, or the lower id of equal scores.
    fn cmp(&self, other: &Self) -> Ordering {
        let by_score = self.score.total_cmp(&other.score);
        by_score.then_with(|| other.id.cmp(&self.id))
    }
}

/// The tokens that may be drawn.
#[derive(Debug, Clone)]
pub(super) struct Candidates {
    kept: Vec<Candidate>,
}

impl Candidates {
    /// All tokens with a finite score; NaN and infinities are never drawn.
    pub(super) fn new(scores: &[f32], temperature: f64) -> Self {
        let finite = scores.iter().copied().filter(|score| score.is_finite());
        let best = f64::from(finite.fold(f32::NEG_INFINITY, f32::max));
        let candidate = |(id, &score): (usize, &f32)| Candidate {
            id: id as u32,
            score,
            weight: ((f64::from(score) - best) / temperature).exp(),
        };
        let finite = scores
            .iter()
            .enumerate()
            .filter(|(_, score)| score.is_finite());
        Self {
            kept: finite.map(candidate).collect(),
        }
    }

    /// The `count` best; 0 keeps all.
    pub(super) fn top_k(mut self, count: usize) -> Self {
        if count > 0 && count < self.kept.len() {
            self.kept.select_nth_unstable_by(count - 1, |a, b| b.cmp(a));
            self.kept.truncate(count);
            // In an order that the selection's implementation has no part in.
            self.kept.sort_unstable_by(|a, b| b.cmp(a));
        }
        self
    }

    /// The fewest of the best that hold `share` of the probability; at least one, 1 keeps all.
    pub(super) fn top_p(mut self, share: f64) -> Self {
        if share < 1.0 {
            let enough = share * self.total();
            // A heap: usually a few are popped of tens of thousands.
            let mut heap = BinaryHeap::from(std::mem::take(&mut self.kept));
            let mut mass = 0.0;
            while let Some(candidate) = heap.pop() {
                mass += candidate.weight;
                self.kept.push(candidate);
                if mass >= enough {
                    break;
                }
            }
        }
        self
    }

    /// Those with at least `share` of the best one's probability.
    pub(super) fn min_p(mut self, share: f64) -> Self {
        self.kept.retain(|candidate| candidate.weight >= share);
        self
    }

    /// The token at `position` in `[0, 1)` of the probability that is left; `None` if no token is.
    pub(super) fn at(&self, position: f64) -> Option<u32> {
        let mut left = position * self.total();
        let mut reached = None;
        for candidate in &self.kept {
            reached = Some(candidate.id);
            left -= candidate.weight;
            if left < 0.0 {
                break;
            }
        }
        reached
    }

    fn total(&self) -> f64 {
        self.kept.iter().map(|candidate| candidate.weight).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn ids(candidates: &Candidates) -> BTreeSet<u32> {
        candidates
            .kept
            .iter()
            .map(|candidate| candidate.id)
            .collect()
    }

    fn scores() -> impl Strategy<Value = Vec<f32>> {
        // Few distinct values, so that ties are common.
        prop::collection::vec((-8..8i8).prop_map(|score| f32::from(score) / 2.0), 1..40)
    }

    proptest! {
        #[test]
        fn top_k_keeps_that_many_and_none_worse_than_what_it_drops(scores in scores(), count in 0usize..50) {
            let all = Candidates::new(&scores, 1.0);
            let kept = all.clone().top_k(count);
            let wanted = if count == 0 { scores.len() } else { count.min(scores.len()) };
            prop_assert_eq!(kept.kept.len(), wanted);
            let chosen = ids(&kept);
            let (kept, dropped): (Vec<&Candidate>, Vec<&Candidate>) =
                all.kept.iter().partition(|candidate| chosen.contains(&candidate.id));
            let worst = kept.iter().min().unwrap();
            prop_assert!(dropped.iter().all(|candidate| candidate < worst));
        }

        #[test]
        fn top_p_holds_its_share_and_would_not_without_its_worst(scores in scores(), share in 0.001..1.0f64) {
            let all = Candidates::new(&scores, 1.0);
            let kept = all.clone().top_p(share);
            let enough = share * all.total();
            prop_assert!(kept.total() >= enough * (1.0 - 1e-12));
            let worst = kept.kept.iter().min().unwrap().weight;
            prop_assert!(kept.kept.len() == 1 || kept.total() - worst < enough * (1.0 + 1e-12));
        }

        #[test]
        fn min_p_keeps_exactly_those_above_its_share_of_the_best(scores in scores(), share in 0.0..=1.0f64) {
            let all = Candidates::new(&scores, 1.0);
            let wanted: BTreeSet<u32> =
                all.kept.iter().filter(|candidate| candidate.weight >= share).map(|candidate| candidate.id).collect();
            prop_assert!(!wanted.is_empty());
            prop_assert_eq!(ids(&all.min_p(share)), wanted);
        }

        #[test]
        fn every_position_has_a_token_and_its_weight_is_its_share(scores in scores(), position in 0.0..1.0f64) {
            let all = Candidates::new(&scores, 0.7);
            let chosen = all.at(position).unwrap();
            let before: f64 = all.kept.iter().filter(|c| c.id < chosen).map(|c| c.weight).sum();
            let until: f64 = all.kept.iter().filter(|c| c.id <= chosen).map(|c| c.weight).sum();
            let point = position * all.total();
            prop_assert!(before <= point * (1.0 + 1e-12) && point <= until * (1.0 + 1e-12));
        }
    }

    #[test]
    fn scores_that_are_not_finite_are_never_drawn() {
        let candidates = Candidates::new(&[f32::NAN, 1.0, f32::INFINITY, f32::NEG_INFINITY], 1.0);
        assert_eq!(ids(&candidates), BTreeSet::from([1]));
        assert_eq!(Candidates::new(&[f32::NAN], 1.0).at(0.5), None);
    }
}
