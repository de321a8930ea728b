//! Data sets that are embedded or read from files, and checked value by value where they enter.
//!
//! | component | what it does |
//! |---|---|
//! | [`embedded`] | digits, iris, wine, breast cancer and diabetes, compiled in |
//! | [`CsvReader`] | tables with declared columns, categorical ones coded |
//! | [`ImageFolder`] | PNG and JPEG images, one folder a class |
//! | [`jsonl`] | one JSON record a line, typed by serde |
//! | [`ImageDataset`], [`TabularDataset`] | what the readers give: burn `Dataset`s with their batchers |
//! | [`Holdout`], [`KFold`] | seeded, stratified splits |
//! | [`Standardizer`] | mean 0 and deviation 1, fitted on training rows |
//! | [`EpochLoader`] | a burn `DataLoader` whose epochs can be resumed bit by bit |
//! | [`EpisodeSampler`] | N-way K-shot episodes for few-shot learning |
//!
//! Readers return [`DataError`]s that name file, line and column; nothing is skipped in silence, and no size that a
//! file claims is allocated unchecked.
//!
//! ```
//! use burn::tensor::Device;
//! use candor_data::{HoldoutConfig, Standardizer, embedded};
//!
//! let wine = embedded::wine()?;
//! let split = HoldoutConfig::new(0).init()?.stratified(&wine.labels())?;
//! let train = wine.select(&split.train);
//! let batch = Standardizer::fit(&train)?.transform(&train)?.batch(&Device::flex());
//! assert_eq!(batch.inputs.dims(), [split.train.len(), 13]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batch;
pub mod embedded;
mod episodes;
mod epoch_loader;
mod error;
pub mod images;
pub mod jsonl;
pub mod splits;
pub mod tables;

pub use batch::{ClassBatch, RealBatch};
pub use episodes::{Episode, EpisodeSampler, EpisodeSamplerConfig, Episodes};
pub use epoch_loader::{EpochLoader, EpochLoaderConfig, EpochOrder};
pub use error::DataError;
pub use images::{
    Color, ImageBatcher, ImageDataset, ImageFolder, ImageFolderConfig, ImageItem, ImageSize,
};
pub use splits::{Fold, Holdout, HoldoutConfig, KFold, KFoldConfig, Split};
pub use tables::{
    Classes, Coding, Column, ColumnKind, CsvReader, CsvReaderConfig, Standardizer, TableBatcher,
    TabularDataset, TabularItem,
};
