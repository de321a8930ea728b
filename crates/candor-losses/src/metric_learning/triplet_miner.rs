use burn::config::Config;
use burn::tensor::{Bool, Int, Tensor};
use candor_core::numerics::{normalize_rows, squared_distances};
use candor_core::{ConfigError, InputError, check_shape};
use serde::{Deserialize, Serialize};

use super::distances::first_least;
use super::row_check::check_rows;
use super::triplets::Triplets;

/// Which row of the right class is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hardness {
    /// The farthest positive, the nearest negative.
    Hard,
    /// The hardest that is still on its side of the other one: the nearest negative beyond the positive, the farthest
    /// positive before the negative.
    SemiHard,
    /// The nearest positive, the farthest negative.
    Easy,
}

/// Configuration of [`TripletMiner`]. The default is batch-hard.
///
/// | | positive | negative |
/// |---|---|---|
/// | batch-hard | hard | hard |
/// | semi-hard | hard or easy | semi-hard |
#[derive(Config, Debug)]
pub struct TripletMinerConfig {
    /// Which positive. Default: hard.
    #[config(default = "Hardness::Hard")]
    pub positive: Hardness,
    /// Which negative. Default: hard.
    #[config(default = "Hardness::Hard")]
    pub negative: Hardness,
}

impl TripletMinerConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// Both semi-hard: each would wait for the other.
    pub fn init(&self) -> Result<TripletMiner, ConfigError> {
        if self.positive == Hardness::SemiHard && self.negative == Hardness::SemiHard {
            let problem = "positive and negative cannot both be semi-hard";
            return Err(ConfigError::contradiction("TripletMinerConfig", problem));
        }
        Ok(TripletMiner {
            positive: self.positive,
            negative: self.negative,
        })
    }
}

/// Finds one triplet for each anchor of a batch: batch-hard, semi-hard or easy.
///
/// Distances are those of normalised rows. An anchor without a fitting positive or negative has no triplet. Of rows
/// equally far away the first is taken. The search stays on the device and carries no gradient.
///
/// Batch-hard finds what a model gets most wrong, outliers and wrong labels included; early in training it can make all
/// embeddings collapse. Semi-hard negatives are the usual start.
///
/// # Source
///
/// Hermans, Beyer, Leibe: In Defense of the Triplet Loss for Person Re-Identification, 2017, arXiv 1703.07737;
/// semi-hard: Schroff et al.: FaceNet, 2015, arXiv 1503.03832.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::metric_learning::TripletMinerConfig;
///
/// let device = Device::flex();
/// let rows = Tensor::<2>::from_floats([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 1.0]], &device);
/// let labels = Tensor::<1, Int>::from_data([0, 0, 1, 1], &device);
/// let miner = TripletMinerConfig::new().init().unwrap();
/// assert_eq!(miner.mine(rows, labels).indices(), [[0, 1, 2], [1, 0, 2], [2, 3, 1], [3, 2, 1]]);
/// ```
#[derive(Debug, Clone)]
pub struct TripletMiner {
    positive: Hardness,
    negative: Hardness,
}

impl TripletMiner {
    /// A triplet for each row as anchor, those that do not exist marked.
    ///
    /// # Shapes
    ///
    /// - embeddings: `[rows, width]`
    /// - labels: `[rows]`, any numbers
    ///
    /// # Panics
    ///
    /// When there is not one label a row.
    pub fn mine(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> Triplets {
        let [rows, _] = embeddings.dims();
        check_shape!("TripletMiner", labels, [rows]);
        let unit = normalize_rows(embeddings.without_autodiff(), 1e-12);
        let distances = squared_distances(unit.clone(), unit);
        let labels = labels.without_autodiff();
        let column = labels.clone().reshape([rows, 1]).expand([rows, rows]);
        let same = column.equal(labels.reshape([1, rows]).expand([rows, rows]));
        // Burn's mask is false on the diagonal.
        let others = Tensor::<2, Bool>::diag_mask([rows, rows], 0, &distances.device());
        let positives = same.clone().bool_and(others);
        let [positive, negative] = self.choose(&distances, positives, same.bool_not());
        let device = distances.device();
        Triplets {
            anchors: Tensor::arange(0..rows as i64, &device),
            kept: positive.exists.bool_and(negative.exists),
            positives: positive.place,
            negatives: negative.place,
        }
    }

    /// Looks for rows that cannot be mined.
    ///
    /// # Errors
    ///
    /// No row, another number of labels than rows.
    pub fn validate(
        &self,
        embeddings: &Tensor<2>,
        labels: &Tensor<1, Int>,
    ) -> Result<(), InputError> {
        check_rows("TripletMiner", "embeddings", embeddings, labels)
    }

    /// Each anchor's positive and negative; what is semi-hard is chosen after the other.
    fn choose(
        &self,
        distances: &Tensor<2>,
        positives: Tensor<2, Bool>,
        negatives: Tensor<2, Bool>,
    ) -> [Chosen; 2] {
        let beyond = |chosen: &Chosen| distances.clone().greater(chosen.distance(distances));
        let before = |chosen: &Chosen| distances.clone().lower(chosen.distance(distances));
        if self.positive == Hardness::SemiHard {
            let negative = Chosen::new(distances, negatives, self.negative == Hardness::Easy);
            let allowed = positives.bool_and(before(&negative));
            return [Chosen::new(distances, allowed, true), negative];
        }
        let positive = Chosen::new(distances, positives, self.positive == Hardness::Hard);
        let allowed = match self.negative {
            Hardness::SemiHard => negatives.bool_and(beyond(&positive)),
            Hardness::Hard | Hardness::Easy => negatives,
        };
        let farthest = self.negative == Hardness::Easy;
        let negative = Chosen::new(distances, allowed, farthest);
        [positive, negative]
    }
}

/// One row for each anchor.
struct Chosen {
    /// `[rows]`; means nothing where there is none.
    place: Tensor<1, Int>,
    /// `[rows]`.
    exists: Tensor<1, Bool>,
}

impl Chosen {
    /// The nearest or farthest of the rows that are allowed.
    fn new(distances: &Tensor<2>, allowed: Tensor<2, Bool>, farthest: bool) -> Self {
        /// Squared distances of normalised rows are at most 4.
        const OUT_OF_REACH: f64 = 16.0;
        let [rows, _] = distances.dims();
        let order = if farthest {
            distances.clone().neg()
        } else {
            distances.clone()
        };
        let order = order.mask_fill(allowed.clone().bool_not(), OUT_OF_REACH);
        Self {
            place: first_least(order).reshape([rows]),
            exists: allowed.any_dim(1).reshape([rows]),
        }
    }

    /// The distance to the chosen row, in every column.
    fn distance(&self, distances: &Tensor<2>) -> Tensor<2> {
        let [rows, _] = distances.dims();
        let places = self.place.clone().reshape([rows, 1]);
        distances.clone().gather(1, places).expand([rows, rows])
    }
}
