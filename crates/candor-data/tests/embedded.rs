#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp
)]
//! The embedded files are the published ones: sizes, class counts and sums that scikit-learn gives.

use candor_data::{TabularDataset, embedded};

fn counts(labels: &[usize], classes: usize) -> Vec<usize> {
    let count = |class| labels.iter().filter(|label| **label == class).count();
    (0..classes).map(count).collect()
}

fn mean<T: Clone>(table: &TabularDataset<T>, feature: usize) -> f64 {
    let values = table
        .items()
        .iter()
        .map(|row| f64::from(row.features[feature]));
    values.sum::<f64>() / table.items().len() as f64
}

#[test]
fn digits_have_1797_images_of_ten_classes() {
    let digits = embedded::digits().unwrap();
    assert_eq!(digits.items().len(), 1797);
    assert_eq!(digits.shape(), [1, 8, 8]);
    assert_eq!(
        counts(&digits.labels(), 10),
        [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    );
    let pixels = digits.items().iter().flat_map(|item| &item.pixels);
    let ink: f64 = pixels.clone().map(|pixel| f64::from(*pixel) * 16.0).sum();
    assert_eq!(ink, 561_718.0);
    assert!(pixels.clone().all(|pixel| (0.0..=1.0).contains(pixel)));
    assert!(
        digits
            .items()
            .iter()
            .enumerate()
            .all(|(at, item)| item.index == at)
    );
}

#[test]
fn tables_have_the_published_sizes_and_classes() {
    let iris = embedded::iris().unwrap();
    assert_eq!(counts(&iris.labels(), 3), [50, 50, 50]);
    assert_eq!(iris.feature_names()[2], "petal length (cm)");
    assert!((mean(&iris, 0) - 5.843_333).abs() < 1e-5);

    let wine = embedded::wine().unwrap();
    assert_eq!(
        (wine.width(), counts(&wine.labels(), 3)),
        (13, vec![59, 71, 48])
    );
    assert_eq!(wine.class_names(), ["class_0", "class_1", "class_2"]);

    let cancer = embedded::breast_cancer().unwrap();
    assert_eq!(
        (cancer.width(), counts(&cancer.labels(), 2)),
        (30, vec![212, 357])
    );
    assert_eq!(cancer.class_names(), ["malignant", "benign"]);
    assert_eq!(cancer.feature_names()[20], "worst radius");
    assert!((mean(&cancer, 0) - 14.127_292).abs() < 1e-5);

    let diabetes = embedded::diabetes().unwrap();
    assert_eq!((diabetes.width(), diabetes.items().len()), (10, 442));
    let mean = diabetes
        .targets()
        .iter()
        .map(|y| f64::from(*y))
        .sum::<f64>()
        / 442.0;
    assert!((mean - 152.133_484).abs() < 1e-5);
    assert_eq!(diabetes.items()[0].features[..3], [59.0, 2.0, 32.1]);
}
