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

/// Configuration of an [`ImageFolder`] reader.
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
    /// Builds the reader.
    ///
    /// # Errors
    ///
    /// A height or width of zero or above `max_side`, or a `max_side` above 32768.
    pub fn init(&self) -> Result<ImageFolder, ConfigError> {
        const NAME: &str = "ImageFolderConfig";
        if !(1..=32768).contains(&self.max_side) {
            let legal = "in 1..=32768";
            return Err(ConfigError::out_of_range(
                NAME,
                "max_side",
                self.max_side,
                legal,
            ));
        }
        for (field, side) in [("height", self.height), ("width", self.width)] {
            if side == 0 || side > self.max_side as usize {
                return Err(ConfigError::out_of_range(
                    NAME,
                    field,
                    side,
                    "in 1..=max_side",
                ));
            }
        }
        Ok(ImageFolder {
            config: self.clone(),
        })
    }
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
/// # std::fs::create_dir_all(root.join("cats"))?;
/// # image::GrayImage::from_pixel(2, 3, image::Luma([255])).save(root.join("cats/a.png"))?;
/// use candor_data::ImageFolderConfig;
///
/// let images = ImageFolderConfig::new(3, 2).init()?.read(&root)?; // height 3, width 2
/// assert_eq!((images.shape(), images.class_names()[0].as_str()), ([1, 3, 2], "cats"));
/// assert_eq!(images.items()[0].pixels, [1.0; 6]);
/// # std::fs::remove_dir_all(root)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ImageFolder {
    config: ImageFolderConfig,
}

impl ImageFolder {
    /// Reads every image of every class.
    ///
    /// # Errors
    ///
    /// A folder without classes, a class without images, an entry that is no image or cannot be read, an image
    /// of another size; each is named.
    pub fn read(&self, root: impl AsRef<Path>) -> Result<ImageDataset, DataError> {
        let mut items = Vec::new();
        let mut class_names = Vec::new();
        for (name, folder) in entries(root.as_ref(), "class folder")? {
            if !folder.is_dir() {
                return Err(unexpected(folder, "a class folder"));
            }
            for (_, file) in entries(&folder, "image")? {
                items.push(ImageItem {
                    pixels: self.pixels(&file)?,
                    label: class_names.len(),
                    index: items.len(),
                });
            }
            class_names.push(name);
        }
        let channels = self.config.color.channels();
        let shape = [channels, self.config.height, self.config.width];
        ImageDataset::new(items, shape, class_names)
    }

    /// The pixels of one image, channel by channel, in `0..=1`.
    fn pixels(&self, file: &Path) -> Result<Vec<f32>, DataError> {
        let image = self.sized(self.decode(file)?, file)?;
        let bytes = match self.config.color {
            Color::Gray => image.into_luma8().into_raw(),
            Color::Rgb => image.into_rgb8().into_raw(),
        };
        let channels = self.config.color.channels();
        // The decoder interleaves channels; tensors hold one after the other.
        let channel = |at: usize| bytes.iter().skip(at).step_by(channels);
        let planes = (0..channels).flat_map(channel);
        Ok(planes.map(|&byte| f32::from(byte) / 255.0).collect())
    }

    fn decode(&self, file: &Path) -> Result<DynamicImage, DataError> {
        if !file.is_file() {
            return Err(unexpected(file.to_owned(), "an image file"));
        }
        let reader = ImageReader::open(file).map_err(DataError::read(file))?;
        let mut reader = reader
            .with_guessed_format()
            .map_err(DataError::read(file))?;
        let side = self.config.max_side;
        let mut limits = Limits::default();
        limits.max_image_width = Some(side);
        limits.max_image_height = Some(side);
        // The image itself at 16 bits and four channels, and as much again for the decoder.
        limits.max_alloc = Some(2 * 8 * u64::from(side) * u64::from(side));
        reader.limits(limits);
        reader.decode().map_err(|error| DataError::Image {
            file: file.to_owned(),
            reason: error.to_string(),
        })
    }

    fn sized(&self, image: DynamicImage, file: &Path) -> Result<DynamicImage, DataError> {
        let seen = [image.height() as usize, image.width() as usize];
        let wanted = [self.config.height, self.config.width];
        match self.config.size {
            _ if seen == wanted => Ok(image),
            ImageSize::Exact => Err(DataError::ImageSize {
                file: file.to_owned(),
                seen,
                wanted,
            }),
            ImageSize::Resize => {
                let [height, width] = wanted.map(|side| side as u32);
                Ok(image.resize_exact(width, height, FilterType::Triangle))
            }
        }
    }
}

/// Names and paths of a folder's entries in alphabetical order, hidden ones left out.
fn entries(folder: &Path, wanted: &'static str) -> Result<Vec<(String, PathBuf)>, DataError> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(DataError::read(folder))? {
        let entry = entry.map_err(DataError::read(folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            entries.push((name, entry.path()));
        }
    }
    if entries.is_empty() {
        return Err(DataError::empty(folder, wanted));
    }
    entries.sort();
    Ok(entries)
}

fn unexpected(file: PathBuf, wanted: &'static str) -> DataError {
    DataError::Unexpected { file, wanted }
}
