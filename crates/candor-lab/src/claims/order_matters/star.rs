use burn::tensor::{Device, Int, Tensor, TensorData};
use candor_core::DrawKey;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, Gamma};

/// Variables of a row: a head and five leaves.
pub(super) const ELEMENTS: usize = 6;
/// Values of a variable.
const VALUES: usize = 6;
/// Pairs (variable, value).
pub(super) const VOCABULARY: usize = ELEMENTS * VALUES;

/// Of the head's law: nearly even.
const HEAD_CONCENTRATION: f64 = 5.0;
/// Of each leaf's law given the head: peaked.
const LEAF_CONCENTRATION: f64 = 0.5;

/// Rows of a star-shaped joint law, as sets of pairs (variable, value): leaves depend on the head alone.
#[derive(Debug, Clone)]
pub(super) struct StarRows {
    /// The value pairs of each row, head first.
    rows: Vec<[i64; ELEMENTS]>,
}

/// The orders that the claim compares.
#[derive(Debug, Clone, Copy)]
pub(super) enum StarOrder {
    HeadFirst,
    HeadLast,
}

impl StarRows {
    /// Training and validation rows of one law.
    pub(super) fn draw(train: usize, validation: usize, seed: u64) -> [Self; 2] {
        let mut rng = DrawKey::new(seed).rng();
        let head = law(HEAD_CONCENTRATION, &mut rng);
        let leaves: Vec<Vec<Vec<f64>>> = (1..ELEMENTS)
            .map(|_| {
                let given = (0..VALUES).map(|_| law(LEAF_CONCENTRATION, &mut rng));
                given.collect()
            })
            .collect();
        let mut row = || {
            let value = pick(&head, &mut rng);
            let mut row = [value as i64; ELEMENTS];
            for (place, (entry, leaf)) in row.iter_mut().skip(1).zip(&leaves).enumerate() {
                *entry = ((place + 1) * VALUES + pick(&leaf[value], &mut rng)) as i64;
            }
            row
        };
        [train, validation].map(|count| Self {
            rows: (0..count).map(|_| row()).collect(),
        })
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Some of the rows in one order, `[rows, 6]`.
    pub(super) fn ordered(
        &self,
        chosen: impl Iterator<Item = usize>,
        order: StarOrder,
        device: &Device,
    ) -> Tensor<2, Int> {
        let shift = match order {
            StarOrder::HeadFirst => 0,
            StarOrder::HeadLast => 1,
        };
        let values: Vec<i64> = chosen
            .flat_map(|index| {
                let mut row = self.rows[index];
                row.rotate_left(shift);
                row
            })
            .collect();
        let shape = [values.len() / ELEMENTS, ELEMENTS];
        Tensor::from_data(TensorData::new(values, shape), device)
    }
}

/// A draw of the symmetric Dirichlet law, up to its sum.
fn law(concentration: f64, rng: &mut impl Rng) -> Vec<f64> {
    match Gamma::new(concentration, 1.0) {
        Ok(gamma) => gamma.sample_iter(rng).take(VALUES).collect(),
        // Unreachable: the concentrations are positive constants.
        Err(_) => vec![1.0; VALUES],
    }
}

/// An index, with probability in proportion to its share.
fn pick(shares: &[f64], rng: &mut impl Rng) -> usize {
    let mut left = rng.random::<f64>() * shares.iter().sum::<f64>();
    let index = shares.iter().position(|share| {
        left -= share;
        left < 0.0
    });
    index.unwrap_or(shares.len() - 1)
}

#[cfg(test)]
mod tests {
    use candor_core::host;

    use super::*;

    #[test]
    fn a_row_has_one_pair_of_each_variable_in_either_order() {
        let [train, validation] = StarRows::draw(5, 7, 0);
        assert_eq!((train.len(), validation.len()), (5, 7));
        let variables = |order| -> Vec<i64> {
            let rows = train.ordered([3].into_iter(), order, &Device::flex());
            let values = host::ints(&rows).into_iter();
            values.map(|token| token / VALUES as i64).collect()
        };
        assert_eq!(variables(StarOrder::HeadFirst), [0, 1, 2, 3, 4, 5]);
        assert_eq!(variables(StarOrder::HeadLast), [1, 2, 3, 4, 5, 0]);
    }

    #[test]
    fn pairs_come_in_proportion_to_their_shares() {
        let mut rng = DrawKey::new(0).rng();
        let hits = (0..4000).filter(|_| pick(&[3.0, 1.0], &mut rng) == 0);
        assert!((hits.count() as f64 / 4000.0 - 0.75).abs() < 0.03);
    }
}
