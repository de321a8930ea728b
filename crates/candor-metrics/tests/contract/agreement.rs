//! Agreement of explanations.

use burn::tensor::{DType, Device, Tensor};
use candor_core::InputError;
use candor_metrics::agreement::{
    AgreementMatrix, AgreementMeasure, AttentionAggregator, KendallTopKConfig, TokenReduce,
    TopKAgreement, TopKDepth, kendall_tau, pairwise_rank_agreement, pearson_r, rank_biased_overlap,
    spearman_rho, weighted_kendall_tau,
};

#[test]
fn agreement_refuses_what_it_has_no_value_for() {
    type Pair = Box<dyn Fn(&[f64], &[f64]) -> Result<f64, InputError>>;
    let top_k = KendallTopKConfig::new().init().unwrap();
    let correlations: Vec<Pair> = vec![
        Box::new(kendall_tau),
        Box::new(spearman_rho),
        Box::new(pearson_r),
        Box::new(|a, b| weighted_kendall_tau(a, b, 1.0)),
    ];
    let others: Vec<Pair> = vec![
        Box::new(move |a, b| Ok(top_k.compute(a, b, None)?.value)),
        Box::new(|a, b| Ok(TopKAgreement::of(a, b, 1)?.feature)),
        Box::new(|a, b| rank_biased_overlap(a, b, 0.9)),
        Box::new(|a, b| pairwise_rank_agreement(a, b, &[0, 1])),
    ];
    for measure in correlations.iter().chain(&others) {
        assert!(measure(&[1.0, 2.0], &[1.0, 2.0, 3.0]).is_err(), "lengths");
        assert!(measure(&[1.0, f64::NAN], &[1.0, 2.0]).is_err(), "NaN");
        assert!(
            measure(&[1.0, 2.0], &[f64::INFINITY, 2.0]).is_err(),
            "infinity"
        );
        assert!(measure(&[], &[]).is_err(), "empty");
    }
    for measure in &correlations {
        assert!(matches!(
            measure(&[1.0, 1.0], &[1.0, 2.0]),
            Err(InputError::Undefined { .. })
        ));
        assert!(matches!(
            measure(&[1.0], &[1.0]),
            Err(InputError::Undefined { .. })
        ));
    }
    let (a, b) = ([1.0, 2.0, 3.0], [3.0, 1.0, 2.0]);
    for bad in [f64::NAN, 0.0, 1.0, -0.5, 2.0] {
        assert!(rank_biased_overlap(&a, &b, bad).is_err());
    }
    assert!(
        weighted_kendall_tau(&a, &b, -1.0).is_err()
            && weighted_kendall_tau(&a, &b, f64::NAN).is_err()
    );
    assert!(TopKAgreement::of(&a, &b, 0).is_err() && TopKAgreement::of(&a, &b, 4).is_err());
    for features in [vec![], vec![1], vec![0, 3], vec![1, 1]] {
        assert!(pairwise_rank_agreement(&a, &b, &features).is_err());
    }
}

#[test]
fn kendall_top_k_counts_buckets_and_says_when_it_compared_nothing() {
    let measure = KendallTopKConfig::new().init().unwrap();
    // The first bucket of the left side holds two features.
    let report = measure
        .compute(&[2.0, -2.0, 1.0], &[3.0, 2.0, 1.0], Some(1))
        .unwrap();
    assert_eq!((report.k, report.pairs, report.value), (1, 1, 0.0));
    let nothing = measure.compute_non_zero(&[0.0, 0.0], &[1.0, 2.0]).unwrap();
    assert_eq!((nothing.k, nothing.pairs, nothing.value), (0, 0, 1.0));
    assert_eq!(
        measure
            .compute(&[1.0, 2.0], &[1.0, 2.0], Some(9))
            .unwrap()
            .k,
        2
    );
    assert!(measure.compute(&[1.0, 2.0], &[1.0, 2.0], Some(0)).is_err());
}

#[test]
fn an_agreement_matrix_counts_the_instances_it_could_measure() {
    let device = Device::flex();
    // The second text is constant under the second method.
    let scores = Tensor::<3>::from_floats(
        [
            [[1.0, 2.0, 3.0], [1.0, 2.0, 9.0]],
            [[1.0, 2.0, 3.0], [5.0, 5.0, 9.0]],
        ],
        &device,
    );
    let matrix = AgreementMatrix::compute(&scores, &[3, 2], &AgreementMeasure::KendallTau).unwrap();
    assert_eq!(matrix.count, [[2, 1], [1, 1]]);
    assert_eq!(matrix.mean, [[1.0, 1.0], [1.0, 1.0]]);
    assert_eq!(matrix.std, [[0.0, 0.0], [0.0, 0.0]]);

    let compute = |lengths: &[usize], measure| AgreementMatrix::compute(&scores, lengths, &measure);
    for lengths in [vec![0, 2], vec![4, 2], vec![3]] {
        assert!(compute(&lengths, AgreementMeasure::Spearman).is_err());
    }
    let illegal = [
        AgreementMeasure::WeightedKendallTau { alpha: -1.0 },
        AgreementMeasure::RankBiasedOverlap { persistence: 1.0 },
        AgreementMeasure::KendallTopK {
            penalty: 0.0,
            depth: TopKDepth::All,
        },
        AgreementMeasure::TopKFeature(TopKDepth::Fixed(0)),
        AgreementMeasure::TopKRank(TopKDepth::Fraction(0.0)),
        AgreementMeasure::TopKSign(TopKDepth::Fraction(f64::NAN)),
    ];
    for measure in illegal {
        assert!(compute(&[3, 2], measure).is_err(), "{measure:?}");
    }
    let deep = compute(&[3, 2], AgreementMeasure::TopKJaccard(TopKDepth::Fixed(3))).unwrap();
    assert_eq!(deep.count, [[1, 1], [1, 1]]);
}

#[test]
fn attention_of_a_single_token_and_bad_attention() {
    let device = Device::flex();
    let single = Tensor::<4>::ones([2, 3, 1, 1], &device);
    for aggregator in [AttentionAggregator::Rollout, AttentionAggregator::Flow] {
        assert_eq!(
            aggregator.scores(&single, 0).unwrap().into_scalar::<f32>(),
            1.0
        );
    }
    let bad = [
        (Tensor::<4>::ones([1, 1, 2, 3], &device), 0),
        (Tensor::<4>::ones([0, 1, 2, 2], &device), 0),
        (Tensor::<4>::ones([1, 1, 2, 2], &device), 2),
        (Tensor::<4>::full([1, 1, 2, 2], f64::NAN, &device), 0),
        (Tensor::<4>::full([1, 1, 2, 2], -0.5, &device), 0),
    ];
    for (attention, row) in bad {
        assert!(
            AttentionAggregator::Rollout
                .scores(&attention, row)
                .is_err()
        );
    }
}

#[test]
fn token_scores_keep_their_precision() {
    let half = Tensor::<3>::ones([1, 1, 4096], (&Device::flex(), DType::F16));
    let scores = TokenReduce::AbsSum.reduce(half);
    assert_eq!(scores.dtype(), DType::F16);
    assert_eq!(scores.into_data().iter::<f64>().next(), Some(4096.0));
}
