//! Tables from CSV files whose every column is declared.

mod reader;
mod schema;
mod sheet;

pub use reader::{CsvReader, CsvReaderConfig};
pub use schema::{Classes, ColumnKind};
