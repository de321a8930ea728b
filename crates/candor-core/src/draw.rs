use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Names one stream of random numbers: the run, the row (example) and the draw within it.
///
/// Streams are counter-based, so the noise or coalition of a row is the same whether the row is explained
/// alone, in a batch of 64, on two devices or after a resume. Nothing global is seeded.
///
/// ```
/// use candor_core::DrawKey;
/// use rand::RngExt;
///
/// let key = DrawKey::new(7).row(3);
/// let a: f64 = key.draw(0).rng().random();
/// let b: f64 = key.draw(0).rng().random();
/// let c: f64 = key.draw(1).rng().random();
/// assert!(a == b && a != c);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct DrawKey {
    /// The run's seed.
    pub run: u64,
    /// The row's number in the data set, not in the batch.
    pub row: u64,
    /// The draw's number within the row.
    pub draw: u64,
}

impl DrawKey {
    /// The first draw of the first row of a run.
    pub const fn new(run: u64) -> Self {
        Self {
            run,
            row: 0,
            draw: 0,
        }
    }

    /// The same run, another row.
    pub const fn row(self, row: u64) -> Self {
        Self { row, ..self }
    }

    /// The same row, another draw.
    pub const fn draw(self, draw: u64) -> Self {
        Self { draw, ..self }
    }

    /// The generator of this stream, at its beginning.
    pub fn rng(self) -> ChaCha8Rng {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.run.to_le_bytes());
        seed[8..16].copy_from_slice(&self.row.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(seed);
        rng.set_stream(self.draw);
        rng
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::RngExt;

    use super::*;

    proptest! {
        #[test]
        fn every_part_of_the_key_changes_the_stream(run: u64, row: u64, draw: u64) {
            let first = |key: DrawKey| key.rng().random::<u64>();
            let key = DrawKey { run, row, draw };
            prop_assert_eq!(first(key), first(key));
            prop_assert_ne!(first(key), first(key.row(row.wrapping_add(1))));
            prop_assert_ne!(first(key), first(key.draw(draw.wrapping_add(1))));
            prop_assert_ne!(first(key), first(DrawKey { run: run.wrapping_add(1), ..key }));
        }
    }
}
