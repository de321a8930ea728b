//! What the formulas of few-shot objectives promise, bad input, and extremes.

use burn::nn::loss::Reduction;
use burn::tensor::{Device, Tensor};
use candor_core::host::{floats, ints};
use candor_losses::metric_learning::{
    EpisodeLossConfig, EpisodeTerm, IcnnLossConfig, IcnnOriginalLossConfig,
    ProtoCrossEntropyLossConfig, ProtoTripletLossConfig, nearest_prototype, prototypes,
    validate_support,
};
use candor_testkit::check_gradient;
use proptest::prelude::*;

use crate::sets::{fixed_rows, labels, rows};

fn entries(count: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-3.0..3.0f64, count)
}

const THREE_CLASSES: [i64; 9] = [0, 1, 2, 0, 1, 2, 0, 1, 2];

proptest! {
    #[test]
    fn few_shot_losses_do_not_change_under_translation(x in entries(18), shift in -10.0..10.0f64) {
        let moved: Vec<f64> = x.iter().map(|entry| entry + shift).collect();
        let terms = vec![
            EpisodeTerm::CrossEntropy,
            EpisodeTerm::SupportIcnn,
            EpisodeTerm::QueryIcnn,
            EpisodeTerm::FullIcnn,
            EpisodeTerm::ProtoTriplet,
        ];
        let loss = EpisodeLossConfig::new(3).with_terms(terms).init().unwrap();
        let [a, b] = [x, moved].map(|x| {
            let set = rows(&x, 2);
            let of = || labels(&THREE_CLASSES);
            floats(&loss.forward(set.clone(), of(), set, of()))[0]
        });
        prop_assert!((a - b).abs() < 1e-6 * (1.0 + a.abs()), "{} and {}", a, b);
    }

    #[test]
    fn icnn_scores_and_their_parts_stay_between_zero_and_one(
        x in entries(20),
        y in prop::collection::vec(0..3i64, 10),
        k in 1..12usize,
        drop_first: bool,
    ) {
        let loss = IcnnLossConfig::new().with_k(k).with_drop_first(drop_first).init().unwrap();
        let score = loss.score(rows(&x, 2), labels(&y));
        for part in [score.score, score.lambda_same, score.lambda_diff, score.gamma] {
            let part = floats(&part)[0];
            prop_assert!((-1e-9..=1.0 + 1e-9).contains(&part), "{}", part);
        }
    }

    #[test]
    fn icnn_does_not_care_about_the_order_of_rows_or_the_names_of_classes(x in entries(20), first in 1..9usize) {
        let y: Vec<i64> = (0..10).map(|row| row % 3).collect();
        let mut x_turned = x.clone();
        x_turned.rotate_left(2 * first);
        let mut y_turned: Vec<i64> = y.iter().map(|label| 100 - 7 * label).collect();
        y_turned.rotate_left(first);
        let value = |x: &[f64], y: &[i64]| {
            let modified = IcnnLossConfig::new().init().unwrap();
            let original = IcnnOriginalLossConfig::new().with_use_omega(true).init().unwrap();
            let set = || (rows(x, 2), labels(y));
            [modified.forward(set().0, set().1), original.forward(set().0, set().1)].map(|loss| floats(&loss)[0])
        };
        let (a, b) = (value(&x, &y), value(&x_turned, &y_turned));
        for (a, b) in a.iter().zip(b) {
            prop_assert!((a - b).abs() < 1e-9, "{} and {}", a, b);
        }
    }

    #[test]
    fn the_proto_triplet_loss_is_zero_only_beyond_the_margin(x in entries(6), margin in 0.0..2.0f64) {
        let loss = ProtoTripletLossConfig::new().with_margin(margin).init().unwrap();
        let (queries, means) = (rows(&x[..2], 2), rows(&x[2..], 2));
        let [own, wrong] = loss.distances(queries.clone(), labels(&[1]), means.clone()).map(|d| floats(&d)[0]);
        let value = floats(&loss.forward(queries, labels(&[1]), means, Reduction::Sum))[0];
        prop_assert!((value - (own - wrong + margin).max(0.0)).abs() < 1e-12);
    }

    #[test]
    fn the_nearest_prototype_is_the_likeliest(x in entries(14)) {
        let (queries, means) = (rows(&x[..8], 2), rows(&x[8..], 2));
        let loss = ProtoCrossEntropyLossConfig::new().init().unwrap();
        let likeliest = loss.logits(queries.clone(), means.clone()).argmax(1);
        prop_assert_eq!(ints(&likeliest), ints(&nearest_prototype(queries, means)));
    }
}

