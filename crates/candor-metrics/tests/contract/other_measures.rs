//! Complexity, localisation, randomisation and forgetting.

use burn::tensor::{Device, Int, Tensor};
use candor_metrics::complexity::{effective_complexity, entropy, gini};
use candor_metrics::forgetting::{
    AnswerProbability, DistanceToRetrained, TruthRatio, accuracy, ks_two_sample,
    membership_inference, model_utility,
};
use candor_metrics::localisation::LocalisationReport;
use candor_metrics::randomisation::MprtReport;

#[test]
fn complexity_and_localisation_refuse_bad_input() {
    for bad in [vec![], vec![1.0, f64::NAN], vec![f64::INFINITY]] {
        assert!(
            gini(&bad).is_err()
                && entropy(&bad).is_err()
                && effective_complexity(&bad, 1e-5).is_err()
        );
    }
    assert!(effective_complexity(&[1.0], -1.0).is_err());
    // Magnitudes whose sum would overflow.
    assert_eq!(gini(&[f64::MAX, f64::MAX]).unwrap(), 0.0);
    assert!((entropy(&[f64::MAX, f64::MAX]).unwrap() - 2f64.ln()).abs() < 1e-15);

    let attributions = [1.0, 2.0];
    assert!(LocalisationReport::of(&attributions, &[false, false], None).is_err());
    assert!(LocalisationReport::of(&attributions, &[true], None).is_err());
    assert!(LocalisationReport::of(&[f64::NAN, 1.0], &[true, false], None).is_err());
    for k in [0, 3] {
        assert!(LocalisationReport::of(&attributions, &[true, false], Some(k)).is_err());
    }
    let everything = LocalisationReport::of(&[-1.0, -2.0], &[true, true], None).unwrap();
    assert_eq!(
        (
            everything.relevance_rank_accuracy,
            everything.relevance_mass_accuracy,
            everything.auc
        ),
        (1.0, 0.0, 0.0)
    );
}

#[test]
fn randomisation_refuses_bad_input_and_calls_a_constant_unrelated() {
    assert!(MprtReport::of(&[1.0, 2.0], &[]).is_err());
    assert!(MprtReport::of(&[1.0, 2.0], &[vec![1.0]]).is_err());
    assert!(MprtReport::of(&[1.0, f64::NAN], &[vec![1.0, 2.0]]).is_err());
    assert_eq!(
        MprtReport::of(&[1.0, 2.0], &[vec![0.0, 0.0]]).unwrap().mean,
        0.0
    );
}

#[test]
fn forgetting_refuses_bad_input_and_survives_extremes() {
    assert!(ks_two_sample(&[], &[1.0]).is_err() && ks_two_sample(&[f64::NAN], &[1.0]).is_err());
    assert!(TruthRatio::of(&[], &[]).is_err());
    assert!(TruthRatio::of(&[vec![]], &[1.0]).is_err());
    assert!(TruthRatio::of(&[vec![1.0]], &[1.0, 2.0]).is_err());
    assert!(TruthRatio::of(&[vec![f64::NAN]], &[1.0]).is_err());
    let extreme = TruthRatio::of(&[vec![0.0], vec![1e4]], &[1e4, 0.0]).unwrap();
    assert_eq!((extreme.forget_score, extreme.utility_score), (0.0, 0.5));
    for bad in [vec![], vec![-0.1], vec![f64::NAN], vec![f64::INFINITY]] {
        assert!(model_utility(&bad).is_err());
    }
    assert!(
        AnswerProbability::plain(&[]).is_err() && AnswerProbability::choice(&[1.0], &[]).is_err()
    );
    assert_eq!(
        AnswerProbability::choice(&[1e4], &[vec![1e4, 2e4]])
            .unwrap()
            .mean,
        0.5
    );
    assert!(
        membership_inference(&[], &[1.0]).is_err()
            && membership_inference(&[f64::NAN], &[1.0]).is_err()
    );

    let device = Device::flex();
    let logits = Tensor::<2>::from_floats([[1e4, -1e4]], &device);
    let labels = |label: i64| Tensor::<1, Int>::from_ints([label], &device);
    assert_eq!(accuracy(&logits, &labels(0)).unwrap(), 1.0);
    assert!(accuracy(&logits, &labels(2)).is_err() && accuracy(&logits, &labels(-1)).is_err());
    assert!(accuracy(&Tensor::full([1, 2], f64::NAN, &device), &labels(0)).is_err());
    let distance = DistanceToRetrained::of(&-logits.clone(), &logits).unwrap();
    assert_eq!((distance.kl, distance.disagreement), (2e4, 1.0));
    assert_eq!(DistanceToRetrained::of(&logits, &logits).unwrap().kl, 0.0);
    assert!(DistanceToRetrained::of(&Tensor::zeros([1, 3], &device), &logits).is_err());
    assert!(DistanceToRetrained::of(&Tensor::full([1, 2], f64::NAN, &device), &logits).is_err());
}
