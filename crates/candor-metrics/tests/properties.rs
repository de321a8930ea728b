//! What every measure holds whatever the numbers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp
)]

use burn::tensor::{Device, Tensor, TensorData};
use candor_metrics::agreement::{
    AgreementMeasure, AttentionAggregator, TopKAgreement, TopKDepth, pairwise_rank_agreement,
};
use candor_metrics::complexity::{entropy, gini};
use candor_metrics::faithfulness::Curve;
use candor_metrics::forgetting::{
    AnswerProbability, RougeL, TruthRatio, ks_two_sample, membership_inference, model_utility,
};
use candor_metrics::localisation::LocalisationReport;
use proptest::prelude::*;

const MEASURES: [AgreementMeasure; 11] = [
    AgreementMeasure::KendallTau,
    AgreementMeasure::Spearman,
    AgreementMeasure::Pearson,
    AgreementMeasure::WeightedKendallTau { alpha: 1.0 },
    AgreementMeasure::KendallTopK {
        penalty: 0.5,
        depth: TopKDepth::Fraction(0.5),
    },
    AgreementMeasure::TopKFeature(TopKDepth::Fraction(0.5)),
    AgreementMeasure::TopKRank(TopKDepth::Fraction(0.5)),
    AgreementMeasure::TopKSign(TopKDepth::Fraction(0.5)),
    AgreementMeasure::TopKSignedRank(TopKDepth::Fraction(0.5)),
    AgreementMeasure::TopKJaccard(TopKDepth::Fraction(0.5)),
    AgreementMeasure::RankBiasedOverlap { persistence: 0.9 },
];

/// Two lists of one length, with ties.
fn lists() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    let entry = || (-6i32..6).prop_map(|value| f64::from(value) / 2.0);
    prop::collection::vec((entry(), entry()), 2..24).prop_map(|pairs| pairs.into_iter().unzip())
}

fn losses() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0.0..8.0f64, 1..30)
}

