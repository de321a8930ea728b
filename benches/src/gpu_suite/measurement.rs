use std::fmt;
use std::time::{Duration, Instant};

use burn::tensor::{Device, ExecutionError, TensorReadError};
use candor_core::ConfigError;
use candor_models::causal_lm::LmError;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::memory::peak_of;
use super::one_line;

/// What some work took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Median of the timed runs, in seconds.
    pub seconds: f64,
    /// The fastest of them.
    pub fastest_s: f64,
    /// How many there were.
    pub runs: usize,
    /// How much memory it held above what the operands use, results included, in MiB; a backend with a pool holds whole
    /// pages. Absent where nobody counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_mib: Option<f64>,
    /// What came out: that of one case and of another can be compared.
    pub value: f64,
}

/// A measurement, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    /// It was measured.
    Measured(Measurement),
    /// It was not.
    NotMeasured {
        /// Why not.
        not_measured: String,
    },
}

impl Outcome {
    /// The measurement, if there is one.
    pub fn measurement(&self) -> Option<&Measurement> {
        match self {
            Self::Measured(measurement) => Some(measurement),
            Self::NotMeasured { .. } => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMeasured { not_measured } => write!(f, "not measured: {not_measured}"),
            Self::Measured(measurement) => {
                write!(f, "{:.3} ms", measurement.seconds * 1e3)?;
                match measurement.peak_mib {
                    Some(peak) => write!(f, ", {peak:.1} MiB"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl From<Result<Measurement, NotMeasured>> for Outcome {
    fn from(result: Result<Measurement, NotMeasured>) -> Self {
        match result {
            Ok(measurement) => Self::Measured(measurement),
            Err(error) => Self::NotMeasured {
                not_measured: one_line(&error.to_string()),
            },
        }
    }
}

/// Why there is no measurement.
#[derive(Debug, Error)]
pub(super) enum NotMeasured {
    #[error("the device does not compute in {0}")]
    Precision(candor_lab::run::Precision),
    #[error("about {needed_mib} MiB are needed, there are {available_mib}")]
    Memory { needed_mib: u64, available_mib: u64 },
    #[error("{0} came out")]
    NotFinite(f64),
    #[error(transparent)]
    Execution(#[from] ExecutionError),
    #[error(transparent)]
    Read(#[from] TensorReadError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    LanguageModel(#[from] LmError),
}

/// Runs some work: once for its kernels to be compiled, once for its memory, and then against the clock.
///
/// The clock stops when the device has done all that it was given. The result is read after that, each time: a launch
/// that failed, for want of memory say, is known to nobody but the reader of what it should have written.
pub(super) fn measure<T>(
    device: &Device,
    work: impl Fn() -> Result<T, NotMeasured>,
    read: impl Fn(T) -> Result<f64, NotMeasured>,
) -> Result<Measurement, NotMeasured> {
    const FEWEST: usize = 3;
    const MOST: usize = 10;
    const ENOUGH: Duration = Duration::from_secs(3);
    finite(read(work()?)?)?;
    device.sync()?;

    let (result, peak) = peak_of(device, || -> Result<T, NotMeasured> {
        let result = work()?;
        device.sync()?;
        Ok(result)
    });
    let value = finite(read(result?)?)?;

    let mut seconds = Vec::new();
    let begin = Instant::now();
    while seconds.len() < FEWEST || (seconds.len() < MOST && begin.elapsed() < ENOUGH) {
        let start = Instant::now();
        let result = work()?;
        device.sync()?;
        seconds.push(start.elapsed().as_secs_f64());
        finite(read(result)?)?;
    }
    seconds.sort_by(f64::total_cmp);
    Ok(Measurement {
        seconds: median(&seconds),
        fastest_s: seconds[0],
        runs: seconds.len(),
        peak_mib: peak.map(|bytes| bytes as f64 / f64::from(1 << 20)),
        value,
    })
}

fn finite(value: f64) -> Result<f64, NotMeasured> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(NotMeasured::NotFinite(value))
    }
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert!((median(&[1.0, 2.0, 9.0]) - 2.0).abs() < 1e-12);
        assert!((median(&[1.0, 2.0, 4.0, 9.0]) - 3.0).abs() < 1e-12);
    }

    #[cfg(feature = "flex")]
    #[test]
    fn what_is_no_number_is_no_measurement() {
        let device = Device::flex();
        let measured = measure(&device, || Ok(2.0), Ok).unwrap();
        assert!((measured.value - 2.0).abs() < 1e-12 && measured.runs == 10);
        let outcome = Outcome::from(measure(&device, || Ok(f64::NAN), Ok));
        assert_eq!(outcome.measurement(), None);
        let text = serde_json::to_string(&outcome).unwrap();
        assert_eq!(text, r#"{"not_measured":"NaN came out"}"#);
    }
}
