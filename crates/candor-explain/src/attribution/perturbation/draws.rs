use burn::tensor::Tensor;
use candor_core::host::floats;
use candor_core::{DrawKey, InputError};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// The perturbations ξ of each row of a batch, made one at a time so that none needs to be kept.
///
/// Asked twice for the same row and draw it must give the same perturbation: the model sees it first, the
/// surrogate is fitted on it later.
pub(crate) trait Draws {
    /// Perturbations a row.
    fn count(&self) -> usize;

    /// Entries of a perturbation.
    fn width(&self) -> usize;

    /// Whether the one entry of a perturbation stands for the same value in all features.
    fn uniform(&self) -> bool {
        false
    }

    /// Whether every row of the batch meets the same perturbations.
    fn shared(&self) -> bool {
        true
    }

    /// Writes perturbation `draw` of row `row`.
    fn write(&self, row: usize, draw: usize, xi: &mut [f64]);
}

/// Perturbations given by the caller.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    width: usize,
    values: Vec<f64>,
}

impl Given {
    /// The rows of a matrix `[draws, width]`, where they are all finite.
    pub(crate) fn of(
        component: &'static str,
        argument: &'static str,
        matrix: &Tensor<2>,
    ) -> Result<Self, InputError> {
        let values = floats(matrix);
        InputError::check_finite(component, argument, &values)?;
        Ok(Self {
            width: matrix.dims()[1],
            values,
        })
    }

    /// Perturbation `draw`.
    pub(crate) fn row(&self, draw: usize) -> &[f64] {
        &self.values[draw * self.width..(draw + 1) * self.width]
    }
}

impl Draws for Given {
    fn count(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    fn width(&self) -> usize {
        self.width
    }

    fn write(&self, _row: usize, draw: usize, xi: &mut [f64]) {
        xi.copy_from_slice(self.row(draw));
    }
}

/// Given values, each the same in all features.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path<'a>(pub(crate) &'a [f64]);

impl Draws for Path<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn width(&self) -> usize {
        1
    }

    fn uniform(&self) -> bool {
        true
    }

    fn write(&self, _row: usize, draw: usize, xi: &mut [f64]) {
        xi.fill(self.0[draw]);
    }
}

/// Independent `N(0, sigma²)` entries, a stream for each row and draw.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Normal {
    pub(crate) key: DrawKey,
    pub(crate) count: usize,
    pub(crate) width: usize,
    pub(crate) sigma: f64,
}

impl Draws for Normal {
    fn count(&self) -> usize {
        self.count
    }

    fn width(&self) -> usize {
        self.width
    }

    fn shared(&self) -> bool {
        false
    }

    fn write(&self, row: usize, draw: usize, xi: &mut [f64]) {
        let mut rng = stream(self.key, row, draw).rng();
        for entry in xi {
            let normal: f64 = StandardNormal.sample(&mut rng);
            *entry = self.sigma * normal;
        }
    }
}

/// Masks whose entries are 1 with probability one half.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bernoulli {
    pub(crate) key: DrawKey,
    pub(crate) count: usize,
    pub(crate) width: usize,
}

impl Draws for Bernoulli {
    fn count(&self) -> usize {
        self.count
    }

    fn width(&self) -> usize {
        self.width
    }

    fn shared(&self) -> bool {
        false
    }

    fn write(&self, row: usize, draw: usize, xi: &mut [f64]) {
        let mut rng = stream(self.key, row, draw).rng();
        for entry in xi {
            *entry = f64::from(u8::from(rng.random::<bool>()));
        }
    }
}

/// All `2^groups` masks; bit `j` of the draw's number says whether group `j` is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EveryCoalition {
    pub(crate) groups: usize,
}

impl Draws for EveryCoalition {
    fn count(&self) -> usize {
        1 << self.groups
    }

    fn width(&self) -> usize {
        self.groups
    }

    fn write(&self, _row: usize, draw: usize, xi: &mut [f64]) {
        for (group, entry) in xi.iter_mut().enumerate() {
            *entry = ((draw >> group) & 1) as f64;
        }
    }
}

/// The full mask, then for each group the mask without it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WithoutEach {
    pub(crate) groups: usize,
}

impl Draws for WithoutEach {
    fn count(&self) -> usize {
        self.groups + 1
    }

    fn width(&self) -> usize {
        self.groups
    }

    fn write(&self, _row: usize, draw: usize, xi: &mut [f64]) {
        xi.fill(1.0);
        if let Some(left_out) = draw.checked_sub(1) {
            xi[left_out] = 0.0;
        }
    }
}

/// The stream of a draw for a row of the batch, counted from the key's own row and draw.
pub(crate) fn stream(key: DrawKey, row: usize, draw: usize) -> DrawKey {
    key.row(key.row.wrapping_add(row as u64))
        .draw(key.draw.wrapping_add(draw as u64))
}
