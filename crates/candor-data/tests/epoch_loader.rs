#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! Epochs depend on the seed and their number: alone, resumed, moved or sliced.

use burn::data::dataloader::{DataLoader, split::split_dataloader};
use burn::data::dataset::{Dataset, DatasetError};
use burn::tensor::Device;
use candor_data::{
    ClassBatch, EpochLoader, EpochLoaderConfig, EpochOrder, ImageItem, TabularItem, embedded,
};

type IrisLoader = EpochLoader<TabularItem<usize>, ClassBatch<2>>;

fn loader(config: &EpochLoaderConfig) -> IrisLoader {
    let iris = embedded::iris().unwrap();
    config
        .init(iris.clone(), iris.batcher(), &Device::flex())
        .unwrap()
}

fn epoch(loader: &dyn DataLoader<ClassBatch<2>>) -> Vec<Vec<usize>> {
    loader.iter().map(|batch| batch.unwrap().rows).collect()
}

#[test]
fn an_epoch_visits_every_row_once_in_an_order_of_its_own() {
    let loader = loader(&EpochLoaderConfig::new(32, 1));
    let (first, second) = (epoch(&loader), epoch(&loader));
    assert_ne!(first, second);
    for epoch in [first, second] {
        let sizes: Vec<usize> = epoch.iter().map(Vec::len).collect();
        assert_eq!(sizes, [32, 32, 32, 32, 22]);
        let mut rows = epoch.concat();
        rows.sort_unstable();
        assert!(rows.into_iter().eq(0..150));
    }
    assert_eq!(loader.epochs_begun(), 2);
}

#[test]
fn a_resumed_loader_goes_on_where_the_other_stood() {
    let config = EpochLoaderConfig::new(32, 1);
    let whole = loader(&config);
    let epochs: Vec<_> = (0..4).map(|_| epoch(&whole)).collect();
    let resumed = loader(&config.with_epochs_done(2));
    assert_eq!([epoch(&resumed), epoch(&resumed)], epochs[2..]);
}

#[test]
fn a_moved_loader_shares_the_count() {
    let config = EpochLoaderConfig::new(32, 1);
    let whole = loader(&config);
    let moved = whole.to_device(&Device::flex().autodiff());
    let reference = loader(&config);
    assert_eq!(epoch(&whole), epoch(&reference));
    assert_eq!(epoch(moved.as_ref()), epoch(&reference));
    assert_eq!(epoch(&whole), epoch(&reference));
}

#[test]
fn slices_hold_their_rows_and_count_their_own_epochs() {
    let devices = [Device::flex(), Device::flex()];
    let slices = |done| {
        let config = EpochLoaderConfig::new(32, 1).with_epochs_done(done);
        split_dataloader(std::sync::Arc::new(loader(&config)), &devices)
    };
    let run = |slices: &[std::sync::Arc<dyn DataLoader<ClassBatch<2>>>]| {
        let epochs = slices.iter().map(|slice| epoch(slice.as_ref()));
        epochs.collect::<Vec<_>>()
    };
    let whole = slices(0);
    let (_, second) = (run(&whole), run(&whole));
    assert_eq!(run(&slices(1)), second);
    let mut rows = second[0].concat();
    rows.sort_unstable();
    assert!(rows.into_iter().eq(0..75));
}

#[test]
fn a_short_last_batch_can_be_left_out() {
    let config = EpochLoaderConfig::new(32, 1).with_drop_last(true);
    let loader = loader(&config.with_order(EpochOrder::Sequential));
    let batches = epoch(&loader);
    assert!(batches.concat().into_iter().eq(0..128));
    assert_eq!(loader.num_items(), 128);
}

#[test]
fn progress_counts_rows() {
    let loader = loader(&EpochLoaderConfig::new(100, 1));
    let mut epoch = loader.iter();
    epoch.next().unwrap().unwrap();
    let progress = epoch.progress();
    assert_eq!((progress.items_processed, progress.items_total), (100, 150));
}

#[test]
fn settings_that_give_no_batch_are_refused() {
    let iris = embedded::iris().unwrap();
    let init = |config: EpochLoaderConfig, rows: usize| {
        let places: Vec<usize> = (0..rows).collect();
        config
            .init(iris.select(&places), iris.batcher(), &Device::flex())
            .map(|_| ())
    };
    assert!(init(EpochLoaderConfig::new(0, 1), 10).is_err());
    assert!(init(EpochLoaderConfig::new(1, 1), 0).is_err());
    assert!(init(EpochLoaderConfig::new(11, 1), 10).is_ok());
    assert!(init(EpochLoaderConfig::new(11, 1).with_drop_last(true), 10).is_err());
}

/// A data set that can be counted but not read.
struct Broken;

impl Dataset<ImageItem> for Broken {
    fn get(&self, _index: usize) -> Result<ImageItem, DatasetError> {
        Err(DatasetError::new(std::io::Error::other("gone")))
    }

    fn len(&self) -> usize {
        5
    }
}

#[test]
fn a_failed_read_ends_the_epoch_with_its_error() {
    let batcher = embedded::digits().unwrap().batcher();
    let loader = EpochLoaderConfig::new(2, 1)
        .init(Broken, batcher, &Device::flex())
        .unwrap();
    let mut epoch = loader.iter();
    assert!(epoch.next().unwrap().is_err());
    assert!(epoch.next().is_none());
}

#[test]
fn loaders_can_be_sent_and_shared() {
    fn check<T: Send + Sync>() {}
    check::<IrisLoader>();
}
