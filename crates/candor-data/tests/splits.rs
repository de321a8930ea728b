#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! Every row is in one part, every class has its share, and the seed decides.

use candor_data::{Column, HoldoutConfig, KFoldConfig, Standardizer, TabularDataset, TabularItem};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_split_holds_every_row_once_and_keeps_shares(
        labels in proptest::collection::vec(0usize..4, 60..200),
        seed: u64,
    ) {
        let holdout = HoldoutConfig::new(seed).with_test(0.25).with_validation(0.25).init().unwrap();
        let split = holdout.stratified(&labels).unwrap();
        prop_assert_eq!(&split, &holdout.stratified(&labels).unwrap());
        let mut all = [split.train.clone(), split.validation.clone(), split.test.clone()].concat();
        all.sort_unstable();
        prop_assert!(all.into_iter().eq(0..labels.len()));
        for class in 0..4 {
            let count = |places: &[usize]| places.iter().filter(|at| labels[**at] == class).count() as f64;
            let total = count(&split.train) + count(&split.validation) + count(&split.test);
            prop_assert!((count(&split.test) - total * 0.25).abs() <= 1.0);
            prop_assert!((count(&split.validation) - total * 0.25).abs() <= 1.0);
        }
    }

    #[test]
    fn every_row_is_tested_on_in_one_fold(
        labels in proptest::collection::vec(0usize..3, 10..60),
        seed: u64,
        folds in 2usize..8,
    ) {
        let rounds = KFoldConfig::new(seed).with_folds(folds).init().unwrap().stratified(&labels).unwrap();
        let mut tested: Vec<usize> = rounds.iter().flat_map(|fold| fold.test.clone()).collect();
        tested.sort_unstable();
        prop_assert!(tested.into_iter().eq(0..labels.len()));
        for fold in &rounds {
            prop_assert_eq!(fold.train.len() + fold.test.len(), labels.len());
            for class in 0..3 {
                let all = labels.iter().filter(|label| **label == class).count();
                let here = fold.test.iter().filter(|at| labels[**at] == class).count();
                prop_assert!(here == all / folds || here == all.div_ceil(folds));
            }
        }
    }

    #[test]
    fn standardised_training_rows_have_mean_zero_and_deviation_one(
        values in proptest::collection::vec(-1e6f32..1e6, 3..40),
    ) {
        let table = table(&values);
        let standardizer = Standardizer::fit(&table).unwrap();
        let scaled = standardizer.transform(&table).unwrap();
        let z: Vec<f64> = scaled.items().iter().map(|row| f64::from(row.features[0])).collect();
        let mean = z.iter().sum::<f64>() / z.len() as f64;
        let variance = z.iter().map(|z| z * z).sum::<f64>() / z.len() as f64;
        prop_assert!(mean.abs() < 1e-4 && (variance - 1.0).abs() < 1e-4);
        prop_assert!(scaled.items().iter().all(|row| row.features[1] == 0.0));
        let json = serde_json::to_string(&standardizer).unwrap();
        prop_assert_eq!(serde_json::from_str::<Standardizer>(&json).unwrap(), standardizer.clone());
        let back = standardizer.restore(&scaled).unwrap();
        for (row, value) in back.items().iter().zip(values) {
            prop_assert!((row.features[0] - value).abs() <= 1.0);
        }
    }
}

/// Rows of a value and a constant that has no exact mean.
fn table(values: &[f32]) -> TabularDataset<f32> {
    let row = |(index, value): (usize, &f32)| TabularItem {
        features: vec![*value, 0.1],
        target: 0.0,
        index,
    };
    let columns = vec![Column::numeric("value"), Column::numeric("constant")];
    TabularDataset::of_values(values.iter().enumerate().map(row).collect(), columns).unwrap()
}

#[test]
fn another_seed_gives_another_split() {
    let split = |seed| {
        HoldoutConfig::new(seed)
            .init()
            .unwrap()
            .random(100)
            .unwrap()
    };
    assert_ne!(split(1), split(2));
    assert_eq!(split(1).test.len(), 20);
    assert!(split(1).validation.is_empty());
}

#[test]
fn shares_that_cannot_be_are_refused() {
    let config = HoldoutConfig::new(0);
    let illegal = [
        config.clone().with_test(1.0),
        config.clone().with_test(-0.1),
        config.clone().with_validation(f64::NAN),
        config.clone().with_test(0.6).with_validation(0.4),
    ];
    for config in illegal {
        assert!(config.init().is_err(), "{config:?}");
    }
    let holdout = config.init().unwrap();
    assert!(holdout.random(0).is_err());
    assert!(holdout.random(1).is_err());
    assert!(holdout.stratified(&[0, 1, 2]).is_err());
    assert!(KFoldConfig::new(0).with_folds(1).init().is_err());
    assert!(
        KFoldConfig::new(0)
            .init()
            .unwrap()
            .stratified(&[0; 4])
            .is_err()
    );
}

#[test]
fn a_standardizer_refuses_what_it_was_not_fitted_on() {
    assert!(Standardizer::fit(&table(&[])).is_err());
    let narrow = TabularDataset::of_values(
        vec![TabularItem {
            features: vec![1.0],
            target: 0.0,
            index: 0,
        }],
        vec![Column::numeric("value")],
    );
    let standardizer = Standardizer::fit(&table(&[1.0, 2.0])).unwrap();
    let error = standardizer
        .transform(&narrow.unwrap())
        .unwrap_err()
        .to_string();
    assert_eq!(error, "Standardizer: rows of 1 features, fitted on 2");
    let tiny = Standardizer::fit(&table(&[0.0, 1e-40])).unwrap();
    assert!(tiny.transform(&table(&[3e38])).is_err());
}
