use burn::tensor::{Device, Int, Tensor, TensorData};
use candor_core::DrawKey;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// What can be said of a person.
pub(super) const ATTRIBUTES: usize = 6;
/// How many ways each attribute can be.
const VALUES: usize = 5;
/// Numbers of an image's patch.
pub(super) const PATCH: usize = 8;
/// Tokens of a caption: the class token, and an adjective and a noun for each attribute.
pub(super) const LENGTH: usize = 1 + 2 * ATTRIBUTES;
/// Kinds of tokens: the class token, an adjective for each value of each attribute, a noun for each attribute.
pub(super) const VOCABULARY: usize = 1 + ATTRIBUTES * VALUES + ATTRIBUTES;
/// Noise of a patch around what it shows.
const NOISE: f64 = 0.7;
/// Probability that an attribute is changed in a wrong caption, beside the one that surely is.
const CHANGE: f64 = 0.34;

/// A person: the value of each attribute.
pub(super) type Person = [usize; ATTRIBUTES];

/// What each value of each attribute looks like: the same in all images of a seed.
pub(super) struct Looks(Vec<f64>);

impl Looks {
    pub(super) fn draw(seed: u64) -> Self {
        let mut rng = DrawKey::new(seed).rng();
        let count = ATTRIBUTES * VALUES * PATCH;
        Self((0..count).map(|_| rng.sample(StandardNormal)).collect())
    }

    /// An image of each person, one noisy patch an attribute, `[people, 6, 8]`.
    pub(super) fn images(
        &self,
        people: &[Person],
        rng: &mut impl Rng,
        device: &Device,
    ) -> Tensor<3> {
        let mut pixels = Vec::with_capacity(people.len() * ATTRIBUTES * PATCH);
        for person in people {
            for (attribute, value) in person.iter().enumerate() {
                let start = (attribute * VALUES + value) * PATCH;
                let look = self.0.iter().skip(start).take(PATCH);
                pixels.extend(look.map(|look| {
                    let noise: f64 = rng.sample(StandardNormal);
                    look + NOISE * noise
                }));
            }
        }
        let shape = [people.len(), ATTRIBUTES, PATCH];
        Tensor::from_data(TensorData::new(pixels, shape), device)
    }
}

pub(super) fn random_people(count: usize, rng: &mut impl Rng) -> Vec<Person> {
    let person = |_| std::array::from_fn(|_| rng.random_range(0..VALUES));
    (0..count).map(person).collect()
}

/// Who a wrong caption describes: one attribute surely changed, each other one with some probability.
pub(super) fn changed(person: &Person, rng: &mut impl Rng) -> Person {
    let sure = rng.random_range(0..ATTRIBUTES);
    let mut wrong = *person;
    for (attribute, value) in wrong.iter_mut().enumerate() {
        if rng.random_bool(CHANGE) || attribute == sure {
            *value = (*value + rng.random_range(1..VALUES)) % VALUES;
        }
    }
    wrong
}

/// The captions of people, `[people, 13]`.
pub(super) fn captions(people: &[Person], device: &Device) -> Tensor<2, Int> {
    let mut tokens = Vec::with_capacity(people.len() * LENGTH);
    for person in people {
        tokens.push(0);
        for (attribute, value) in person.iter().enumerate() {
            let adjective = 1 + attribute * VALUES + value;
            let noun = 1 + ATTRIBUTES * VALUES + attribute;
            tokens.extend([adjective as i64, noun as i64]);
        }
    }
    Tensor::from_data(TensorData::new(tokens, [people.len(), LENGTH]), device)
}

/// Which attribute each token of a caption belongs to, `[captions, 13]`.
pub(super) fn chunks(captions: usize, device: &Device) -> Tensor<2, Int> {
    let pairs = (1..=ATTRIBUTES as i64).flat_map(|attribute| [attribute; 2]);
    let row: Vec<i64> = std::iter::once(0).chain(pairs).collect();
    Tensor::<2, Int>::from_data(TensorData::new(row, [1, LENGTH]), device).repeat_dim(0, captions)
}

#[cfg(test)]
mod tests {
    use candor_core::host;

    use super::*;

    #[test]
    fn a_wrong_caption_differs_and_a_right_one_names_every_attribute() {
        let mut rng = DrawKey::new(1).rng();
        for person in random_people(50, &mut rng) {
            assert_ne!(changed(&person, &mut rng), person);
        }
        let tokens = host::ints(&captions(&[[0, 1, 2, 3, 4, 0]], &Device::flex()));
        assert_eq!(tokens, [0, 1, 31, 7, 32, 13, 33, 19, 34, 25, 35, 26, 36]);
        let chunks = host::ints(&chunks(1, &Device::flex()));
        assert_eq!(chunks, [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]);
    }
}
