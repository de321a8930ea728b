use burn::config::Config;
use burn::tensor::{Int, Tensor};
use candor_core::{ConfigError, InputError, check_shape, in_f32};

use super::neighbours::Neighbours;
use super::row_check::{check_rows, fitting};

const NAME: &str = "IcnnLoss";
/// Added to counts and distances that are divided by.
const EPS: f64 = 1e-7;

/// Configuration of [`IcnnLoss`].
#[derive(Config, Debug)]
pub struct IcnnLossConfig {
    /// Neighbours that are scored, >= 1; small sets score fewer. Default: 4.
    #[config(default = 4)]
    pub k: usize,
    /// Neighbours among which the nearest of another class is looked for, from `k` to the rows there are.
    /// Default: one more than are scored.
    #[config(default = "None")]
    pub neighbourhood: Option<usize>,
    /// Whether the nearest target row is left out: right where it is the row itself. Default: it is left out.
    #[config(default = true)]
    pub drop_first: bool,
}

impl IcnnLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A `k` or a neighbourhood of zero.
    pub fn init(&self) -> Result<IcnnLoss, ConfigError> {
        const NAME: &str = "IcnnLossConfig";
        if let Some(count) = self.neighbourhood {
            ConfigError::at_least_one(NAME, "neighbourhood", count)?;
        }
        Ok(IcnnLoss {
            k: ConfigError::at_least_one(NAME, "k", self.k)?,
            neighbourhood: self.neighbourhood,
            drop_first: self.drop_first,
        })
    }
}

/// The ICNN score of a set of rows and its parts, each `[1]`.
#[derive(Debug, Clone)]
pub struct IcnnScore {
    /// `((lambda_same + lambda_diff) / 2 + gamma) / 2`, in (0, 1]; 1 is perfectly clustered.
    pub score: Tensor<1>,
    /// How near neighbours of the same class are, against the nearest of another class. 1 where no row has one.
    pub lambda_same: Tensor<1>,
    /// How far neighbours of another class are. 1 where no row has one.
    pub lambda_diff: Tensor<1>,
    /// Share of neighbours that have the row's class; carries no gradient.
    pub gamma: Tensor<1>,
}

/// Clustering as a loss: minus the logarithm of the ICNN score, which looks at each row's nearest neighbours.
///
/// ```text
/// D_ij   distance √(‖a - b‖² + 1e-6) of row i to its j-th neighbour, j < k;  s_ij = 1 where the classes are equal
/// near_i distance to the nearest neighbour of another class, within the neighbourhood
/// e_ij   D_ij / near_i, divided by max(1, largest of the row)
/// lambda_same = 1 - mean_i( mean over the neighbours of the same class of e_ij )
/// lambda_diff = mean_i( mean over the neighbours of another class of D_ij / largest such distance of all )
/// gamma       = share of neighbours of the same class
/// loss        = -ln( ((lambda_same + lambda_diff) / 2 + gamma) / 2 )
/// ```
///
/// Means run over the rows that have such a neighbour. This is the modified score that the authors train with;
/// [`IcnnOriginalLoss`](super::IcnnOriginalLoss) is the first one. Distances carry the gradient, choices and counts do
/// not: gamma moves the value and scales the gradient.
///
/// # Edge cases
///
/// - Sets with no more than `k + 2` target rows score two fewer neighbours than they have rows, and gamma is 1.
/// - No row has a neighbour of its class (5-way 1-shot): lambda_same and gamma are 1 and almost no signal is left. Do
///   not read the score as accuracy.
/// - One class only: score 1, loss 0, gradient 0.
/// - Between two sets ([`forward_against`](Self::forward_against)) `drop_first` leaves out the best match, as the authors'
///   code does; set it to false in new code. It then scores one neighbour more on small sets.
///
/// Memory is rows x neighbourhood x width; the search for neighbours keeps to 256 MiB.
///
/// # Source
///
/// SuSana Distancia is all you need, 2023, arXiv 2305.09062, by the authors' code.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::metric_learning::IcnnLossConfig;
///
/// let device = Device::flex();
/// let rows = Tensor::<2>::from_floats([[0.0], [0.1], [0.2], [9.0], [9.1], [9.2]], &device);
/// let labels = Tensor::<1, Int>::from_data([0, 0, 0, 1, 1, 1], &device);
/// let icnn = IcnnLossConfig::new().with_k(2).init().unwrap();
/// assert_eq!(icnn.score(rows, labels).gamma.into_scalar::<f32>(), 1.0); // both neighbours are of the row's class
/// ```
#[derive(Debug, Clone)]
pub struct IcnnLoss {
    k: usize,
    neighbourhood: Option<usize>,
    drop_first: bool,
}

