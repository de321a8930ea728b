use std::collections::BTreeSet;
use std::sync::Arc;

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::{Dataset, DatasetError};
use burn::tensor::Device;
use candor_core::DrawKey;
use candor_data::{EpochLoader, ImageBatcher, ImageItem, embedded, split};
use rand::seq::SliceRandom;

use crate::run::RunError;
use crate::training::{StepBatch, StepLoader};

/// Rows evaluated at once: the whole test set of the digits fits, larger data goes in parts.
pub(super) const EVALUATION_ROWS: usize = 512;

/// The embedded digits, split.
pub(super) struct Digits {
    pub(super) train: Rows,
    pub(super) test: Rows,
}

/// Some of the images, in a fixed order.
#[derive(Clone)]
pub(super) struct Rows(Arc<Vec<ImageItem>>);

impl Digits {
    /// Loads and splits, stratified by class; `limit` keeps the first rows of the shuffled data.
    pub(super) fn load(seed: u64, test_fraction: f64, limit: Option<usize>) -> Result<Self, RunError> {
        let mut items = embedded::digits()?.into_items();
        if let Some(limit) = limit {
            items.shuffle(&mut DrawKey::new(seed).rng());
            items.truncate(limit.max(20));
        }
        let labels: Vec<usize> = items.iter().map(|item| item.label).collect();
        let split = split::stratified(&labels, test_fraction, seed)?;
        let of = |indices: &[usize]| indices.iter().map(|&index| items[index].clone()).collect();
        Ok(Self {
            train: of(&split.train),
            test: of(&split.test),
        })
    }
}

impl FromIterator<ImageItem> for Rows {
    fn from_iter<I: IntoIterator<Item = ImageItem>>(items: I) -> Self {
        Self(Arc::new(items.into_iter().collect()))
    }
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn items(&self) -> &[ImageItem] {
        &self.0
    }

    /// The rows for which `keep` holds.
    pub(super) fn filter(&self, keep: impl Fn(&ImageItem) -> bool) -> Self {
        self.0.iter().filter(|item| keep(item)).cloned().collect()
    }

    /// `count` rows drawn without replacement.
    pub(super) fn draw(&self, count: usize, key: DrawKey) -> Self {
        let mut items = self.0.as_ref().clone();
        items.shuffle(&mut key.rng());
        items.truncate(count);
        items.into_iter().collect()
    }

    /// The rows that are not among `others`, by their number in the data set.
    pub(super) fn without(&self, others: &Self) -> Self {
        let gone: BTreeSet<usize> = others.0.iter().map(|item| item.index).collect();
        self.filter(|item| !gone.contains(&item.index))
    }

    /// Shuffled batches, continuing after `epochs_done`.
    pub(super) fn loader(&self, batch: usize, seed: u64, epochs_done: usize, device: &Device) -> StepLoader {
        self.paired_loader(None, batch, seed, epochs_done, device)
    }

    /// Shuffled batches of all these rows, each beside a row of `main`, which repeats as often as needed.
    pub(super) fn loader_beside(
        &self,
        main: &Self,
        batch: usize,
        seed: u64,
        epochs_done: usize,
        device: &Device,
    ) -> StepLoader {
        self.paired_loader(Some(main), batch, seed, epochs_done, device)
    }

    fn paired_loader(
        &self,
        main: Option<&Self>,
        batch: usize,
        seed: u64,
        epochs_done: usize,
        device: &Device,
    ) -> StepLoader {
        let pairs = Pairs {
            main: main.unwrap_or(self).clone(),
            companion: main.map(|_| self.clone()),
        };
        Arc::new(EpochLoader::shuffled(pairs, PairBatcher, batch, seed, epochs_done, device))
    }

    /// Batches in order, for validation.
    pub(super) fn in_order(&self, device: &Device) -> StepLoader {
        let pairs = Pairs {
            main: self.clone(),
            companion: None,
        };
        Arc::new(EpochLoader::in_order(pairs, PairBatcher, EVALUATION_ROWS, device))
    }
}

type Pair = (ImageItem, Option<ImageItem>);

/// Rows, or rows beside the ones to retain.
#[derive(Clone)]
struct Pairs {
    main: Rows,
    companion: Option<Rows>,
}

impl Dataset<Pair> for Pairs {
    fn get(&self, index: usize) -> Result<Option<Pair>, DatasetError> {
        let companion = self.companion.as_ref().map(|rows| rows.items().get(index).cloned());
        Ok(match companion {
            None => self.main.items().get(index).map(|item| (item.clone(), None)),
            Some(None) => None,
            Some(companion) => {
                let main = self.main.items();
                main.get(index % main.len().max(1)).map(|item| (item.clone(), companion))
            }
        })
    }

    fn len(&self) -> usize {
        self.companion.as_ref().unwrap_or(&self.main).len()
    }
}

#[derive(Clone)]
struct PairBatcher;

impl Batcher<Pair, StepBatch> for PairBatcher {
    fn batch(&self, pairs: Vec<Pair>, device: &Device) -> StepBatch {
        let (main, companions): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let companions: Option<Vec<ImageItem>> = companions.into_iter().collect();
        StepBatch {
            main: ImageBatcher.batch(main, device),
            companion: companions.map(|items| ImageBatcher.batch(items, device)),
        }
    }
}
