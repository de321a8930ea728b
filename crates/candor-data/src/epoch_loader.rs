use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::config::Config;
use burn::data::dataloader::batcher::Batcher;
use burn::data::dataloader::{DataLoader, DataLoaderIterator, Progress};
use burn::data::dataset::transform::PartialDataset;
use burn::data::dataset::{Dataset, DatasetError};
use burn::tensor::Device;
use candor_core::{ConfigError, DrawKey};
use rand::RngExt;
use rand::seq::SliceRandom;

/// In which order an epoch visits the rows.
#[derive(Config, Debug, Copy, PartialEq, Eq)]
#[allow(clippy::expl_impl_clone_on_copy)] // burn's derive writes the Clone
pub enum EpochOrder {
    /// Another permutation every epoch, decided by the seed and the epoch's number.
    Shuffled,
    /// First to last.
    Sequential,
}

/// Configuration of an [`EpochLoader`].
#[derive(Config, Debug)]
pub struct EpochLoaderConfig {
    /// Rows in a batch.
    pub batch_size: usize,
    /// Decides the order of every epoch and what the device draws in it.
    pub seed: u64,
    /// In which order an epoch visits the rows. Default: shuffled.
    #[config(default = "EpochOrder::Shuffled")]
    pub order: EpochOrder,
    /// Whether a last batch of fewer rows is left out. Default: it is not.
    #[config(default = false)]
    pub drop_last: bool,
    /// How many epochs are done already: the number of the checkpoint to resume from. Default: 0.
    #[config(default = 0)]
    pub epochs_done: usize,
}

impl EpochLoaderConfig {
    /// Builds the loader.
    ///
    /// # Errors
    ///
    /// A batch size of zero, or rows that make no batch at all.
    pub fn init<I, O>(
        &self,
        dataset: impl Dataset<I> + 'static,
        batcher: impl Batcher<I, O> + 'static,
        device: &Device,
    ) -> Result<EpochLoader<I, O>, ConfigError> {
        const NAME: &str = "EpochLoaderConfig";
        ConfigError::at_least_one(NAME, "batch_size", self.batch_size)?;
        let rows = dataset.len();
        if rows == 0 || (self.drop_last && rows < self.batch_size) {
            let problem = format!("{rows} rows make no batch of {}", self.batch_size);
            return Err(ConfigError::contradiction(NAME, problem));
        }
        Ok(EpochLoader {
            dataset: Arc::new(dataset),
            batcher: Arc::new(batcher),
            device: device.clone(),
            config: self.clone(),
            epoch: Arc::new(AtomicUsize::new(self.epochs_done)),
        })
    }
}

/// A loader for burn-train whose every epoch depends on the seed and the epoch's number alone.
///
/// burn's own loader carries its generator from epoch to epoch and dropout draws from the device's, so a run that
/// is resumed sees other batches and other masks than one that was not interrupted. This loader starts both anew at
/// each epoch: it shuffles by `(seed, epoch)` and calls [`Device::seed`] with a number drawn from the same key.
/// Build it with `epochs_done` set to the checkpoint's number and the resumed run ends in the same weights, bit by
/// bit, on one device of the same machine.
///
/// An epoch begins with each call of `iter()`. A loader moved to another device goes on with the same count. A slice
/// counts for itself from where its parent stands, for each of several devices begins an epoch once.
///
/// [`Device::seed`] acts on all of the device's threads; on flex, on the whole process.
///
/// ```
/// use burn::{data::dataloader::DataLoader, tensor::Device};
/// use candor_data::{EpochLoaderConfig, embedded};
///
/// let iris = embedded::iris()?;
/// let config = EpochLoaderConfig::new(32, 7);
/// let loader = config.init(iris.clone(), iris.batcher(), &Device::flex())?;
/// let rows = |loader: &dyn DataLoader<candor_data::ClassBatch<2>>| loader.iter().next().unwrap().unwrap().rows;
/// let (_first, second) = (rows(&loader), rows(&loader));
/// let resumed = config.with_epochs_done(1).init(iris.clone(), iris.batcher(), &Device::flex())?;
/// assert_eq!(rows(&resumed), second);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EpochLoader<I, O> {
    dataset: Arc<dyn Dataset<I>>,
    batcher: Arc<dyn Batcher<I, O>>,
    device: Device,
    config: EpochLoaderConfig,
    epoch: Arc<AtomicUsize>,
}

