use candor_core::DrawKey;
use rand::RngExt;
use rand::seq::index;

use super::perturbation::{Draws, stream};

/// Coalitions drawn from the Shapley kernel: a size with `p(s) ∝ (m − 1) / (s (m − s))`, then a uniform subset.
#[derive(Debug, Clone)]
pub(super) struct SizedCoalitions {
    key: DrawKey,
    groups: usize,
    count: usize,
    order: Order,
    /// `cumulative[s − 1] = Σ_{t ≤ s} p(t)`, up to a factor.
    cumulative: Vec<f64>,
}

/// How draws follow one another.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Order {
    /// Every second one is the complement of the one before: fewer draws for the same variance.
    Paired,
    /// The full and the empty mask first, then independent draws (Captum).
    EndsFirst,
}

impl SizedCoalitions {
    pub(super) fn paired(key: DrawKey, groups: usize, count: usize) -> Self {
        Self::new(key, groups, count, Order::Paired)
    }

    pub(super) fn with_ends(key: DrawKey, groups: usize, count: usize) -> Self {
        Self::new(key, groups, count, Order::EndsFirst)
    }

    fn new(key: DrawKey, groups: usize, count: usize, order: Order) -> Self {
        let mut total = 0.0;
        let cumulative = (1..groups)
            .map(|size| {
                total += 1.0 / (size as f64 * (groups - size) as f64);
                total
            })
            .collect();
        Self {
            key,
            groups,
            count,
            order,
            cumulative,
        }
    }

    /// A subset of a drawn size, as ones (or, of its complement, as zeros).
    fn subset(&self, row: usize, draw: usize, complement: bool, xi: &mut [f64]) {
        let (inside, outside) = if complement { (0.0, 1.0) } else { (1.0, 0.0) };
        let mut rng = stream(self.key, row, draw).rng();
        let point = rng.random::<f64>() * self.cumulative.last().copied().unwrap_or(0.0);
        let size = 1 + self.cumulative.partition_point(|&reached| reached <= point);
        xi.fill(outside);
        for group in index::sample(&mut rng, self.groups, size.min(self.groups)) {
            xi[group] = inside;
        }
    }
}

impl Draws for SizedCoalitions {
    fn count(&self) -> usize {
        self.count
    }

    fn width(&self) -> usize {
        self.groups
    }

    fn shared(&self) -> bool {
        false
    }

    fn write(&self, row: usize, draw: usize, xi: &mut [f64]) {
        match (self.order, draw) {
            (Order::EndsFirst, 0) => xi.fill(1.0),
            (Order::EndsFirst, 1) => xi.fill(0.0),
            (Order::EndsFirst, _) => self.subset(row, draw, false, xi),
            (Order::Paired, _) => self.subset(row, draw / 2, draw % 2 == 1, xi),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(source: &SizedCoalitions, draw: usize) -> Vec<f64> {
        let mut xi = vec![9.0; source.width()];
        source.write(0, draw, &mut xi);
        xi
    }

    #[test]
    fn every_second_coalition_is_the_complement() {
        let source = SizedCoalitions::paired(DrawKey::new(5), 6, 10);
        for draw in 0..5 {
            let (one, other) = (mask(&source, 2 * draw), mask(&source, 2 * draw + 1));
            assert!(
                one.iter()
                    .zip(&other)
                    .all(|(a, b)| (a + b - 1.0).abs() < 1e-15)
            );
        }
    }

    #[test]
    fn sizes_follow_the_kernel() {
        // m = 4: p(s) ∝ 1/3, 1/4, 1/3, so sizes 1, 2, 3 have shares 4/11, 3/11, 4/11.
        let source = SizedCoalitions::with_ends(DrawKey::new(5), 4, 20_002);
        let mut seen = [0usize; 5];
        for draw in 2..source.count() {
            seen[mask(&source, draw).iter().sum::<f64>() as usize] += 1;
        }
        assert_eq!((seen[0], seen[4]), (0, 0));
        for (seen, share) in seen[1..4].iter().zip([4.0, 3.0, 4.0]) {
            assert!((*seen as f64 / 20_000.0 - share / 11.0).abs() < 0.015);
        }
    }
}