#[test]
fn gradients_agree_with_differences_in_both_sets() {
    let like = rows(&[0.0], 1);
    let (queries, others) = (
        fixed_rows(6, 3, &like),
        fixed_rows(9, 3, &like) * 0.7 + 0.05,
    );
    let of = |count: usize| labels(&THREE_CLASSES[..count]);
    let icnn = IcnnLossConfig::new().with_drop_first(false).init().unwrap();
    check_gradient(queries.clone(), |queries: Tensor<2>| {
        icnn.forward_against(queries, of(6), others.clone(), of(9))
    });
    check_gradient(others.clone(), |others: Tensor<2>| {
        icnn.forward_against(queries.clone(), of(6), others, of(9))
    });
    let roots = IcnnOriginalLossConfig::new().with_p(3.0).with_q(1.5);
    let original = roots.with_use_omega(true).init().unwrap();
    check_gradient(others.clone(), |others: Tensor<2>| {
        original.forward(others, of(9))
    });
    let terms = vec![
        EpisodeTerm::CrossEntropy,
        EpisodeTerm::ProtoTriplet,
        EpisodeTerm::FullIcnn,
    ];
    let episode = EpisodeLossConfig::new(3)
        .with_terms(terms)
        .with_temperature(3.0);
    let episode = episode.init().unwrap();
    check_gradient(others, |support: Tensor<2>| {
        episode.forward(support, of(9), queries.clone(), of(6))
    });
}

#[test]
fn an_episode_averages_its_terms_and_names_them() {
    let set = fixed_rows(9, 3, &rows(&[0.0], 1));
    let of = || labels(&THREE_CLASSES);
    let terms = vec![EpisodeTerm::ProtoTriplet, EpisodeTerm::SupportIcnn];
    let loss = EpisodeLossConfig::new(3).with_terms(terms.clone()).init();
    let loss = loss.unwrap();
    let parts = loss.terms(set.clone(), of(), set.clone() * 0.5, of());
    assert!(parts.iter().map(|(term, _)| *term).eq(terms));
    let mean = parts.iter().map(|(_, part)| floats(part)[0]).sum::<f64>() / 2.0;
    let whole = floats(&loss.forward(set.clone(), of(), set * 0.5, of()))[0];
    assert!((whole - mean).abs() < 1e-12);
}

#[test]
fn one_class_alone_is_perfectly_clustered_and_teaches_nothing() {
    let set = fixed_rows(8, 3, &rows(&[0.0], 1)).autodiff().require_grad();
    let loss = IcnnLossConfig::new().init().unwrap();
    let value = loss.forward(set.clone(), labels(&[5; 8]));
    assert!(floats(&value)[0].abs() < 1e-12);
    let gradient = floats(&set.grad(&value.backward()).unwrap());
    assert!(gradient.iter().all(|entry| entry.abs() < 1e-12));
}

#[test]
fn one_shot_support_has_its_best_lambda_same_and_gamma() {
    let set = fixed_rows(5, 3, &rows(&[0.0], 1));
    let loss = IcnnLossConfig::new().init().unwrap();
    let score = loss.score(set, labels(&[0, 1, 2, 3, 4]));
    assert_eq!(floats(&score.lambda_same), [1.0]);
    assert_eq!(floats(&score.gamma), [1.0]);
}

#[test]
fn rows_that_coincide_have_finite_gradients() {
    let set = rows(&[1.0, 2.0].repeat(9), 2).autodiff().require_grad();
    let of = || labels(&THREE_CLASSES);
    let terms = vec![
        EpisodeTerm::CrossEntropy,
        EpisodeTerm::SupportIcnn,
        EpisodeTerm::QueryIcnn,
        EpisodeTerm::FullIcnn,
        EpisodeTerm::ProtoTriplet,
    ];
    let episode = EpisodeLossConfig::new(3).with_terms(terms).init().unwrap();
    let original = IcnnOriginalLossConfig::new().with_use_omega(true).init();
    let total = episode.forward(set.clone(), of(), set.clone(), of())
        + original.unwrap().forward(set.clone(), of());
    assert!(floats(&total)[0].is_finite());
    let gradient = floats(&set.grad(&total.backward()).unwrap());
    assert!(gradient.iter().all(|entry| entry.is_finite()));
}

