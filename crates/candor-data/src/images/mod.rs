//! Labelled images of one size, channel first, scaled to `0..=1`.

mod dataset;
mod folder;

pub use dataset::{ImageBatcher, ImageDataset, ImageItem};
pub use folder::{Color, ImageFolder, ImageFolderConfig, ImageSize};
