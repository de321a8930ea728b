//! Mining, and the triplet loss on what was mined.

use candor_core::host::floats;
use candor_losses::metric_learning::{
    Hardness, TripletMarginLossConfig, TripletMinerConfig, Triplets,
};
use candor_testkit::check_gradient;
use proptest::prelude::*;

use crate::sets::{fixed_rows, labels, rows};

/// Distances of normalised rows, on the host.
fn distances(x: &[f64]) -> Vec<Vec<f64>> {
    let unit: Vec<[f64; 2]> = x
        .chunks(2)
        .map(|row| {
            let norm = row[0].hypot(row[1]).max(1e-12);
            [row[0] / norm, row[1] / norm]
        })
        .collect();
    let between = |a: &[f64; 2], b: &[f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    unit.iter()
        .map(|a| unit.iter().map(|b| between(a, b)).collect())
        .collect()
}

/// What the definition says of one anchor, by going through all pairs.
fn by_definition(
    d: &[Vec<f64>],
    y: &[i64],
    anchor: usize,
    [positive, negative]: [Hardness; 2],
) -> Option<[usize; 3]> {
    let of = |same: bool| {
        (0..y.len()).filter(move |&row| row != anchor && (y[row] == y[anchor]) == same)
    };
    let near = |rows: Vec<usize>| {
        rows.into_iter()
            .min_by(|&a, &b| d[anchor][a].total_cmp(&d[anchor][b]))
    };
    let far = |rows: Vec<usize>| {
        rows.into_iter()
            .max_by(|&a, &b| d[anchor][a].total_cmp(&d[anchor][b]))
    };
    let pick = |hardest_is_far: bool, hardness: Hardness, rows: Vec<usize>| {
        if (hardness == Hardness::Easy) == hardest_is_far {
            near(rows)
        } else {
            far(rows)
        }
    };
    if positive == Hardness::SemiHard {
        let n = pick(false, negative, of(false).collect())?;
        let p = far(of(true).filter(|&p| d[anchor][p] < d[anchor][n]).collect())?;
        return Some([anchor, p, n]);
    }
    let p = pick(true, positive, of(true).collect())?;
    let n = match negative {
        Hardness::SemiHard => near(of(false).filter(|&n| d[anchor][n] > d[anchor][p]).collect())?,
        hardness => pick(false, hardness, of(false).collect())?,
    };
    Some([anchor, p, n])
}

const CHOICES: [[Hardness; 2]; 8] = [
    [Hardness::Hard, Hardness::Hard],
    [Hardness::Hard, Hardness::SemiHard],
    [Hardness::Hard, Hardness::Easy],
    [Hardness::Easy, Hardness::Hard],
    [Hardness::Easy, Hardness::SemiHard],
    [Hardness::Easy, Hardness::Easy],
    [Hardness::SemiHard, Hardness::Hard],
    [Hardness::SemiHard, Hardness::Easy],
];

proptest! {
    #[test]
    fn mining_finds_what_the_definition_says(
        x in prop::collection::vec(-3.0..3.0f64, 16),
        y in prop::collection::vec(0..3i64, 8),
        choice in 0..8usize,
    ) {
        let [positive, negative] = CHOICES[choice];
        let config = TripletMinerConfig::new().with_positive(positive).with_negative(negative);
        let found = config.init().unwrap().mine(rows(&x, 2), labels(&y)).indices();
        let d = distances(&x);
        let wanted: Vec<[usize; 3]> =
            (0..8).filter_map(|anchor| by_definition(&d, &y, anchor, CHOICES[choice])).collect();
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn the_triplet_loss_sees_directions_only(
        x in prop::collection::vec(0.2..3.0f64, 12),
        scale in 0.1..50.0f64,
    ) {
        let y = labels(&[0, 1, 0, 1, 0, 1]);
        let loss = TripletMarginLossConfig::new().init().unwrap();
        let scaled: Vec<f64> = x.iter().map(|entry| entry * scale).collect();
        let [a, b] = [x, scaled].map(|x| floats(&loss.forward(rows(&x, 2), &Triplets::all(&y)))[0]);
        prop_assert!((a - b).abs() < 1e-9);
        prop_assert!((0.0..=2.05 + 1e-9).contains(&a));
    }

    #[test]
    fn batch_hard_is_the_worst_that_an_anchor_has(x in prop::collection::vec(-3.0..3.0f64, 16)) {
        let y = labels(&[0, 1, 2, 0, 1, 2, 0, 1]);
        let loss = TripletMarginLossConfig::new().with_smooth(true).init().unwrap();
        let all = Triplets::all(&y);
        let hard = TripletMinerConfig::new().init().unwrap().mine(rows(&x, 2), y);
        let losses = |triplets: &Triplets| floats(&loss.forward_no_reduction(rows(&x, 2), triplets));
        let (every, hardest) = (losses(&all), losses(&hard));
        for (triplet, value) in all.indices().iter().zip(every) {
            prop_assert!(hardest[triplet[0]] >= value - 1e-9);
        }
    }
}

#[test]
fn of_equally_far_rows_the_first_is_taken() {
    let set = rows(&[1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, -1.0, 0.0, -1.0], 2);
    let found = TripletMinerConfig::new()
        .init()
        .unwrap()
        .mine(set, labels(&[0, 0, 0, 1, 1]))
        .indices();
    assert_eq!(found[0], [0, 1, 3]);
}

#[test]
fn without_pairs_there_is_no_triplet_and_no_loss() {
    let set = fixed_rows(3, 2, &rows(&[0.0], 1)).autodiff().require_grad();
    let alone = labels(&[0, 1, 2]);
    let loss = TripletMarginLossConfig::new()
        .with_smooth(true)
        .init()
        .unwrap();
    let mined = TripletMinerConfig::new()
        .init()
        .unwrap()
        .mine(set.clone(), alone.clone());
    for triplets in [Triplets::all(&alone), mined] {
        assert!(triplets.indices().is_empty());
        let value = loss.forward(set.clone(), &triplets);
        assert_eq!(floats(&value), [0.0]);
        let gradient = floats(&set.grad(&value.backward()).unwrap());
        assert_eq!(gradient, [0.0; 6]);
    }
}

#[test]
fn rows_that_coincide_or_are_zero_have_no_slope() {
    let set = rows(&[0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1e4, -1e4], 2)
        .autodiff()
        .require_grad();
    let loss = TripletMarginLossConfig::new()
        .with_swap(true)
        .init()
        .unwrap();
    let value = loss.forward(set.clone(), &Triplets::all(&labels(&[0, 0, 1, 1])));
    assert!(floats(&value)[0].is_finite());
    let gradient = floats(&set.grad(&value.backward()).unwrap());
    assert!(gradient.iter().all(|entry| entry.is_finite()));
}

#[test]
fn the_mean_runs_over_what_is_above_zero() {
    let set = rows(&[1.0, 0.0, -1.0, 0.0, 1.0, 0.0, -1.0, 0.0], 2);
    let loss = TripletMarginLossConfig::new()
        .with_margin(0.5)
        .init()
        .unwrap();
    // Distances are 0 or 2: anchor 0 has (2 - 0 + 0.5) and (2 - 2 + 0.5), and so has each other one.
    let triplets = Triplets::all(&labels(&[0, 0, 1, 1]));
    assert!((floats(&loss.forward(set.clone(), &triplets))[0] - 1.5).abs() < 1e-12);
    let easy = TripletMinerConfig::new().with_negative(Hardness::SemiHard);
    assert!(
        easy.init()
            .unwrap()
            .mine(set, labels(&[0, 0, 1, 1]))
            .indices()
            .is_empty()
    );
}

#[test]
fn gradients_agree_with_differences() {
    let set = fixed_rows(6, 3, &rows(&[0.0], 1));
    let triplets = Triplets::all(&labels(&[0, 1, 2, 0, 1, 2]));
    for (swap, smooth) in [(false, false), (true, true)] {
        let config = TripletMarginLossConfig::new().with_swap(swap);
        let loss = config.with_smooth(smooth).init().unwrap();
        check_gradient(set.clone(), |set: burn::tensor::Tensor<2>| {
            loss.forward(set, &triplets)
        });
    }
}