#[test]
fn a_query_on_its_prototype_is_a_thousandth_away_without_a_slope() {
    let queries = rows(&[300.0, -7.0], 2).autodiff().require_grad();
    let means = rows(&[300.0, -7.0, 300.0, 1e6], 2);
    let loss = ProtoTripletLossConfig::new().init().unwrap();
    let [own, _] = loss.distances(queries.clone(), labels(&[0]), means);
    assert_eq!(floats(&own), [1e-3]);
    let gradient = floats(&queries.grad(&own.backward()).unwrap());
    assert_eq!(gradient, [0.0, 0.0]);
}

#[test]
fn the_mean_of_equal_rows_is_that_row_and_an_empty_class_is_zero() {
    let support = rows(&[0.5, 4.0, 0.5, 4.0, 0.5, 4.0], 2);
    let means = prototypes(support, labels(&[2, 2, 2]), 3);
    assert_eq!(floats(&means)[..4], [0.0; 4]);
    let last = &floats(&means)[4..];
    assert!((last[0] - 0.5).abs() < 1e-15 && (last[1] - 4.0).abs() < 1e-15);
}

#[test]
fn what_no_loss_is_defined_for_is_refused() {
    let set = fixed_rows(6, 2, &rows(&[0.0], 1));
    let six = || labels(&[0, 1, 2, 0, 1, 2]);
    let refused = |result: Result<(), candor_core::InputError>, word: &str| {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(word), "{message} does not say {word}");
    };
    refused(validate_support(&set, &six(), 4), "rows of class[3] = 0");
    refused(validate_support(&set, &six(), 2), "2 classes");
    refused(validate_support(&set, &labels(&[0]), 3), "labels");
    refused(validate_support(&set, &labels(&[0; 6]), 1), "two classes");

    let loss = ProtoTripletLossConfig::new().init().unwrap();
    let one = set.clone().slice_dim(0, 0..1);
    refused(
        loss.validate(&set, &labels(&[0; 6]), &one),
        "two prototypes",
    );
    let cross_entropy = ProtoCrossEntropyLossConfig::new().init().unwrap();
    refused(cross_entropy.validate(&set, &labels(&[9; 6]), &set), "9");
    let narrow = set.clone().slice_dim(1, 0..1);
    refused(loss.validate(&set, &six(), &narrow), "prototypes");

    let icnn = IcnnLossConfig::new().init().unwrap();
    let pair = set.clone().slice_dim(0, 0..2);
    refused(icnn.validate(&pair, &labels(&[0, 1])), "three");
    for (k, neighbourhood) in [(4, 3), (4, 6)] {
        let config = IcnnLossConfig::new().with_k(k);
        let loss = config.with_neighbourhood(Some(neighbourhood)).init();
        refused(loss.unwrap().validate(&set, &six()), "neighbourhood");
    }
    let original = IcnnOriginalLossConfig::new().init().unwrap();
    let triple = set.clone().slice_dim(0, 0..3);
    refused(
        original.validate(&triple, &labels(&[0, 1, 2])),
        "neighbours",
    );

    let episode = EpisodeLossConfig::new(3).init().unwrap();
    refused(episode.validate(&set, &six(), &set, &labels(&[3; 6])), "3");
}

#[test]
#[should_panic(expected = "IcnnLoss is undefined: there must be at least three target rows")]
fn too_few_rows_panic_in_forward() {
    let loss = IcnnLossConfig::new().init().unwrap();
    let _ = loss.forward(rows(&[0.0, 1.0], 1), labels(&[0, 1]));
}

#[test]
#[should_panic(expected = "ProtoTripletLoss: prototypes has shape [2, 3], wanted [_, 2]")]
fn prototypes_of_another_width_panic_in_forward() {
    let device = Device::flex();
    let loss = ProtoTripletLossConfig::new().init().unwrap();
    let (queries, means) = (
        Tensor::zeros([1, 2], &device),
        Tensor::zeros([2, 3], &device),
    );
    let _ = loss.forward(queries, labels(&[0]), means, Reduction::Mean);
}