impl<I, O> EpochLoader<I, O> {
    /// How many epochs have begun, those before a resume included.
    pub fn epochs_begun(&self) -> usize {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Begins the next epoch: seeds the device and decides the order of the rows.
    fn begin(&self) -> Vec<usize> {
        let epoch = self.epoch.fetch_add(1, Ordering::SeqCst);
        let key = DrawKey::new(self.config.seed).row(epoch as u64);
        self.device.seed(key.draw(1).rng().random());
        let mut order: Vec<usize> = (0..self.dataset.len()).collect();
        if self.config.order == EpochOrder::Shuffled {
            order.shuffle(&mut key.draw(0).rng());
        }
        order.truncate(self.rows());
        order
    }

    /// How many rows an epoch visits.
    fn rows(&self) -> usize {
        let (rows, batch) = (self.dataset.len(), self.config.batch_size);
        if self.config.drop_last {
            rows - rows % batch
        } else {
            rows
        }
    }
}

impl<I, O> Clone for EpochLoader<I, O> {
    /// The clone shares the count of epochs.
    fn clone(&self) -> Self {
        Self {
            dataset: self.dataset.clone(),
            batcher: self.batcher.clone(),
            device: self.device.clone(),
            config: self.config.clone(),
            epoch: self.epoch.clone(),
        }
    }
}

impl<I, O> fmt::Debug for EpochLoader<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochLoader")
            .field("config", &self.config)
            .field("rows", &self.dataset.len())
            .field("epochs_begun", &self.epochs_begun())
            .finish_non_exhaustive()
    }
}

impl<I, O> DataLoader<O> for EpochLoader<I, O>
where
    I: Clone + Send + Sync + 'static,
    O: Send + 'static,
{
    fn iter<'a>(&'a self) -> Box<dyn DataLoaderIterator<O> + 'a> {
        Box::new(Epoch {
            loader: self,
            order: self.begin(),
            done: 0,
        })
    }

    fn num_items(&self) -> usize {
        self.rows()
    }

    fn to_device(&self, device: &Device) -> Arc<dyn DataLoader<O>> {
        Arc::new(Self {
            device: device.clone(),
            ..self.clone()
        })
    }

    fn slice(&self, start: usize, end: usize) -> Arc<dyn DataLoader<O>> {
        Arc::new(Self {
            dataset: Arc::new(PartialDataset::new(self.dataset.clone(), start, end)),
            epoch: Arc::new(AtomicUsize::new(self.epochs_begun())),
            ..self.clone()
        })
    }
}

/// One epoch under way.
struct Epoch<'a, I, O> {
    loader: &'a EpochLoader<I, O>,
    order: Vec<usize>,
    done: usize,
}

impl<I, O> Iterator for Epoch<'_, I, O> {
    type Item = Result<O, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.order.len() - self.done;
        if rest == 0 {
            return None;
        }
        let end = self.done + rest.min(self.loader.config.batch_size);
        let chosen = self.order[self.done..end].to_vec();
        match self.loader.dataset.get_many(chosen) {
            Ok(items) => {
                self.done = end;
                Some(Ok(self.loader.batcher.batch(items, &self.loader.device)))
            }
            // A caller that goes on after an error gets the end, not the same error for ever.
            Err(error) => {
                self.done = self.order.len();
                Some(Err(error))
            }
        }
    }
}

impl<I, O> DataLoaderIterator<O> for Epoch<'_, I, O> {
    fn progress(&self) -> Progress {
        Progress::new(self.done, self.order.len(), Some("items".to_owned()))
    }
}