proptest! {
    #[test]
    fn agreement_is_bounded_and_symmetric((left, right) in lists()) {
        for measure in MEASURES {
            let forth = measure.compute(&left, &right);
            let back = measure.compute(&right, &left);
            prop_assert_eq!(forth.is_ok(), back.is_ok());
            if let (Ok(forth), Ok(back)) = (forth, back) {
                prop_assert!((-1.0..=1.0 + 1e-12).contains(&forth), "{:?}: {}", measure, forth);
                prop_assert!((forth - back).abs() < 1e-12, "{:?}: {} and {}", measure, forth, back);
            }
        }
    }

    #[test]
    fn a_list_agrees_with_itself((list, _) in lists()) {
        for measure in MEASURES {
            if let Ok(value) = measure.compute(&list, &list) {
                prop_assert!((value - 1.0).abs() < 1e-12, "{:?}: {}", measure, value);
            }
        }
    }

    #[test]
    fn correlations_do_not_see_the_order_of_features((left, right) in lists(), turn in 0usize..24) {
        let turned = |list: &[f64]| {
            let mut list = list.to_vec();
            list.rotate_left(turn % left.len());
            list
        };
        // Top-k measures break ties by index; weighted τ gives remaining ties an arbitrary order.
        for measure in &MEASURES[..3] {
            let (before, after) = (measure.compute(&left, &right), measure.compute(&turned(&left), &turned(&right)));
            prop_assert_eq!(before.is_ok(), after.is_ok());
            if let (Ok(before), Ok(after)) = (before, after) {
                prop_assert!((before - after).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn reversing_one_side_negates_the_rank_correlations((left, right) in lists()) {
        let negated: Vec<f64> = right.iter().map(|value| -value).collect();
        for measure in &MEASURES[..3] {
            if let (Ok(value), Ok(other)) = (measure.compute(&left, &right), measure.compute(&left, &negated)) {
                prop_assert!((value + other).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn top_k_agreements_are_nested((left, right) in lists()) {
        for k in 1..=left.len() {
            let agreement = TopKAgreement::of(&left, &right, k).unwrap();
            prop_assert!(agreement.signed_rank <= agreement.rank && agreement.rank <= agreement.feature);
            prop_assert!(agreement.signed_rank <= agreement.sign && agreement.sign <= agreement.feature);
            prop_assert!(agreement.jaccard <= agreement.feature);
        }
        prop_assert_eq!(TopKAgreement::of(&left, &right, left.len()).unwrap().feature, 1.0);
    }

    #[test]
    fn pairwise_agreement_is_a_share((left, right) in lists()) {
        let all: Vec<usize> = (0..left.len()).collect();
        let share = pairwise_rank_agreement(&left, &right, &all).unwrap();
        prop_assert!((0.0..=1.0).contains(&share));
        prop_assert_eq!(pairwise_rank_agreement(&left, &left, &all).unwrap(), 1.0);
    }

    #[test]
    fn attention_scores_share_out_what_reaches_the_query(
        weights in prop::collection::vec(0.01..1.0f64, 2 * 2 * 4 * 4), row in 0usize..4
    ) {
        let attention = Tensor::<4>::from_data(TensorData::new(weights, [2, 2, 4, 4]), &Device::flex());
        for aggregator in [AttentionAggregator::Rollout, AttentionAggregator::Flow] {
            let scores = aggregator.scores(&attention, row).unwrap().into_data().try_to_vec::<f32>().unwrap();
            prop_assert!((scores.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{:?}", scores);
            prop_assert!(scores.iter().all(|&score| score >= 0.0));
        }
    }

    #[test]
    fn sparseness_keeps_its_bounds_and_ignores_scale_and_sign((list, _) in lists(), scale in 0.1..10.0f64) {
        let features = list.len() as f64;
        let other: Vec<f64> = list.iter().map(|value| -value * scale).collect();
        let (gini, gini_other) = (gini(&list).unwrap(), gini(&other).unwrap());
        prop_assert!((-1e-12..=(features - 1.0) / features + 1e-12).contains(&gini));
        prop_assert!((gini - gini_other).abs() < 1e-12);
        let (entropy, entropy_other) = (entropy(&list).unwrap(), entropy(&other).unwrap());
        prop_assert!((0.0..=features.ln() + 1e-12).contains(&entropy));
        prop_assert!((entropy - entropy_other).abs() < 1e-12);
    }

    #[test]
    fn the_area_of_a_curve_lies_between_its_extremes(values in prop::collection::vec(0.0..1.0f64, 1..20)) {
        let low = values.iter().copied().fold(1.0, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        let curve = Curve::new(values);
        prop_assert!((low - 1e-12..=high + 1e-12).contains(&curve.auc));
        prop_assert!(curve.aopc.abs() <= high - low + 1e-12);
    }

    #[test]
    fn localisation_is_a_share_and_the_auc_of_the_outside_is_its_complement(
        entries in prop::collection::vec((-4i32..4, any::<bool>()), 2..24)
    ) {
        let (attributions, mask): (Vec<f64>, Vec<bool>) =
            entries.into_iter().map(|(value, inside)| (f64::from(value), inside)).unzip();
        let outside: Vec<bool> = mask.iter().map(|inside| !inside).collect();
        if let Ok(report) = LocalisationReport::of(&attributions, &mask, None) {
            for share in [report.relevance_rank_accuracy, report.relevance_mass_accuracy, report.auc] {
                prop_assert!((0.0..=1.0).contains(&share));
            }
            if let Ok(other) = LocalisationReport::of(&attributions, &outside, None) {
                prop_assert!((report.auc + other.auc - 1.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn membership_inference_of_swapped_sides_is_the_complement(members in losses(), others in losses()) {
        let auc = membership_inference(&members, &others).unwrap();
        prop_assert!((0.0..=1.0).contains(&auc));
        prop_assert!((auc + membership_inference(&others, &members).unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_ks_p_value_is_a_probability_and_symmetric(left in losses(), right in losses()) {
        let test = ks_two_sample(&left, &right).unwrap();
        prop_assert!(test.p_value > 0.0 && test.p_value <= 1.0);
        prop_assert!(test.statistic > 0.0 && test.statistic <= 1.0 || test.p_value == 1.0);
        let swapped = ks_two_sample(&right, &left).unwrap();
        prop_assert!((test.p_value - swapped.p_value).abs() <= 1e-12 * test.p_value);
        prop_assert_eq!(test.statistic, swapped.statistic);
    }

    #[test]
    fn forgetting_scores_are_shares(right in losses(), shift in -3.0..3.0f64) {
        let wrong: Vec<Vec<f64>> = right.iter().map(|loss| vec![(loss + shift).abs(), *loss]).collect();
        let truth = TruthRatio::of(&wrong, &right).unwrap();
        prop_assert!((0.0..=1.0).contains(&truth.forget_score) && (0.0..=1.0).contains(&truth.utility_score));
        let choice = AnswerProbability::choice(&right, &wrong).unwrap();
        prop_assert!((0.0..=1.0).contains(&choice.mean));
        let utility = model_utility(&[choice.mean, truth.forget_score, truth.utility_score]).unwrap();
        prop_assert!(utility <= choice.mean.max(truth.forget_score).max(truth.utility_score) + 1e-12);
    }

    #[test]
    fn rouge_of_equal_texts_is_one_and_swapping_sides_swaps_precision_and_recall(
        left in prop::collection::vec(0u8..5, 1..12), right in prop::collection::vec(0u8..5, 0..12)
    ) {
        prop_assert_eq!(RougeL::of(&left, &left).f1, 1.0);
        let (rouge, swapped) = (RougeL::of(&left, &right), RougeL::of(&right, &left));
        prop_assert_eq!((rouge.lcs, rouge.recall, rouge.f1), (swapped.lcs, swapped.precision, swapped.f1));
    }
}