impl IcnnLoss {
    /// The loss `[1]` of rows among themselves.
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
        self.forward_against(rows.clone(), labels.clone(), rows, labels)
    }

    /// The loss `[1]` of rows whose neighbours are looked for in another set.
    ///
    /// # Shapes
    ///
    /// - rows: `[rows, width]`, labels: `[rows]`
    /// - targets: `[targets, width]`, target_labels: `[targets]`
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward).
    pub fn forward_against(
        &self,
        rows: Tensor<2>,
        labels: Tensor<1, Int>,
        targets: Tensor<2>,
        target_labels: Tensor<1, Int>,
    ) -> Tensor<1> {
        in_f32(rows, |rows| {
            let score = self.score_against(rows, labels, targets, target_labels);
            minus_log(score.score)
        })
    }

    /// The score of rows among themselves, with its parts.
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward).
    pub fn score(&self, rows: Tensor<2>, labels: Tensor<1, Int>) -> IcnnScore {
        self.score_against(rows.clone(), labels.clone(), rows, labels)
    }

    /// The score of rows whose neighbours are looked for in another set, with its parts.
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward).
    pub fn score_against(
        &self,
        rows: Tensor<2>,
        labels: Tensor<1, Int>,
        targets: Tensor<2>,
        target_labels: Tensor<1, Int>,
    ) -> IcnnScore {
        let ([count, width], [target_count, _]) = (rows.dims(), targets.dims());
        check_shape!(NAME, labels, [count]);
        check_shape!(NAME, targets, [_, width]);
        check_shape!(NAME, target_labels, [target_count]);
        let sizes = fitting(self.sizes(target_count));
        let parts = in_f32(rows, |rows| {
            let targets = targets.cast(rows.dtype());
            let (origin, target) = ((rows, labels), (targets, target_labels));
            let found = Neighbours::find(origin, target, sizes.searched, self.drop_first);
            parts(&found, &sizes)
        });
        let [score, lambda_same, lambda_diff, gamma] =
            [0, 1, 2, 3].map(|part| parts.clone().slice_dim(0, part..part + 1));
        IcnnScore {
            score,
            lambda_same,
            lambda_diff,
            gamma,
        }
    }

    /// Looks for rows the loss is not defined for.
    ///
    /// # Errors
    ///
    /// No row, differing lengths, fewer than three rows, a neighbourhood below the neighbours that are scored or above
    /// those there are.
    pub fn validate(&self, rows: &Tensor<2>, labels: &Tensor<1, Int>) -> Result<(), InputError> {
        self.validate_against(rows, labels, rows, labels)
    }

    /// Looks for rows [`forward_against`](Self::forward_against) is not defined for.
    ///
    /// # Errors
    ///
    /// As [`validate`](Self::validate), and targets of another width.
    pub fn validate_against(
        &self,
        rows: &Tensor<2>,
        labels: &Tensor<1, Int>,
        targets: &Tensor<2>,
        target_labels: &Tensor<1, Int>,
    ) -> Result<(), InputError> {
        check_rows(NAME, "rows", rows, labels)?;
        check_rows(NAME, "targets", targets, target_labels)?;
        let ([_, width], [count, _]) = (rows.dims(), targets.dims());
        InputError::check_dims(NAME, "targets", &targets.dims(), &[count, width])?;
        self.sizes(count).map(|_| ())
    }

    /// The same loss with another neighbourhood.
    pub(super) fn with_neighbourhood(&self, neighbourhood: usize) -> Self {
        Self {
            neighbourhood: Some(neighbourhood),
            ..self.clone()
        }
    }

    /// How many neighbours are scored and searched among so many target rows.
    fn sizes(&self, targets: usize) -> Result<Sizes, InputError> {
        if targets < 3 {
            return Err(InputError::Undefined {
                component: NAME,
                reason: "there must be at least three target rows",
            });
        }
        let skipped = usize::from(self.drop_first);
        let available = targets - skipped;
        let whole = self.k + 1 + skipped >= targets;
        let scored = if whole { available - 1 } else { self.k };
        let searched = self.neighbourhood.unwrap_or(scored + 1);
        if searched < scored || searched > available {
            return Err(InputError::OutOfRange {
                component: NAME,
                argument: "neighbourhood",
                index: 0,
                value: searched as f64,
                legal: "at least the neighbours scored and at most the target rows there are",
            });
        }
        Ok(Sizes {
            scored,
            searched,
            whole,
        })
    }
}

