use burn::config::Config;
use candor_core::ConfigError;
use serde::{Deserialize, Serialize};

use super::strata::{ascending, shuffled_by_label};

/// Configuration of a [`Holdout`].
#[derive(Config, Debug)]
pub struct HoldoutConfig {
    /// Decides which rows go where.
    pub seed: u64,
    /// Share of the rows to test on. Default: 0.2.
    #[config(default = 0.2)]
    pub test: f64,
    /// Share of the rows to validate on. Default: 0, there are none.
    #[config(default = 0.0)]
    pub validation: f64,
}

impl HoldoutConfig {
    /// Builds the splitter.
    ///
    /// # Errors
    ///
    /// A share outside `[0, 1)`, or shares that leave nothing to train on.
    pub fn init(&self) -> Result<Holdout, ConfigError> {
        for (field, share) in [("test", self.test), ("validation", self.validation)] {
            if !(0.0..1.0).contains(&share) {
                return Err(ConfigError::out_of_range(NAME, field, share, "in [0, 1)"));
            }
        }
        if self.test + self.validation >= 1.0 {
            let problem = "test + validation leave nothing to train on";
            return Err(ConfigError::contradiction(NAME, problem));
        }
        Ok(Holdout {
            config: self.clone(),
        })
    }
}

/// The places of the rows in each part, ascending; together they are all rows, each once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Rows to train on.
    pub train: Vec<usize>,
    /// Rows to choose settings on.
    pub validation: Vec<usize>,
    /// Rows to report.
    pub test: Vec<usize>,
}

/// Splits rows into those to train, to validate and to test on.
///
/// ```
/// use candor_data::HoldoutConfig;
///
/// let labels = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];
/// let split = HoldoutConfig::new(7).with_test(0.25).init()?.stratified(&labels)?;
/// let ones = split.test.iter().filter(|place| labels[**place] == 1).count();
/// assert_eq!((split.train.len(), split.test.len(), ones), (9, 3, 2));
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Holdout {
    config: HoldoutConfig,
}

impl Holdout {
    /// Splits so that every class has the same share in each part, up to rounding.
    ///
    /// Shares are rounded class by class; what is left over trains. A class of one row is for training.
    ///
    /// # Errors
    ///
    /// Rows too few for a part whose share is above zero.
    pub fn stratified(&self, labels: &[usize]) -> Result<Split, ConfigError> {
        let HoldoutConfig {
            seed,
            test,
            validation,
        } = self.config;
        let mut split = Split {
            train: Vec::new(),
            validation: Vec::new(),
            test: Vec::new(),
        };
        for places in shuffled_by_label(labels, seed) {
            let share = |part: f64| (part * places.len() as f64).round() as usize;
            let tested = share(test).min(places.len() - 1);
            let held_out = share(test + validation).clamp(tested, places.len() - 1);
            split.test.extend(&places[..tested]);
            split.validation.extend(&places[tested..held_out]);
            split.train.extend(&places[held_out..]);
        }
        self.check_parts(&split, labels.len())?;
        Ok(Split {
            train: ascending(split.train),
            validation: ascending(split.validation),
            test: ascending(split.test),
        })
    }

    /// Splits rows without classes.
    ///
    /// # Errors
    ///
    /// Rows too few for a part whose share is above zero.
    pub fn random(&self, rows: usize) -> Result<Split, ConfigError> {
        self.stratified(&vec![0; rows])
    }

    fn check_parts(&self, split: &Split, rows: usize) -> Result<(), ConfigError> {
        let HoldoutConfig {
            test, validation, ..
        } = self.config;
        let parts = [
            ("train", 1.0 - test - validation, &split.train),
            ("validation", validation, &split.validation),
            ("test", test, &split.test),
        ];
        let empty = |(_, share, places): &(_, f64, &Vec<_>)| *share > 0.0 && places.is_empty();
        match parts.into_iter().find(empty) {
            None => Ok(()),
            Some((name, share, _)) => {
                let problem = format!("{name} is {share:.3} of {rows} rows, which is none");
                Err(ConfigError::contradiction(NAME, problem))
            }
        }
    }
}

const NAME: &str = "HoldoutConfig";
