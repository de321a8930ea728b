use burn::tensor::Tensor;
use candor_core::{InputError, host};
use serde::{Deserialize, Serialize};

use super::{
    KendallTopKConfig, TopKAgreement, kendall_tau, pearson_r, rank_biased_overlap, spearman_rho,
    weighted_kendall_tau,
};

const NAME: &str = "AgreementMatrix";

/// How deep a top-k measure looks into an instance of n entries.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum TopKDepth {
    /// Everything: k = n.
    All,
    /// The same k for every instance.
    Fixed(usize),
    /// k = max(1, floor(n · share)), the share in (0, 1].
    Fraction(f64),
}

impl TopKDepth {
    /// The k of an instance of so many entries.
    pub fn of(self, entries: usize) -> usize {
        match self {
            Self::All => entries,
            Self::Fixed(k) => k,
            Self::Fraction(share) => ((entries as f64 * share) as usize).max(1),
        }
    }
}

/// A measure of agreement that an [`AgreementMatrix`] fills itself with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum AgreementMeasure {
    /// [`kendall_tau`].
    KendallTau,
    /// [`spearman_rho`].
    Spearman,
    /// [`pearson_r`].
    Pearson,
    /// [`weighted_kendall_tau`].
    WeightedKendallTau {
        /// Decay of the weights, finite and >= 0.
        alpha: f64,
    },
    /// [`KendallTopK`](super::KendallTopK).
    KendallTopK {
        /// Price of a one-sided tie, in (0, 1].
        penalty: f64,
        /// Buckets compared.
        depth: TopKDepth,
    },
    /// Feature agreement of [`TopKAgreement`].
    TopKFeature(TopKDepth),
    /// Rank agreement of [`TopKAgreement`].
    TopKRank(TopKDepth),
    /// Sign agreement of [`TopKAgreement`].
    TopKSign(TopKDepth),
    /// Signed-rank agreement of [`TopKAgreement`].
    TopKSignedRank(TopKDepth),
    /// Jaccard index of [`TopKAgreement`].
    TopKJaccard(TopKDepth),
    /// [`rank_biased_overlap`].
    RankBiasedOverlap {
        /// Weight of depth, in (0, 1).
        persistence: f64,
    },
}

impl AgreementMeasure {
    /// The agreement of two explanations of one instance.
    ///
    /// # Errors
    ///
    /// What the measure itself refuses.
    pub fn compute(&self, left: &[f64], right: &[f64]) -> Result<f64, InputError> {
        let top = |depth: TopKDepth| TopKAgreement::of(left, right, depth.of(left.len()));
        match *self {
            Self::KendallTau => kendall_tau(left, right),
            Self::Spearman => spearman_rho(left, right),
            Self::Pearson => pearson_r(left, right),
            Self::WeightedKendallTau { alpha } => weighted_kendall_tau(left, right, alpha),
            Self::KendallTopK { penalty, depth } => {
                let measure = KendallTopKConfig::new().with_penalty(penalty).init();
                let measure = measure.map_err(|_| illegal("penalty", penalty, "in (0, 1]"))?;
                Ok(measure
                    .compute(left, right, Some(depth.of(left.len())))?
                    .value)
            }
            Self::TopKFeature(depth) => Ok(top(depth)?.feature),
            Self::TopKRank(depth) => Ok(top(depth)?.rank),
            Self::TopKSign(depth) => Ok(top(depth)?.sign),
            Self::TopKSignedRank(depth) => Ok(top(depth)?.signed_rank),
            Self::TopKJaccard(depth) => Ok(top(depth)?.jaccard),
            Self::RankBiasedOverlap { persistence } => {
                rank_biased_overlap(left, right, persistence)
            }
        }
    }

    /// Refuses settings that no instance could be measured with.
    fn check(&self) -> Result<(), InputError> {
        let depth = match *self {
            Self::KendallTopK { depth, .. }
            | Self::TopKFeature(depth)
            | Self::TopKRank(depth)
            | Self::TopKSign(depth)
            | Self::TopKSignedRank(depth)
            | Self::TopKJaccard(depth) => depth,
            _ => TopKDepth::All,
        };
        match depth {
            TopKDepth::Fixed(0) => return Err(illegal("depth", 0.0, ">= 1")),
            TopKDepth::Fraction(share) if !(share > 0.0 && share <= 1.0) => {
                return Err(illegal("depth", share, "in (0, 1]"));
            }
            _ => {}
        }
        // Any legal setting measures a list long enough against itself.
        let entries = if let TopKDepth::Fixed(k) = depth {
            k.max(2)
        } else {
            2
        };
        let list: Vec<f64> = (0..entries).map(|entry| entry as f64).collect();
        self.compute(&list, &list).map(drop)
    }
}

