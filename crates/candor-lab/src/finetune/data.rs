use std::path::Path;
use std::sync::Arc;

use candor_core::DrawKey;
use candor_data::HoldoutConfig;
use rand::seq::SliceRandom;

use super::Job;
use super::examples::{Encoder, Example};
use super::rows::Rows;
use super::settings::FinetuneSettings;
use crate::run::RunError;

/// What is learned, and what is held out to see how well.
#[derive(Debug, Clone)]
pub(super) struct Data {
    pub(super) train: Vec<Arc<Example>>,
    pub(super) held_out: Vec<Arc<Example>>,
}

impl Data {
    /// Reads, encodes and splits; `limit` keeps so many rows of a file, drawn at random.
    pub(super) fn load(
        job: &Job,
        settings: &FinetuneSettings,
        encoder: &Encoder,
        limit: Option<usize>,
    ) -> Result<Self, RunError> {
        let read = |file: Option<&Path>| -> Result<Vec<Vec<Example>>, RunError> {
            let mut rows = Rows::read(file)?;
            if let Some(limit) = limit {
                rows.rows.shuffle(&mut DrawKey::new(settings.seed).rng());
                rows.rows.truncate(limit);
            }
            encoder.examples(&rows)
        };
        let rows = read(job.data.as_deref())?;
        if let Some(file) = &job.held_out {
            return Ok(Self {
                train: shared(rows),
                held_out: shared(read(Some(file))?),
            });
        }
        // A conversation is on one side or the other, whatever it teaches.
        let split = HoldoutConfig::new(settings.seed)
            .with_test(settings.held_out)
            .init()?
            .random(rows.len())?;
        let chosen = |places: &[usize]| {
            let rows = places.iter().map(|&place| rows[place].clone());
            shared(rows.collect())
        };
        Ok(Self {
            train: chosen(&split.train),
            held_out: chosen(&split.test),
        })
    }
}

fn shared(rows: Vec<Vec<Example>>) -> Vec<Arc<Example>> {
    rows.into_iter().flatten().map(Arc::new).collect()
}

#[cfg(test)]
mod tests {
    use candor_models::causal_lm::LmTokenizer;

    use super::super::settings::Format;
    use super::*;

    fn load(job: &Job, limit: Option<usize>) -> Data {
        let tokenizer = LmTokenizer::bytes().unwrap();
        let encoder = Encoder::new(&tokenizer, Format::Plain, 260, 512).unwrap();
        Data::load(job, &FinetuneSettings::default(), &encoder, limit).unwrap()
    }

    #[test]
    fn no_row_is_learned_and_held_out() {
        let data = load(&Job::default(), None);
        assert_eq!((data.train.len(), data.held_out.len()), (180, 20));
        let lines = |rows: &[Arc<Example>]| rows.iter().map(|row| row.line).collect::<Vec<_>>();
        let held_out = lines(&data.held_out);
        assert!(
            lines(&data.train)
                .iter()
                .all(|line| !held_out.contains(line))
        );
    }

    #[test]
    fn a_limit_draws_rows_and_a_file_of_held_out_rows_spares_the_others() {
        assert_eq!(load(&Job::default(), Some(40)).train.len(), 36);
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("held-out.jsonl");
        std::fs::write(&file, "{\"prompt\": \"p\", \"answer\": \"a\"}\n").unwrap();
        let job = Job {
            held_out: Some(file),
            ..Job::default()
        };
        let data = load(&job, None);
        assert_eq!((data.train.len(), data.held_out.len()), (200, 1));
    }
}
