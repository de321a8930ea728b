use std::path::{Path, PathBuf};

use burn::config::Config;
use candor_core::ConfigError;
use image::imageops::FilterType;
use image::{DynamicImage, ImageReader, Limits};

use super::{ImageDataset, ImageItem};
use crate::DataError;

/// What a pixel is.
#[derive(Config, Debug, Copy, PartialEq, Eq)]
#[allow(clippy::expl_impl_clone_on_copy)] // burn's derive writes the Clone
pub enum Color {
    /// One channel, luminance.
    Gray,
    /// Three channels: red, green, blue.
    Rgb,
}

impl Color {
    /// How many channels it has.
    pub fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
        }
    }
}

/// What happens to an image of another size.
#[derive(Config, Debug, Copy, PartialEq, Eq)]
#[allow(clippy::expl_impl_clone_on_copy)] // burn's derive writes the Clone
pub enum ImageSize {
    /// It is an error.
    Exact,
    /// It is stretched or shrunk, with a triangle (bilinear) filter; proportions are not kept.
    Resize,
}

/// Reads a folder with one subfolder a class, each full of PNG or JPEG images.
///
/// The classes are the subfolders' names in alphabetical order, and so are the images within each. Pixels are
/// scaled to `0..=1`; transparency is dropped. Entries whose name starts with a dot are passed over, anything
/// else that is not an image is an error. The format is found from the content, not from the name.
///
/// An image that claims more than `max_side` pixels on a side is refused before its pixels are allocated.
///
/// ```
/// # let root = std::env::temp_dir().join(format!("candor-images-{}", std::process::id()));
/// # std::fs::create_dir_all(root.join("cats")).unwrap();
/// # image::GrayImage::from_pixel(2, 3, image::Luma([255])).save(root.join("cats/a.png")).unwrap();
/// use candor_data::ImageFolderConfig;
///
/// let images = ImageFolderConfig::new(3, 2).read(&root)?; // height 3, width 2
/// assert_eq!((images.shape(), images.class_names()), ([1, 3, 2], &["cats".to_owned()][..]));
/// assert_eq!(images.items()[0].pixels, [1.0; 6]);
/// # std::fs::remove_dir_all(root).unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Config, Debug)]
pub struct ImageFolderConfig {
    /// Height of every image.
    pub height: usize,
    /// Width of every image.
    pub width: usize,
    /// What a pixel becomes. Default: gray.
    #[config(default = "Color::Gray")]
    pub color: Color,
    /// What happens to an image of another size. Default: it is an error.
    #[config(default = "ImageSize::Exact")]
    pub size: ImageSize,
    /// The largest height or width that is decoded. Default: 8192, that is 192 MiB of RGB.
    #[config(default = 8192)]
    pub max_side: u32,
}

impl ImageFolderConfig {
    /// Reads every image of every class.
    ///
    /// # Errors
    ///
    /// A folder without classes, a class without images, an entry that is no image or cannot be read, an image
    /// of another size; each is named.
    pub fn read(&self, root: impl AsRef<Path>) -> Result<ImageDataset, FolderError> {
        self.check()?;
        let root = root.as_ref();
        let classes = entries(root)?;
        if classes.is_empty() {
            return Err(DataError::empty(root, "class folder").into());
        }
        let mut items = Vec::new();
        let mut class_names = Vec::new();
        for (label, (name, folder)) in classes.into_iter().enumerate() {
            if !folder.is_dir() {
                return Err(unexpected(folder, "a class folder"));
            }
            self.read_class(&folder, label, &mut items)?;
            class_names.push(name);
        }
        let shape = [self.color.channels(), self.height, self.width];
        Ok(ImageDataset::new(items, shape, class_names)?)
    }
}
