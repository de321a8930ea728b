use burn::config::Config;
use burn::tensor::{Int, Tensor};
use candor_core::{ConfigError, InputError, check_shape, in_f32};

use super::icnn::minus_log;
use super::neighbours::Neighbours;
use super::row_check::{check_rows, fitting};

const NAME: &str = "IcnnOriginalLoss";
const EPS: f64 = 1e-6;
/// Below this, numbers are not taken to a root, whose slope would be infinite.
const SMALLEST: f64 = 1e-12;

/// Configuration of [`IcnnOriginalLoss`].
#[derive(Config, Debug)]
pub struct IcnnOriginalLossConfig {
    /// Neighbours that are looked at, >= 1; 3 where there are no more rows than that. Default: 5.
    #[config(default = 5)]
    pub k: usize,
    /// Root of lambda, finite and >= 1. Default: 2.
    #[config(default = 2.0)]
    pub p: f64,
    /// Root of omega, finite and >= 1. Default: 2.
    #[config(default = 2.0)]
    pub q: f64,
    /// Root of gamma, finite and >= 1. Default: 2.
    #[config(default = 2.0)]
    pub r: f64,
    /// Whether omega is part of the score. Default: it is not, as in the authors' code.
    #[config(default = false)]
    pub use_omega: bool,
}

impl IcnnOriginalLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A `k` of zero, a root below one or not finite.
    pub fn init(&self) -> Result<IcnnOriginalLoss, ConfigError> {
        const NAME: &str = "IcnnOriginalLossConfig";
        for (field, root) in [("p", self.p), ("q", self.q), ("r", self.r)] {
            if !(root.is_finite() && root >= 1.0) {
                let legal = "finite and >= 1";
                return Err(ConfigError::out_of_range(NAME, field, root, legal));
            }
        }
        ConfigError::at_least_one(NAME, "k", self.k)?;
        Ok(IcnnOriginalLoss {
            config: self.clone(),
        })
    }
}

/// The original ICNN score and its parts, each `[1]`.
#[derive(Debug, Clone)]
pub struct IcnnOriginalScore {
    /// Mean of lambda and gamma, with `use_omega` also of omega; 1 is perfectly clustered.
    pub score: Tensor<1>,
    /// Neighbours of the same class near, others far.
    pub lambda: Tensor<1>,
    /// Distances vary little.
    pub omega: Tensor<1>,
    /// Share of neighbours that have the row's class; carries no gradient.
    pub gamma: Tensor<1>,
}

/// Minus the logarithm of the ICNN score as it was first defined.
///
/// ```text
/// D_ij     distance √(‖a - b‖² + 1e-6) of row i to its j-th neighbour, j < k;  s_ij = 1 where classes are equal, u = 1 - s
/// n_ij     (D_ij - min_j D_ij) / (max_j D_ij - min_j D_ij + 1e-6)
/// lambda_i = Σ_j u_ij n_ij + s_ij (1 - n_ij)
/// lambda   = mean_i( (lambda_i / max_i lambda_i)^(1/p) )
/// omega    = (1 - Var(s n) - Var(u n))^(1/q)
/// gamma    = mean_i( (Σ_j s_ij / k)^(1/r) )
/// loss     = -ln( mean of lambda, gamma [and omega] )
/// ```
///
/// The neighbour nearest to a row, the row itself, is left out. Variances are unbiased, over all n·k entries, zeros
/// included. Train with [`IcnnLoss`](super::IcnnLoss): it has the gradient that the authors settled on.
///
/// # Edge cases
///
/// With `k` rows or fewer, three neighbours are taken; there must be so many beside the row itself.
///
/// # Source
///
/// SuSana Distancia is all you need, 2023, arXiv 2305.09062, by the authors' code, which leaves omega out.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::metric_learning::IcnnOriginalLossConfig;
///
/// let device = Device::flex();
/// let rows = Tensor::<2>::from_floats([[0.0], [0.1], [0.2], [9.0], [9.1], [9.2]], &device);
/// let labels = Tensor::<1, Int>::from_data([0, 0, 0, 1, 1, 1], &device);
/// let icnn = IcnnOriginalLossConfig::new().with_k(2).init().unwrap();
/// assert_eq!(icnn.score(rows, labels).gamma.into_scalar::<f32>(), 1.0); // both neighbours are of the row's class
/// ```
#[derive(Debug, Clone)]
pub struct IcnnOriginalLoss {
    config: IcnnOriginalLossConfig,
}

