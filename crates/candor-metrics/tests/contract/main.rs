//! What every measure promises: settings that survive JSON and refuse the illegal, errors instead of NaN, rows that
//! do not see each other, memory that does not grow with draws or steps.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp
)]

mod agreement;
mod every_measure;
mod measures;
mod other_measures;
mod settings;
mod single_measures;

fn close(name: &str, seen: &[f64], wanted: &[f64], tolerance: f64) {
    assert_eq!(seen.len(), wanted.len(), "{name}");
    for (seen, wanted) in seen.iter().zip(wanted) {
        assert!(
            (seen - wanted).abs() <= tolerance * (1.0 + wanted.abs()),
            "{name}: {seen} and {wanted}"
        );
    }
}
