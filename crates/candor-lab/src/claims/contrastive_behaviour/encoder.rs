//! An encoder that learns from two views of each digit.

use burn::tensor::{Device, Tensor, TensorData};
use candor_core::numerics::normalize_rows;
use candor_core::{ConfigError, DrawKey, host};
use candor_models::{Mlp, MlpConfig};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::super::descent::Descent;
use super::super::digit_rows::{DigitRows, PIXELS};

const BATCH: usize = 128;
const WIDTH: usize = 32;
const SIDE: usize = 8;
const NOISE: f64 = 0.1;
const RATE: f64 = 1e-3;
/// Draw of a step's shifts and noise.
const VIEWS_DRAW: u64 = 4;

/// Two views of each step's batch.
pub(super) struct TwoViews(Vec<[Tensor<2>; 2]>);

impl TwoViews {
    /// The views of so many steps.
    pub(super) fn draw(train: &DigitRows, steps: usize, seed: u64) -> Self {
        let digits = host::rows(&train.inputs);
        let device = train.inputs.device();
        let of_step = |step: usize| {
            let places = host::ints(&train.batch(BATCH, step, seed));
            let mut rng = DrawKey::new(seed).row(step as u64).draw(VIEWS_DRAW).rng();
            [(), ()].map(|()| {
                let batch = places
                    .iter()
                    .filter_map(|&place| digits.get(place as usize));
                let values: Vec<f64> = batch.flat_map(|digit| view(digit, &mut rng)).collect();
                let shape = [values.len() / PIXELS, PIXELS];
                Tensor::from_data(TensorData::new(values, shape), &device)
            })
        };
        Self((0..steps).map(of_step).collect())
    }
}

/// A digit, shifted by up to a pixel each way, with noise; zeros come in at the border.
fn view(digit: &[f64], rng: &mut impl RngExt) -> Vec<f64> {
    let [down, right] = [(), ()].map(|()| rng.random_range(-1..=1i64));
    let from = |at: usize, shift: i64| {
        let from = usize::try_from(at as i64 - shift).ok()?;
        (from < SIDE).then_some(from)
    };
    let pixel = |index: usize| {
        let (row, column) = (from(index / SIDE, down)?, from(index % SIDE, right)?);
        digit.get(row * SIDE + column).copied()
    };
    (0..PIXELS)
        .map(|index| {
            let noise: f64 = rng.sample(StandardNormal);
            pixel(index).unwrap_or(0.0) + NOISE * noise
        })
        .collect()
}

/// A trained network; its outputs become embeddings batch by batch.
pub(super) struct Encoder(Mlp);

impl Encoder {
    /// Learns to make `loss` of the views' embeddings small.
    pub(super) fn train(
        views: &TwoViews,
        seed: u64,
        device: &Device,
        loss: impl Fn(Tensor<2>, Tensor<2>) -> Tensor<1>,
    ) -> Result<Self, ConfigError> {
        let network = MlpConfig::new(PIXELS, vec![128, 128], WIDTH).init_seeded(device, seed)?;
        let steps = views.0.len();
        let trained = Descent::adam(RATE, steps).run(network, |network, step| {
            let [anchor, positive] = views.0[step].clone();
            loss(embed(network, anchor), embed(network, positive))
        });
        Ok(Self(trained))
    }

    /// Embeddings of both parts, of one batch.
    pub(super) fn embed(&self, [first, second]: [&DigitRows; 2]) -> [Tensor<2>; 2] {
        let inputs = Tensor::cat(vec![first.inputs.clone(), second.inputs.clone()], 0);
        let (middle, end) = (first.len(), first.len() + second.len());
        let embeddings = embed(&self.0, inputs);
        [
            embeddings.clone().slice_dim(0, 0..middle),
            embeddings.slice_dim(0, middle..end),
        ]
    }
}

/// Outputs standardised over the batch, which keeps them from collapsing to a point, and divided by their length.
fn embed(network: &Mlp, inputs: Tensor<2>) -> Tensor<2> {
    let outputs = network.logits(inputs);
    let around_mean = outputs.clone() - outputs.mean_dim(0);
    let variance = around_mean.clone().square().mean_dim(0);
    normalize_rows(around_mean / (variance + 1e-5).sqrt(), 1e-12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_the_digit_moved_by_at_most_a_pixel() {
        let mut digit = vec![0.0; PIXELS];
        digit[3 * SIDE + 4] = 100.0;
        let mut rng = DrawKey::new(0).rng();
        for _ in 0..20 {
            let seen = view(&digit, &mut rng);
            let bright = seen.iter().position(|&pixel| pixel > 50.0).unwrap();
            let (row, column) = (bright / SIDE, bright % SIDE);
            assert!((2..=4).contains(&row) && (3..=5).contains(&column));
        }
    }

    #[test]
    fn two_views_of_a_step_differ_and_are_the_seed_s() {
        let [train, _] = DigitRows::split(300, 1, &Device::flex()).unwrap();
        let draw = || TwoViews::draw(&train, 1, 1).0.remove(0);
        let ([a, b], [again, _]) = (draw(), draw());
        assert_eq!((a.dims(), b.dims()), ([BATCH, PIXELS], [BATCH, PIXELS]));
        assert_eq!(host::floats(&a), host::floats(&again));
        assert_ne!(host::floats(&a), host::floats(&b));
    }
}