impl IcnnOriginalLoss {
    /// The loss `[1]`.
    ///
    /// # Shapes
    ///
    /// - rows: `[rows, width]`
    /// - labels: `[rows]`, any numbers
    ///
    /// # Panics
    ///
    /// When there is not one label a row, or the rows are too few: see [`validate`](Self::validate).
    pub fn forward(&self, rows: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        in_f32(rows, |rows| minus_log(self.score(rows, labels).score))
    }

    /// The score with its parts.
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward).
    pub fn score(&self, rows: Tensor<2>, labels: Tensor<1, Int>) -> IcnnOriginalScore {
        let [count, _] = rows.dims();
        check_shape!(NAME, labels, [count]);
        let k = fitting(self.neighbours(count));
        let parts = in_f32(rows, |rows| {
            let set = (rows, labels);
            self.parts(&Neighbours::find(set.clone(), set, k, true))
        });
        let [score, lambda, omega, gamma] =
            [0, 1, 2, 3].map(|part| parts.clone().slice_dim(0, part..part + 1));
        IcnnOriginalScore {
            score,
            lambda,
            omega,
            gamma,
        }
    }

    /// Looks for rows the loss is not defined for.
    ///
    /// # Errors
    ///
    /// No row, differing lengths, too few rows for the neighbours.
    pub fn validate(&self, rows: &Tensor<2>, labels: &Tensor<1, Int>) -> Result<(), InputError> {
        check_rows(NAME, "rows", rows, labels)?;
        self.neighbours(rows.dims()[0]).map(|_| ())
    }

    /// How many neighbours are looked at among so many rows.
    fn neighbours(&self, rows: usize) -> Result<usize, InputError> {
        let k = if self.config.k >= rows {
            3
        } else {
            self.config.k
        };
        if rows < 3 || k >= rows {
            return Err(InputError::Undefined {
                component: NAME,
                reason: "a row must have as many neighbours as are looked at, and two at least",
            });
        }
        Ok(k)
    }

    /// Score, lambda, omega and gamma, `[4]`.
    fn parts(&self, found: &Neighbours) -> Tensor<1> {
        let IcnnOriginalLossConfig {
            p, q, r, use_omega, ..
        } = self.config;
        let near = scaled_by_row(found.distances.clone());
        let same = found.same.clone().float().cast(near.dtype());
        let other = same.clone().neg() + 1.0;
        let (near_same, near_other) = (same.clone() * near.clone(), other * near);

        let rows = (same.clone() - near_same.clone() + near_other.clone()).sum_dim(1);
        let largest = rows.clone().max_dim(0);
        let lambda = (rows.clamp_min(SMALLEST) / (largest + EPS)).powf_scalar(p.recip());
        let lambda = lambda.mean();
        let spread = variance(near_same) + variance(near_other);
        let omega = (spread.neg() + 1.0)
            .clamp_min(SMALLEST)
            .powf_scalar(q.recip());
        let gamma = same.mean_dim(1).powf_scalar(r.recip()).mean();

        let pair = lambda.clone() + gamma.clone();
        let score = if use_omega {
            (pair + omega.clone()) * 3f64.recip()
        } else {
            pair * 0.5
        };
        Tensor::cat(vec![score, lambda, omega, gamma], 0)
    }
}

/// Each row, whose entries ascend, moved and scaled to 0..=1.
fn scaled_by_row(distances: Tensor<2>) -> Tensor<2> {
    let [_, k] = distances.dims();
    let least = distances.clone().slice_dim(1, 0..1);
    let most = distances.clone().slice_dim(1, k - 1..k);
    (distances - least.clone()) / (most - least + EPS)
}

/// Unbiased variance of all entries, `[1]`; of a single entry 0.
fn variance(values: Tensor<2>) -> Tensor<1> {
    let entries = values.shape().num_elements();
    let mean = values.clone().mean().reshape([1, 1]);
    (values - mean).square().sum() * (entries.max(2) as f64 - 1.0).recip()
}
