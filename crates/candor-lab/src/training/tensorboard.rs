use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use burn::train::logger::MetricLogger;
use burn::train::metric::store::{EpochSummary, MetricsUpdate, Split};
use burn::train::metric::{MetricDefinition, MetricId, NumericEntry};
use prost::Message;

use crate::run::RunError;

/// Writes each epoch's metrics as a TensorBoard event file, beside burn-train's own logs.
pub(super) struct TensorBoardLogger {
    file: File,
    names: HashMap<MetricId, String>,
    /// Running mean over the epoch, by metric and split.
    latest: HashMap<(MetricId, String), f64>,
}

/// The subset of TensorFlow's `Event` that scalars need.
#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Scalar>,
}

#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, tag = "2")]
    simple_value: f32,
}

impl TensorBoardLogger {
    /// A new event file in a folder; a resumed training adds another, which TensorBoard joins.
    pub(super) fn create(directory: &Path) -> Result<Self, RunError> {
        std::fs::create_dir_all(directory)
            .map_err(|error| RunError::file("create", directory, error))?;
        let name = format!(
            "events.out.tfevents.{:.0}.candor.{}",
            now() * 1e6,
            std::process::id()
        );
        let path = directory.join(name);
        let file = File::create(&path).map_err(|error| RunError::file("create", &path, error))?;
        let mut logger = Self {
            file,
            names: HashMap::new(),
            latest: HashMap::new(),
        };
        logger.write(&Event {
            wall_time: now(),
            file_version: Some("brain.Event:2".to_owned()),
            ..Event::default()
        });
        Ok(logger)
    }

    /// Events are a convenience: one that cannot be written is reported, and the training goes on.
    fn write(&mut self, event: &Event) {
        if let Err(error) = self.file.write_all(&record(&event.encode_to_vec())) {
            tracing::warn!(%error, "a TensorBoard event could not be written");
        }
    }
}

impl MetricLogger for TensorBoardLogger {
    fn log(&mut self, update: MetricsUpdate, _epoch: usize, split: &Split) {
        for metric in update.entries_numeric {
            if let Some(entry) = metric.running_entry.or(metric.numeric_entry) {
                let value = NumericEntry::current(&entry);
                self.latest
                    .insert((metric.entry.metric_id, split.to_string()), value);
            }
        }
    }

    fn read_numeric(
        &mut self,
        name: &str,
        _: usize,
        _: &Split,
    ) -> Result<Vec<NumericEntry>, String> {
        Err(format!("{name}: event files are written, not read"))
    }

    fn log_metric_definition(&mut self, definition: MetricDefinition) {
        self.names
            .insert(definition.metric_id, definition.name.to_string());
    }

    fn log_epoch_summary(&mut self, summary: EpochSummary) {
        let split = summary.split.to_string();
        let mut value: Vec<Scalar> = self
            .latest
            .iter()
            .filter(|((_, of), _)| *of == split)
            .filter_map(|((metric, _), value)| {
                Some(Scalar {
                    tag: format!("{}/{split}", self.names.get(metric)?),
                    simple_value: *value as f32,
                })
            })
            .collect();
        value.sort_by(|a, b| a.tag.cmp(&b.tag));
        self.write(&Event {
            wall_time: now(),
            step: summary.epoch_number as i64,
            summary: Some(Summary { value }),
            ..Event::default()
        });
    }
}

/// A record of the TFRecord format: length, its checksum, data, its checksum.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut bytes = Vec::with_capacity(data.len() + 16);
    bytes.extend(length);
    bytes.extend(masked_checksum(&length).to_le_bytes());
    bytes.extend(data);
    bytes.extend(masked_checksum(data).to_le_bytes());
    bytes
}

fn masked_checksum(data: &[u8]) -> u32 {
    crc32c::crc32c(data)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_framed_as_tensorflow_frames_it() {
        // The first record of every event file that holds only a version and wall time 0.
        let event = Event {
            file_version: Some("brain.Event:2".to_owned()),
            ..Event::default()
        };
        let bytes = record(&event.encode_to_vec());
        assert_eq!(bytes[..8], 15u64.to_le_bytes());
        assert_eq!(bytes[12..14], [0x1a, 13]); // field 3, length 13
        assert_eq!(&bytes[14..27], b"brain.Event:2");
        assert_eq!(bytes[27..], masked_checksum(&bytes[12..27]).to_le_bytes());
    }
}
