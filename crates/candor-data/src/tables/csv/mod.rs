//! Tables from CSV files whose every column is declared.

mod reader;
mod sheet;

pub use reader::{Classes, ColumnKind, CsvReader, CsvReaderConfig};
