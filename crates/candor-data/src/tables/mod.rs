//! Rows of numbers with a class or a number to predict.

mod column;
mod csv;
mod dataset;
mod standardizer;

pub use self::csv::{Classes, ColumnKind, CsvReader, CsvReaderConfig};
pub use column::{Coding, Column};
pub use dataset::{TableBatcher, TabularDataset, TabularItem};
pub use standardizer::Standardizer;