/// Neighbours of a row.
#[derive(Debug)]
struct Sizes {
    /// How many are scored.
    scored: usize,
    /// How many are searched for one of another class.
    searched: usize,
    /// Whether nearly all rows are scored, so that their classes tell nothing.
    whole: bool,
}

/// `-ln(score)`, finite for a score of 0.
pub(super) fn minus_log(score: Tensor<1>) -> Tensor<1> {
    -score.clamp_min(1e-12).log()
}

/// Score, lambda_same, lambda_diff and gamma, `[4]`.
fn parts(found: &Neighbours, sizes: &Sizes) -> Tensor<1> {
    let (k, [rows, _]) = (sizes.scored, found.distances.dims());
    let distances = found.distances.clone().slice_dim(1, 0..k);
    let same = found.same.clone().slice_dim(1, 0..k).float();
    let same = same.cast(distances.dtype());
    let other = same.clone().neg() + 1.0;

    let relative = relative_distances(found, k) * same.clone();
    let lambda_same = mean_of_means(relative, &same).neg() + 1.0;

    let apart = distances * other.clone();
    let largest = apart.clone().reshape([1, rows * k]).max_dim(1);
    let none_apart = other.clone().sum().equal_scalar(0.0).float();
    let none_apart = none_apart.cast(apart.dtype());
    let lambda_diff = mean_of_means(apart / (largest + EPS), &other) + none_apart;

    let gamma = if sizes.whole {
        Tensor::ones_like(&lambda_same).detach()
    } else {
        same.mean()
    };
    let score = ((lambda_same.clone() + lambda_diff.clone()) * 0.5 + gamma.clone()) * 0.5;
    Tensor::cat(vec![score, lambda_same, lambda_diff, gamma], 0)
}

/// Distances as shares of the distance to the nearest row of another class, at most 1; 0 in rows that found none.
fn relative_distances(found: &Neighbours, k: usize) -> Tensor<2> {
    let [rows, _] = found.distances.dims();
    let alone = found.same.clone().all_dim(1);
    let near = found
        .distances
        .clone()
        .mask_fill(found.same.clone(), f64::from(f32::MAX))
        .min_dim(1)
        .mask_fill(alone.clone(), 1.0);
    let shares = found.distances.clone().slice_dim(1, 0..k) / (near + EPS);
    let shares = shares.mask_fill(alone.expand([rows, k]), 0.0);
    shares.clone() / shares.max_dim(1).clamp_min(1.0)
}

/// The mean over a row's members, `[rows, k]` each, then over the rows that have one, `[1]`.
///
/// Values must be 0 where there is no member.
fn mean_of_means(values: Tensor<2>, members: &Tensor<2>) -> Tensor<1> {
    let counts = members.clone().sum_dim(1);
    let with_members = counts.clone().greater_scalar(0.0).float();
    let with_members = with_members.cast(values.dtype()).sum();
    (values.sum_dim(1) / (counts + EPS)).sum() / (with_members + EPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(k: usize, drop_first: bool, targets: usize) -> (usize, usize, bool) {
        let loss = IcnnLossConfig::new().with_k(k).with_drop_first(drop_first);
        let sizes = loss.init().unwrap().sizes(targets).unwrap();
        (sizes.scored, sizes.searched, sizes.whole)
    }

    #[test]
    fn small_sets_score_fewer_neighbours() {
        assert_eq!(sizes(4, true, 12), (4, 5, false));
        assert_eq!(sizes(4, true, 7), (4, 5, false));
        assert_eq!(sizes(4, true, 6), (4, 5, true));
        assert_eq!(sizes(4, true, 5), (3, 4, true));
        assert_eq!(sizes(4, true, 3), (1, 2, true));
        assert_eq!(sizes(4, false, 6), (4, 5, false));
        assert_eq!(sizes(4, false, 5), (4, 5, true));
        assert_eq!(sizes(9, false, 3), (2, 3, true));
    }
}
