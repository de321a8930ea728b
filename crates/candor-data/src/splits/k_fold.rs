use burn::config::Config;
use candor_core::ConfigError;
use serde::{Deserialize, Serialize};

use super::strata::{ascending, shuffled_by_label};

/// Configuration of cross-validation.
#[derive(Config, Debug)]
pub struct KFoldConfig {
    /// Decides which rows go where.
    pub seed: u64,
    /// How many folds. Default: 5.
    #[config(default = 5)]
    pub folds: usize,
}

/// One round of cross-validation, places ascending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// Rows to train on.
    pub train: Vec<usize>,
    /// Rows to test on.
    pub test: Vec<usize>,
}

impl KFoldConfig {
    /// Builds the splitter.
    ///
    /// # Errors
    ///
    /// Fewer than two folds.
    pub fn init(&self) -> Result<KFold, ConfigError> {
        if self.folds < 2 {
            let (seen, legal) = (self.folds, ">= 2");
            return Err(ConfigError::out_of_range(
                "KFoldConfig",
                "folds",
                seen,
                legal,
            ));
        }
        Ok(KFold {
            config: self.clone(),
        })
    }
}

/// Cross-validation: every row is tested on once, and each class is spread over the folds as evenly as it goes.
///
/// ```
/// use candor_data::KFoldConfig;
///
/// let folds = KFoldConfig::new(7).with_folds(3).init()?.stratified(&[0, 0, 0, 1, 1, 1])?;
/// assert!(folds.iter().all(|fold| fold.test.len() == 2 && fold.train.len() == 4));
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct KFold {
    config: KFoldConfig,
}

impl KFold {
    /// The folds for rows with these classes.
    ///
    /// # Errors
    ///
    /// Fewer rows than folds.
    pub fn stratified(&self, labels: &[usize]) -> Result<Vec<Fold>, ConfigError> {
        let folds = self.config.folds;
        if labels.len() < folds {
            let problem = format!("{folds} folds of {} rows", labels.len());
            return Err(ConfigError::contradiction("KFoldConfig", problem));
        }
        let dealt = shuffled_by_label(labels, self.config.seed).concat();
        // Dealt like cards, one class after the other, so that no fold gets the remainder of every class.
        let part = |fold: usize, test: bool| {
            let places = dealt.iter().enumerate();
            let chosen = places.filter(|(turn, _)| (turn % folds == fold) == test);
            ascending(chosen.map(|(_, &place)| place).collect())
        };
        let rounds = (0..folds).map(|fold| Fold {
            train: part(fold, false),
            test: part(fold, true),
        });
        Ok(rounds.collect())
    }
}
