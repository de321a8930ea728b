//! Small real data sets, compiled into the crate; nothing is downloaded.
//!
//! | function | rows | features | predicts |
//! |---|---|---|---|
//! | [`digits`] | 1797 | 1 x 8 x 8 pixels in `0..=1` | one of 10 digits |
//! | [`iris`] | 150 | 4 | one of 3 species |
//! | [`wine`] | 178 | 13 | one of 3 growers |
//! | [`breast_cancer`] | 569 | 30 | malignant (0) or benign (1) |
//! | [`diabetes`] | 442 | 10 | progression after a year, 25..346 |
//!
//! They are those of scikit-learn (BSD 3-clause; see `data/README.md` and `data/LICENSE` in the crate). Tables are
//! in their own units: fit a [`Standardizer`](crate::Standardizer) on the training rows.

mod digits;
mod gzip;
mod tables;

pub use digits::digits;
pub use tables::{breast_cancer, diabetes, iris, wine};
