use super::gzip;
use crate::images::{ImageDataset, ImageItem};
use crate::{Classes, ColumnKind, CsvReaderConfig, DataError};

const SHAPE: [usize; 3] = [1, 8, 8];
/// The file counts inked pixels of a 4 x 4 block.
const FULL_INK: f32 = 16.0;

/// Handwritten digits, 1797 images of 8 x 8 pixels in `0..=1`.
///
/// ```
/// let digits = candor_data::embedded::digits()?;
/// assert_eq!(digits.items()[0].label, 0);
/// assert_eq!(digits.items()[0].pixels[2], 5.0 / 16.0);
/// # Ok::<(), candor_data::DataError>(())
/// ```
///
/// # Errors
///
/// None with the file that is compiled in.
pub fn digits() -> Result<ImageDataset, DataError> {
    let name = "digits.csv.gz";
    let text = gzip::text(include_bytes!("../../data/digits.csv.gz"), name)?;
    let pixels = (0..64).map(|at| (format!("pixel {at}"), ColumnKind::Numeric));
    let columns = pixels.chain([("digit".to_owned(), ColumnKind::Target)]);
    let class_names: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
    let reader = CsvReaderConfig::new(columns.collect())
        .with_header(false)
        .init()
        .map_err(|error| DataError::record("digits", 0, error.to_string()))?;
    let classes = Classes::Indexed(class_names.clone());
    let table = reader.classes_from(text.as_bytes(), name, &classes)?;
    let items = table.items().iter().map(|row| ImageItem {
        pixels: row.features.iter().map(|ink| ink / FULL_INK).collect(),
        label: row.target,
        index: row.index,
    });
    ImageDataset::new(items.collect(), SHAPE, class_names)
}
