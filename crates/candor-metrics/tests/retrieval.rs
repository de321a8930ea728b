//! Retrieval measures: bounds, ties, invariances, bad input, and re-ranking.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp
)]

use burn::tensor::{Device, Tensor};
use candor_core::InputError;
use candor_metrics::retrieval::{RetrievalMetrics, rerank};
use proptest::prelude::*;

proptest! {
    #[test]
    fn only_the_order_of_scores_matters(scores in prop::collection::vec(-5.0..5.0f64, 12), scale in 0.1..9.0f64) {
        let rows = |scores: &[f64]| -> Vec<Vec<f64>> { scores.chunks(6).map(<[f64]>::to_vec).collect() };
        let moved: Vec<f64> = scores.iter().map(|score| score * scale + 3.0).collect();
        let of = |scores: &[f64]| RetrievalMetrics::of(&rows(scores), &[0, 1], &[0, 1, 2, 0, 1, 2], &[1, 3]).unwrap();
        prop_assert_eq!(of(&scores), of(&moved));
    }

    #[test]
    fn measures_are_percentages_and_rank_k_grows(scores in prop::collection::vec(-5.0..5.0f64, 6)) {
        let metrics = RetrievalMetrics::of(&[scores], &[1], &[0, 1, 2, 0, 1, 2], &[1, 2, 5, 6, 60]).unwrap();
        prop_assert!((0.0..=100.0).contains(&metrics.map) && (0.0..=100.0).contains(&metrics.minp));
        prop_assert!(metrics.rank.windows(2).all(|pair| pair[0].1 <= pair[1].1));
        prop_assert_eq!(metrics.rank[4].1, 100.0);
    }

    #[test]
    fn the_order_of_the_gallery_does_not_matter_without_ties(start in 0..6usize) {
        let (scores, ids) = ([0.3, -1.0, 2.0, 0.1, 0.7, -0.2], [0, 1, 2, 0, 1, 2]);
        let rotated = |values: &[f64]| [&values[start..], &values[..start]].concat();
        let rotated_ids = [&ids[start..], &ids[..start]].concat();
        let straight = RetrievalMetrics::of(&[scores.to_vec()], &[1], &ids, &[1]).unwrap();
        let turned = RetrievalMetrics::of(&[rotated(&scores)], &[1], &rotated_ids, &[1]).unwrap();
        prop_assert_eq!(straight, turned);
    }
}

#[test]
fn of_equal_scores_the_earlier_item_stands_first() {
    let of = |ids: &[i64]| {
        RetrievalMetrics::of(&[vec![0.0; 40]], &[1], ids, &[1])
            .unwrap()
            .map
    };
    let mut ids = vec![0; 40];
    ids[4] = 1;
    assert!((of(&ids) - 20.0).abs() < 1e-12);
}

#[test]
fn a_query_without_a_match_is_named() {
    let scores = [vec![1.0, 2.0], vec![1.0, 2.0]];
    let error = RetrievalMetrics::of(&scores, &[1, 9], &[1, 2], &[1]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "RetrievalMetrics: query_ids[1] = 9 is out of range, it must be an identity that is in the gallery"
    );
}

#[test]
fn bad_input_is_refused() {
    let of = RetrievalMetrics::of;
    assert!(of(&[], &[], &[1], &[1]).is_err());
    assert!(of(&[vec![1.0]], &[1, 2], &[1], &[1]).is_err());
    assert!(of(&[vec![1.0]], &[1], &[1, 1], &[1]).is_err());
    assert!(of(&[vec![f64::NAN]], &[1], &[1], &[1]).is_err());
    assert!(of(&[vec![1.0]], &[1], &[1], &[0]).is_err());
    assert!(of(&[vec![f64::NEG_INFINITY]], &[1], &[1], &[]).is_ok());
}

#[test]
fn scores_may_come_from_a_device() {
    let scores = Tensor::<2>::from_floats([[0.5, 0.25]], &Device::flex());
    let metrics = RetrievalMetrics::of_tensor(&scores, &[2], &[1, 2], &[1]).unwrap();
    assert_eq!((metrics.map, metrics.rank[0].1), (50.0, 0.0));
}

#[test]
fn re_ranking_asks_for_the_best_candidates_only() {
    let fast = [vec![0.1, 0.9, 0.5], vec![0.3, 0.2, 0.1]];
    let mut asked = Vec::new();
    let scores = rerank(&fast, 2, -100.0, |query, candidates| {
        asked.push((query, candidates.to_vec()));
        Ok(vec![1.0, 2.0])
    });
    assert_eq!(scores.unwrap(), [[-100.0, 1.0, 2.0], [1.0, 2.0, -100.0]]);
    assert_eq!(asked, [(0, vec![1, 2]), (1, vec![0, 1])]);
    let none = |_: usize, _: &[usize]| -> Result<Vec<f64>, InputError> { Ok(vec![]) };
    assert!(rerank(&fast, 2, 0.0, none).is_err());
    assert!(rerank(&fast, 0, 0.0, none).is_err());
    assert!(rerank(&[vec![f64::NAN]], 1, 0.0, none).is_err());
}