fn illegal(argument: &'static str, value: f64, legal: &'static str) -> InputError {
    InputError::OutOfRange {
        component: "AgreementMeasure",
        argument,
        index: 0,
        value,
        legal,
    }
}

/// Agreement of every method with every other, over a set of instances.
///
/// Instances on which a measure has no value (a constant explanation, one that is not finite, a k deeper than the
/// text) are left out and show in `count`, never as a zero in the mean. The diagonal is computed like the rest.
///
/// Source: Neely et al. (2022), A song of (dis)agreement: Evaluating the evaluation of explainable artificial
/// intelligence in natural language processing.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_metrics::agreement::{AgreementMatrix, AgreementMeasure};
///
/// // Two methods, one text of two tokens and a padded third, ranked in opposite order.
/// let scores = Tensor::<3>::from_floats([[[1.0, 2.0, 0.0]], [[2.0, 1.0, 0.0]]], &Device::flex());
/// let matrix = AgreementMatrix::compute(&scores, &[2], &AgreementMeasure::KendallTau).unwrap();
/// assert_eq!(matrix.mean, [[1.0, -1.0], [-1.0, 1.0]]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgreementMatrix {
    /// Mean over the instances with a value, 0 where there is none.
    pub mean: Vec<Vec<f64>>,
    /// Standard deviation over them (denominator count − 1), 0 for fewer than two.
    pub std: Vec<Vec<f64>>,
    /// How many instances had a value.
    pub count: Vec<Vec<usize>>,
}

impl AgreementMatrix {
    /// Compares all methods.
    ///
    /// # Shapes
    ///
    /// - attributions: `[methods, instances, tokens]`, padded at the end
    /// - lengths: true length of each instance, between 1 and `tokens`
    ///
    /// # Errors
    ///
    /// No method or instance, lengths that do not fit, illegal settings of the measure.
    pub fn compute(
        attributions: &Tensor<3>,
        lengths: &[usize],
        measure: &AgreementMeasure,
    ) -> Result<Self, InputError> {
        let [methods, instances, tokens] = attributions.dims();
        InputError::check_not_empty(NAME, "attributions", methods * instances)?;
        InputError::check_dims(NAME, "lengths", &[lengths.len()], &[instances])?;
        let sizes: Vec<f64> = lengths.iter().map(|&length| length as f64).collect();
        InputError::check_values(
            NAME,
            "lengths",
            &sizes,
            "between 1 and the number of tokens",
            |length| length >= 1.0 && length <= tokens as f64,
        )?;
        measure.check()?;
        let scores = host::floats(attributions);
        let row = |method: usize, instance: usize| {
            let start = (method * instances + instance) * tokens;
            &scores[start..start + lengths[instance]]
        };
        let mut matrix = Self::zeros(methods);
        for left in 0..methods {
            for right in left..methods {
                let values: Vec<f64> = (0..instances)
                    .filter_map(|instance| {
                        measure
                            .compute(row(left, instance), row(right, instance))
                            .ok()
                    })
                    .collect();
                matrix.set(left, right, &values);
            }
        }
        Ok(matrix)
    }

    fn zeros(methods: usize) -> Self {
        Self {
            mean: vec![vec![0.0; methods]; methods],
            std: vec![vec![0.0; methods]; methods],
            count: vec![vec![0; methods]; methods],
        }
    }

    /// Every measure is symmetric, so one comparison fills two entries.
    fn set(&mut self, left: usize, right: usize, values: &[f64]) {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count.max(1.0);
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let std = (squares / (count - 1.0).max(1.0)).sqrt();
        for (row, column) in [(left, right), (right, left)] {
            self.mean[row][column] = mean;
            self.std[row][column] = std;
            self.count[row][column] = values.len();
        }
    }
}
