#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! JSON Lines and image folders: what is read, and what is refused with its name.

use std::fs;
use std::path::Path;

use candor_data::{Color, DataError, ImageFolderConfig, ImageSize, jsonl};
use image::{GrayImage, Luma, Rgb, RgbImage};
use serde::Deserialize;
use tempfile::TempDir;

#[derive(Debug, Deserialize, PartialEq)]
struct Record {
    id: u32,
}

fn records(text: &str) -> Result<Vec<Record>, DataError> {
    jsonl::read_from(text.as_bytes(), "r.jsonl")
}

#[test]
fn records_are_read_line_by_line() {
    let wanted = vec![Record { id: 1 }, Record { id: 2 }];
    assert_eq!(records("{\"id\":1}\n{\"id\":2}").unwrap(), wanted);
    assert_eq!(records("{\"id\":1}\r\n{\"id\":2}\r\n").unwrap(), wanted);
}

#[test]
fn faulty_lines_are_named() {
    let faults = [
        ("{\"id\":1}\n{\"id\":\"x\"}\n", "r.jsonl:2: "),
        ("{\"id\":1}\n\n{\"id\":2}\n", "r.jsonl:2: "),
        ("{\"id\":1", "r.jsonl:1: "),
        ("{\"id\":NaN}", "r.jsonl:1: "),
        ("{\"id\":1} {\"id\":2}", "r.jsonl:1: "),
        ("", "r.jsonl: holds no record"),
    ];
    for (text, wanted) in faults {
        let seen = records(text).unwrap_err().to_string();
        assert!(seen.starts_with(wanted), "{text:?}: {seen}");
    }
}

#[test]
fn a_line_without_end_is_refused_before_it_fills_memory() {
    let endless = std::io::BufReader::new(std::io::repeat(b'1'));
    let error = jsonl::read_from::<Record>(endless, "r.jsonl").unwrap_err();
    assert!(
        matches!(error, DataError::LineTooLong { line: 1, .. }),
        "{error}"
    );
}

#[test]
fn a_hostile_nesting_is_an_error() {
    let text = "[".repeat(100_000);
    let error = jsonl::read_from::<serde_json::Value>(text.as_bytes(), "r.jsonl").unwrap_err();
    assert!(matches!(error, DataError::Json { .. }), "{error}");
}

/// Two classes of 2 x 3 images (height x width).
fn folder() -> TempDir {
    let root = TempDir::new().unwrap();
    for class in ["cats", "dogs"] {
        fs::create_dir(root.path().join(class)).unwrap();
    }
    let ramp = GrayImage::from_fn(3, 2, |x, y| Luma([(x + 3 * y) as u8 * 51]));
    ramp.save(root.path().join("cats/b.png")).unwrap();
    let red = RgbImage::from_pixel(3, 2, Rgb([255, 0, 0]));
    red.save(root.path().join("dogs/a.png")).unwrap();
    fs::write(root.path().join("dogs/.hidden"), "passed over").unwrap();
    root
}

fn read(root: &Path) -> Result<candor_data::ImageDataset, DataError> {
    ImageFolderConfig::new(2, 3).init().unwrap().read(root)
}

#[test]
fn classes_are_folders_in_alphabetical_order() {
    let root = folder();
    let images = read(root.path()).unwrap();
    assert_eq!(images.class_names(), ["cats", "dogs"]);
    assert_eq!((images.shape(), images.labels()), ([1, 2, 3], vec![0, 1]));
    let ramp: Vec<f32> = (0u8..6).map(|step| f32::from(step * 51) / 255.0).collect();
    assert_eq!(images.items()[0].pixels, ramp);
}

#[test]
fn colors_become_planes() {
    let root = folder();
    let reader = ImageFolderConfig::new(2, 3)
        .with_color(Color::Rgb)
        .init()
        .unwrap();
    let images = reader.read(root.path()).unwrap();
    assert_eq!(images.shape(), [3, 2, 3]);
    let red = &images.items()[1].pixels;
    assert_eq!(red[..6], [1.0; 6]);
    assert_eq!(red[6..], [0.0; 12]);
}

#[test]
fn other_sizes_are_an_error_or_resized() {
    let root = folder();
    let config = ImageFolderConfig::new(4, 4);
    let error = config.init().unwrap().read(root.path()).unwrap_err();
    assert!(
        matches!(
            error,
            DataError::ImageSize {
                seen: [2, 3],
                wanted: [4, 4],
                ..
            }
        ),
        "{error}"
    );
    let resized = config.with_size(ImageSize::Resize).init().unwrap();
    assert_eq!(
        resized.read(root.path()).unwrap().items()[1].pixels.len(),
        16
    );
}

#[test]
fn jpeg_is_read() {
    let root = folder();
    GrayImage::from_pixel(3, 2, Luma([128]))
        .save(root.path().join("cats/a.jpg"))
        .unwrap();
    let pixel = read(root.path()).unwrap().items()[0].pixels[0];
    assert!((pixel - 0.5).abs() < 0.05, "{pixel}");
}

#[test]
fn what_is_no_image_is_named() {
    let cases: [(&str, &[u8]); 3] = [
        ("cats/x.png", b"no image"),
        ("cats/x.png", b"\x89PNG\r\n\x1a\n"),
        ("readme.txt", b"at the root"),
    ];
    for (name, bytes) in cases {
        let root = folder();
        fs::write(root.path().join(name), bytes).unwrap();
        let error = read(root.path()).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn every_truncation_of_an_image_is_an_error_that_names_it() {
    let root = folder();
    let path = root.path().join("cats/b.png");
    let bytes = fs::read(&path).unwrap();
    // The last twelve bytes are the end marker, without which the pixels are complete.
    for length in 0..bytes.len() - 12 {
        fs::write(&path, &bytes[..length]).unwrap();
        let error = read(root.path()).unwrap_err().to_string();
        assert!(error.contains("b.png"), "{length}: {error}");
    }
}

#[test]
fn a_claimed_size_is_refused_before_it_is_allocated() {
    let root = folder();
    let path = root.path().join("cats/b.png");
    let mut bytes = fs::read(&path).unwrap();
    // The header's width and height, at 16 and 20, then its checksum.
    bytes[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    fs::write(&path, bytes).unwrap();
    let error = read(root.path()).unwrap_err();
    assert!(matches!(&error, DataError::Image { .. }), "{error}");
}

/// PNG's checksum, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn empty_folders_are_named() {
    let root = TempDir::new().unwrap();
    let error = read(root.path()).unwrap_err().to_string();
    assert!(error.ends_with("holds no class folder"), "{error}");
    fs::create_dir(root.path().join("cats")).unwrap();
    let error = read(root.path()).unwrap_err().to_string();
    assert!(error.ends_with("cats: holds no image"), "{error}");
    assert!(matches!(
        read(&root.path().join("none")),
        Err(DataError::Read { .. })
    ));
}

#[test]
fn sizes_that_no_image_has_are_refused() {
    let illegal = [
        ImageFolderConfig::new(0, 3),
        ImageFolderConfig::new(2, 0),
        ImageFolderConfig::new(9000, 3),
        ImageFolderConfig::new(2, 3).with_max_side(0),
        ImageFolderConfig::new(2, 3).with_max_side(40_000),
    ];
    for config in illegal {
        assert!(config.init().is_err(), "{config:?}");
    }
}
