use burn::tensor::{Device, Int, Tensor, TensorData};
use candor_core::DrawKey;
use rand::RngExt;
use rand_distr::StandardNormal;

/// Draw of a seed for the chain's probabilities; a model takes draw 0 for its weights.
const CHAIN_DRAW: u64 = 1;
/// Draw of a seed for the texts, one row a step.
const TEXTS_DRAW: u64 = 2;
/// Tokens that are repeated through a text.
const MOTIF: usize = 4;
/// How often a repeated token is replaced by a random one.
const NOISE: f64 = 0.1;
/// Spread of the chain's logits.
const CONTRAST: f64 = 2.5;

/// A made-up language.
pub(super) enum Language {
    /// Every token is drawn given the two before it; the cumulative probabilities of each pair.
    Chain(Vec<Vec<f64>>),
    /// Four random tokens, repeated, a tenth of the places replaced at random.
    Motif,
}

/// Texts of a language, cut into what is seen and what comes next.
pub(super) struct Texts {
    pub(super) vocabulary: usize,
    pub(super) length: usize,
    pub(super) seed: u64,
    language: Language,
}

impl Texts {
    /// A chain whose probabilities belong to the seed.
    pub(super) fn chain(vocabulary: usize, length: usize, seed: u64) -> Self {
        let mut rng = DrawKey::new(seed).draw(CHAIN_DRAW).rng();
        let mut pair = |_| {
            let weights = (0..vocabulary).map(|_| {
                let logit: f64 = rng.sample(StandardNormal);
                (CONTRAST * logit).exp()
            });
            cumulative(weights)
        };
        let table = (0..vocabulary * vocabulary).map(&mut pair).collect();
        Self {
            vocabulary,
            length,
            seed,
            language: Language::Chain(table),
        }
    }

    /// Repeated motifs.
    pub(super) fn motif(vocabulary: usize, length: usize, seed: u64) -> Self {
        Self {
            vocabulary,
            length,
            seed,
            language: Language::Motif,
        }
    }

    /// A batch of its own for every number: tokens `[count, length]`, and the tokens after them, flat.
    pub(super) fn batch(
        &self,
        count: usize,
        number: u64,
        device: &Device,
    ) -> (Tensor<2, Int>, Tensor<1, Int>) {
        let mut rng = DrawKey::new(self.seed).row(number).draw(TEXTS_DRAW).rng();
        let (mut seen, mut next) = (Vec::<i64>::new(), Vec::<i64>::new());
        for _ in 0..count {
            let text = self.text(&mut rng);
            seen.extend(text.iter().take(self.length));
            next.extend(text.iter().skip(1));
        }
        let seen = TensorData::new(seen, [count, self.length]);
        let next = TensorData::new(next, [count * self.length]);
        (
            Tensor::from_data(seen, device),
            Tensor::from_data(next, device),
        )
    }

    /// One token longer than what is seen of it.
    fn text(&self, rng: &mut impl rand::Rng) -> Vec<i64> {
        let size = self.vocabulary;
        let start: Vec<usize> = (0..MOTIF).map(|_| rng.random_range(0..size)).collect();
        let mut text: Vec<usize> = start.iter().copied().take(2).collect();
        match &self.language {
            Language::Motif => {
                text = start.into_iter().cycle().take(self.length + 1).collect();
                for token in &mut text {
                    if rng.random_bool(NOISE) {
                        *token = rng.random_range(0..size);
                    }
                }
            }
            Language::Chain(table) => {
                while text.len() <= self.length {
                    let pair = text
                        .iter()
                        .rev()
                        .take(2)
                        .fold(0, |pair, token| pair * size + token);
                    let draw: f64 = rng.random();
                    let next = table
                        .get(pair)
                        .map_or(0, |row| row.partition_point(|&upto| upto < draw));
                    text.push(next.min(size - 1));
                }
            }
        }
        text.into_iter().map(|token| token as i64).collect()
    }
}

/// Running sums, the last of them 1.
fn cumulative(weights: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sums: Vec<f64> = weights
        .scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        })
        .collect();
    let total = sums.last().copied().unwrap_or(1.0);
    for sum in &mut sums {
        *sum /= total;
    }
    sums
}

#[cfg(test)]
mod tests {
    use candor_core::host;

    use super::*;

    #[test]
    fn what_comes_next_is_the_text_moved_by_one() {
        let device = Device::flex();
        for texts in [Texts::chain(8, 6, 0), Texts::motif(8, 6, 0)] {
            let (seen, next) = texts.batch(2, 0, &device);
            let (seen, next) = (host::ints(&seen), host::ints(&next));
            assert_eq!(seen[1..6], next[..5]);
            assert_eq!(seen[7..], next[6..11]);
            assert!(next.iter().all(|token| (0..8).contains(token)));
        }
    }

    #[test]
    fn most_tokens_of_a_motif_come_again_after_four() {
        let (_, next) = Texts::motif(16, 24, 3).batch(64, 0, &Device::flex());
        let next = host::ints(&next);
        let again = next
            .chunks(24)
            .flat_map(|text| text.windows(MOTIF + 1))
            .filter(|window| window[0] == window[MOTIF])
            .count();
        let share = again as f64 / (64.0 * 20.0);
        assert!((0.75..0.9).contains(&share), "{share}");
    }
}
