use burn::tensor::{Device, Int, Tensor, TensorData};
use candor_core::DrawKey;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::StandardNormal;

/// Tokens of a text.
pub(super) const LENGTH: usize = 12;
/// Kinds of tokens.
pub(super) const VOCABULARY: usize = 40;
/// The token that stands for nothing.
pub(super) const PAD: usize = 0;
/// The token that a transformer reads its answer from.
pub(super) const CLS: usize = 1;
/// How far the label's noise moves a sum: enough to break ties, and no more.
const NOISE: f64 = 0.01;

/// Draws of a seed's texts and of its training order.
const TEXT_DRAW: u64 = 2;
const ORDER_DRAW: u64 = 3;

/// Texts of random tokens, labelled by what their tokens are worth together.
///
/// Tokens 2 to 9 are worth 1, 10 to 17 are worth -1, 18 and 19 negate the token after them, the rest is worth nothing. The
/// label is whether the sum is positive; the noise decides where it is zero.
#[derive(Debug, Clone)]
pub(super) struct Texts {
    /// `[texts, 12]`.
    pub(super) tokens: Tensor<2, Int>,
    /// `[texts]`.
    pub(super) labels: Tensor<1, Int>,
}

impl Texts {
    pub(super) fn draw(count: usize, seed: u64, device: &Device) -> Self {
        let mut rng = DrawKey::new(seed).draw(TEXT_DRAW).rng();
        let (mut tokens, mut labels) = (
            Vec::with_capacity(count * LENGTH),
            Vec::with_capacity(count),
        );
        for _ in 0..count {
            let text: [usize; LENGTH] =
                std::array::from_fn(|_| rng.random_range(CLS + 1..VOCABULARY));
            let noise: f64 = rng.sample(StandardNormal);
            labels.push(i64::from(worth(&text) + NOISE * noise > 0.0));
            tokens.extend(text.map(|token| token as i64));
        }
        Self {
            tokens: Tensor::from_data(TensorData::new(tokens, [count, LENGTH]), device),
            labels: Tensor::from_data(labels.as_slice(), device),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.labels.dims()[0]
    }

    /// The texts from `start` up to `end`.
    pub(super) fn slice(&self, start: usize, end: usize) -> Self {
        Self {
            tokens: self.tokens.clone().slice_dim(0, start..end),
            labels: self.labels.clone().slice_dim(0, start..end),
        }
    }

    /// The batches of a training, epoch after epoch: each visits every text once, in an order of its own, and its last
    /// batch holds what is left over.
    pub(super) fn batches(&self, size: usize, epochs: usize, seed: u64) -> Vec<Self> {
        let places = (0..epochs as u64).flat_map(|epoch| {
            let mut order: Vec<i64> = (0..self.len() as i64).collect();
            order.shuffle(&mut DrawKey::new(seed).row(epoch).draw(ORDER_DRAW).rng());
            order.chunks(size).map(<[i64]>::to_vec).collect::<Vec<_>>()
        });
        places.map(|places| self.select(&places)).collect()
    }

    fn select(&self, places: &[i64]) -> Self {
        let places = Tensor::<1, Int>::from_data(places, &self.labels.device());
        Self {
            tokens: self.tokens.clone().select(0, places.clone()),
            labels: self.labels.clone().select(0, places),
        }
    }
}

/// What a text's tokens are worth together.
fn worth(text: &[usize]) -> f64 {
    let alone = |token: usize| match token {
        2..=9 => 1.0,
        10..=17 => -1.0,
        _ => 0.0,
    };
    let negated = |place: usize| place > 0 && matches!(text[place - 1], 18 | 19);
    let worth = |(place, &token): (usize, &usize)| {
        if negated(place) {
            -alone(token)
        } else {
            alone(token)
        }
    };
    text.iter().enumerate().map(worth).sum()
}

#[cfg(test)]
mod tests {
    use candor_core::host;

    use super::*;

    #[test]
    fn a_negation_turns_the_next_token_only() {
        assert!((worth(&[2, 18, 3, 4]) - 1.0).abs() < 1e-12); // 1 - 1 + 1
        assert!((worth(&[19, 10, 30, 11]) - 0.0).abs() < 1e-12); // 1 - 1
        assert!((worth(&[18, 19, 2]) + 1.0).abs() < 1e-12);
    }

    #[test]
    fn an_epoch_visits_every_text_once() {
        let texts = Texts::draw(5, 0, &Device::flex());
        let batches = texts.batches(2, 2, 0);
        let sizes: Vec<usize> = batches.iter().map(Texts::len).collect();
        assert_eq!(sizes, [2, 2, 1, 2, 2, 1]);
        let sum = |texts: &[Texts]| -> i64 {
            texts
                .iter()
                .flat_map(|texts| host::ints(&texts.tokens))
                .sum()
        };
        assert_eq!(sum(&batches[..3]), sum(std::slice::from_ref(&texts)));
        assert_eq!(sum(&batches[3..]), sum(&[texts]));
    }
}
