use std::collections::BTreeSet;
use std::sync::Arc;

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::{Dataset, DatasetError};
use burn::tensor::{Device, Int, Tensor, activation};
use candor_core::{ConfigError, DrawKey, host};
use candor_data::{
    ClassBatch, EpochLoaderConfig, EpochOrder, HoldoutConfig, ImageBatcher, ImageDataset,
    ImageItem, embedded,
};
use candor_models::Cnn;
use rand::seq::SliceRandom;

use crate::run::RunError;
use crate::training::{StepBatch, StepLoader};

/// Rows evaluated at once: the whole test set of the digits fits, larger data goes in parts.
const EVALUATION_ROWS: usize = 512;

/// The embedded digits, split.
pub(super) struct Digits {
    pub(super) train: Rows,
    pub(super) test: Rows,
}

/// Some of the images, in a fixed order.
#[derive(Clone)]
pub(super) struct Rows(Arc<ImageDataset>);

/// What a model answers to some rows.
pub(super) struct Answers {
    /// `[rows, features]`, before the last layer.
    pub(super) features: Tensor<2>,
    /// `[rows, classes]`.
    pub(super) logits: Tensor<2>,
    /// `[rows]`.
    pub(super) labels: Tensor<1, Int>,
}

impl Digits {
    /// Loads and splits, stratified by class; `limit` keeps so many rows, drawn at random.
    pub(super) fn load(seed: u64, test: f64, limit: Option<usize>) -> Result<Self, RunError> {
        let mut digits = Rows(Arc::new(embedded::digits()?));
        if let Some(limit) = limit {
            digits = digits.draw(limit, DrawKey::new(seed));
        }
        let split = HoldoutConfig::new(seed)
            .with_test(test)
            .init()?
            .stratified(&digits.0.labels())?;
        Ok(Self {
            train: digits.select(&split.train),
            test: digits.select(&split.test),
        })
    }
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.0.items().len()
    }

    pub(super) fn items(&self) -> &[ImageItem] {
        self.0.items()
    }

    /// All rows as one batch.
    pub(super) fn batch(&self, device: &Device) -> ClassBatch<4> {
        self.0.batch(device)
    }

    /// The rows for which `keep` holds.
    pub(super) fn filter(&self, keep: impl Fn(&ImageItem) -> bool) -> Self {
        let places: Vec<usize> = (0..self.len())
            .filter(|&place| keep(&self.items()[place]))
            .collect();
        self.select(&places)
    }

    /// At most `count` rows, drawn without replacement.
    pub(super) fn draw(&self, count: usize, key: DrawKey) -> Self {
        let mut places: Vec<usize> = (0..self.len()).collect();
        places.shuffle(&mut key.rng());
        places.truncate(count);
        self.select(&places)
    }

    /// The rows that are not among `others`, by their number in the data set.
    pub(super) fn without(&self, others: &Self) -> Self {
        let gone: BTreeSet<usize> = others.items().iter().map(|item| item.index).collect();
        self.filter(|item| !gone.contains(&item.index))
    }

    /// What a model answers, in parts.
    pub(super) fn answers(&self, model: &Cnn, device: &Device) -> Answers {
        let batcher = self.0.batcher();
        let mut parts = (Vec::new(), Vec::new(), Vec::new());
        for items in self.items().chunks(EVALUATION_ROWS) {
            let batch = batcher.batch(items.to_vec(), device);
            let answer = model.forward_features(batch.inputs);
            parts.0.push(answer.penultimate);
            parts.1.push(answer.logits);
            parts.2.push(batch.labels);
        }
        Answers {
            features: Tensor::cat(parts.0, 0),
            logits: Tensor::cat(parts.1, 0),
            labels: Tensor::cat(parts.2, 0),
        }
    }

    /// Shuffled batches, continuing after `epochs_done`.
    pub(super) fn loader(
        &self,
        batch: usize,
        seed: u64,
        epochs_done: usize,
        device: &Device,
    ) -> Result<StepLoader, ConfigError> {
        let config = EpochLoaderConfig::new(batch, seed).with_epochs_done(epochs_done);
        Pairs::alone(self).loader(&config, device)
    }

    /// Shuffled batches of all these rows, each beside a row of `main`, which repeats as often as needed.
    pub(super) fn loader_beside(
        &self,
        main: &Self,
        batch: usize,
        seed: u64,
        epochs_done: usize,
        device: &Device,
    ) -> Result<StepLoader, ConfigError> {
        let pairs = Pairs {
            main: main.clone(),
            companion: Some(self.clone()),
        };
        pairs.loader(
            &EpochLoaderConfig::new(batch, seed).with_epochs_done(epochs_done),
            device,
        )
    }

    /// Batches in order, for validation.
    pub(super) fn in_order(&self, device: &Device) -> Result<StepLoader, ConfigError> {
        let config = EpochLoaderConfig::new(EVALUATION_ROWS, 0).with_order(EpochOrder::Sequential);
        Pairs::alone(self).loader(&config, device)
    }

    fn select(&self, places: &[usize]) -> Self {
        Self(Arc::new(self.0.select(places)))
    }
}

impl Answers {
    /// Share of rows classified right.
    pub(super) fn accuracy(&self) -> Result<f64, RunError> {
        Ok(candor_metrics::forgetting::accuracy(
            &self.logits,
            &self.labels,
        )?)
    }

    /// Cross-entropy of each row, in nats.
    pub(super) fn losses(&self) -> Vec<f64> {
        let [rows] = self.labels.dims();
        let log_probs = activation::log_softmax(self.logits.clone(), 1);
        host::floats(&-log_probs.gather(1, self.labels.clone().reshape([rows, 1])))
    }
}

type Pair = (ImageItem, Option<ImageItem>);

/// Rows alone, or rows beside the ones to retain.
struct Pairs {
    main: Rows,
    companion: Option<Rows>,
}

impl Pairs {
    fn alone(rows: &Rows) -> Self {
        Self {
            main: rows.clone(),
            companion: None,
        }
    }

    fn loader(
        self,
        config: &EpochLoaderConfig,
        device: &Device,
    ) -> Result<StepLoader, ConfigError> {
        let batcher = PairBatcher(self.main.0.batcher());
        Ok(Arc::new(config.init(self, batcher, device)?))
    }
}

impl Dataset<Pair> for Pairs {
    fn get(&self, index: usize) -> Result<Pair, DatasetError> {
        let main = self.main.items();
        let companion = self
            .companion
            .as_ref()
            .map(|rows| rows.items()[index].clone());
        Ok((main[index % main.len()].clone(), companion))
    }

    fn len(&self) -> usize {
        self.companion.as_ref().unwrap_or(&self.main).len()
    }
}

struct PairBatcher(ImageBatcher);

impl Batcher<Pair, StepBatch> for PairBatcher {
    fn batch(&self, pairs: Vec<Pair>, device: &Device) -> StepBatch {
        let (main, companions): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let companions: Option<Vec<ImageItem>> = companions.into_iter().collect();
        StepBatch {
            main: self.0.batch(main, device),
            companion: companions.map(|items| self.0.batch(items, device)),
        }
    }
}
