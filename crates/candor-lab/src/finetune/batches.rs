use std::sync::Arc;

use burn::data::dataloader::DataLoader;
use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::{DatasetError, InMemDataset};
use burn::tensor::{Device, Int, Tensor, TensorData};
use candor_core::ConfigError;
use candor_data::{EpochLoaderConfig, EpochOrder};
use serde_json::{Map, Value, json};

use super::examples::Example;
use crate::run::RunError;
use crate::training::Evidence;

/// What one optimiser step learns from, in parts that are computed one after the other.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) parts: Vec<Part>,
    /// How many tokens of all parts are learned.
    pub(super) tokens: usize,
    examples: Vec<Arc<Example>>,
}

/// Some rows, filled up at the right.
///
/// A token sees those before it only, so what fills a row up is seen by nothing that counts: there is no mask.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// `[rows, longest]`
    pub(super) ids: Tensor<2, Int>,
    /// Which positions of the flattened rows are followed by a token of an answer, `[answer tokens]`.
    pub(super) places: Tensor<1, Int>,
    /// The tokens of the answers, `[answer tokens]`.
    pub(super) targets: Tensor<1, Int>,
}

impl Evidence for Step {
    fn evidence(&self) -> Map<String, Value> {
        let lines: Vec<u64> = self.examples.iter().map(|example| example.line).collect();
        let ids: Vec<&[u32]> = self
            .examples
            .iter()
            .map(|example| &example.ids[..])
            .collect();
        let prompts: Vec<usize> = self.examples.iter().map(|example| example.prompt).collect();
        let named = [
            ("lines", json!(lines)),
            ("ids", json!(ids)),
            ("prompt_tokens", json!(prompts)),
        ];
        named
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

/// Makes steps of examples.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepBatcher {
    /// The most rows of a part.
    pub(super) micro_batch: usize,
    /// An id of the vocabulary that rows are filled up with.
    pub(super) filler: u32,
}

impl Batcher<Arc<Example>, Step> for StepBatcher {
    fn batch(&self, mut examples: Vec<Arc<Example>>, device: &Device) -> Step {
        // Rows of about one length are computed together, so that little is filled up.
        examples.sort_by_key(|example| example.ids.len());
        let parts = examples.chunks(self.micro_batch);
        Step {
            parts: parts.map(|part| self.part(part, device)).collect(),
            tokens: examples.iter().map(|example| example.answer_tokens()).sum(),
            examples,
        }
    }
}

impl StepBatcher {
    fn part(&self, examples: &[Arc<Example>], device: &Device) -> Part {
        // The last token of a row is learned and never read.
        let read = |example: &Example| example.ids.len() - 1;
        let longest = examples
            .iter()
            .map(|example| read(example))
            .max()
            .unwrap_or(0);
        let mut ids = Vec::with_capacity(examples.len() * longest);
        let (mut places, mut targets) = (Vec::new(), Vec::new());
        for (row, example) in examples.iter().enumerate() {
            let (end, first) = (read(example), row * longest);
            ids.extend(example.ids[..end].iter().copied().map(i64::from));
            ids.resize(first + longest, i64::from(self.filler));
            places.extend((example.prompt - 1..end).map(|column| (first + column) as i64));
            targets.extend(example.ids[example.prompt..].iter().copied().map(i64::from));
        }
        let count = places.len();
        Part {
            ids: Tensor::from_data(TensorData::new(ids, [examples.len(), longest]), device),
            places: Tensor::from_data(TensorData::new(places, [count]), device),
            targets: Tensor::from_data(TensorData::new(targets, [count]), device),
        }
    }

    /// Steps of `rows` rows in another order every epoch, continuing after `epochs_done`.
    pub(super) fn shuffled(
        self,
        examples: &[Arc<Example>],
        rows: usize,
        seed: u64,
        epochs_done: usize,
        device: &Device,
    ) -> Result<Loader, ConfigError> {
        let config = EpochLoaderConfig::new(rows, seed).with_epochs_done(epochs_done);
        let dataset = InMemDataset::new(examples.to_vec());
        Ok(Arc::new(config.init(dataset, self, device)?))
    }

    /// Parts of about one length, always the same.
    pub(super) fn in_order(
        self,
        examples: &[Arc<Example>],
        device: &Device,
    ) -> Result<Loader, ConfigError> {
        let mut examples = examples.to_vec();
        examples.sort_by_key(|example| example.ids.len());
        let config = EpochLoaderConfig::new(self.micro_batch, 0).with_order(EpochOrder::Sequential);
        Ok(Arc::new(config.init(
            InMemDataset::new(examples),
            self,
            device,
        )?))
    }
}

/// Steps, epoch by epoch.
pub(super) type Loader = Arc<dyn DataLoader<Step>>;

/// A step as a loader gives it.
pub(super) fn read(step: Result<Step, DatasetError>) -> Result<Step, RunError> {
    step.map_err(|error| RunError::Training {
        stage: "rows".to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use candor_core::host::ints;

    use super::*;

    fn example(line: u64, ids: &[u32], prompt: usize) -> Arc<Example> {
        Arc::new(Example {
            line,
            ids: ids.to_vec(),
            prompt,
            asked: String::new(),
            answer: String::new(),
        })
    }

    #[test]
    fn places_and_targets_are_those_of_the_answers_alone() {
        let batcher = StepBatcher {
            micro_batch: 2,
            filler: 0,
        };
        let rows = vec![example(1, &[5, 6, 7, 8, 9], 3), example(2, &[1, 2, 3], 1)];
        let step = batcher.batch(rows, &Device::flex());
        assert_eq!((step.parts.len(), step.tokens), (1, 4));
        let part = &step.parts[0];
        // The shorter row comes first.
        assert_eq!(ints(&part.ids), [1, 2, 0, 0, 5, 6, 7, 8]);
        assert_eq!(ints(&part.places), [0, 1, 6, 7]);
        assert_eq!(ints(&part.targets), [2, 3, 8, 9]);
        assert_eq!(step.evidence()["lines"], json!([2, 1]));
    }

    #[test]
    fn a_step_is_cut_into_parts_of_rows_of_about_one_length() {
        let batcher = StepBatcher {
            micro_batch: 2,
            filler: 0,
        };
        let lengths = [2, 9, 3, 8, 5];
        let rows = lengths.map(|length| example(0, &vec![1; length], 1));
        let step = batcher.batch(rows.to_vec(), &Device::flex());
        let shapes: Vec<_> = step.parts.iter().map(|part| part.ids.dims()).collect();
        assert_eq!(shapes, [[2, 2], [2, 7], [1, 8]]);
    }
}
