use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{ImageFormat, Rgb, RgbImage};

use crate::run::RunError;

/// Signed contributions as a picture: red for, blue against, white for none, scaled by the largest of the image.
///
/// # Errors
///
/// A picture that cannot be encoded.
pub fn attribution_image(values: &[f64], width: usize) -> Result<String, RunError> {
    let largest = values
        .iter()
        .fold(0.0f64, |largest, value| largest.max(value.abs()));
    let colour = |value: f64| {
        let strength = if largest > 0.0 {
            (value / largest).clamp(-1.0, 1.0)
        } else {
            0.0
        };
        let faded = shade(1.0 - strength.abs());
        if strength >= 0.0 {
            Rgb([255, faded, faded])
        } else {
            Rgb([faded, faded, 255])
        }
    };
    data_address(values, width, colour)
}

/// Values of 0 (black) to 1 (white) as a picture.
///
/// # Errors
///
/// A picture that cannot be encoded.
pub fn grey_image(values: &[f64], width: usize) -> Result<String, RunError> {
    data_address(values, width, |value| Rgb([shade(value); 3]))
}

fn shade(value: f64) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

fn data_address(
    values: &[f64],
    width: usize,
    colour: impl Fn(f64) -> Rgb<u8>,
) -> Result<String, RunError> {
    let height = values.len() / width.max(1);
    let picture = RgbImage::from_fn(width as u32, height as u32, |column, row| {
        colour(values[row as usize * width + column as usize])
    });
    let mut png = Cursor::new(Vec::new());
    picture
        .write_to(&mut png, ImageFormat::Png)
        .map_err(|error| RunError::Drawing {
            what: "a heatmap",
            reason: error.to_string(),
        })?;
    Ok(format!(
        "data:image/png;base64,{}",
        STANDARD.encode(png.into_inner())
    ))
}
