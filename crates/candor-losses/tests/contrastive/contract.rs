//! Every objective through the promises that all of them make.

use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor};
use candor_losses::contrastive::{
    HardInfoNceLoss, HardInfoNceLossConfig, HardSimpleContrastiveLoss,
    HardSimpleContrastiveLossConfig, InfoNceLoss, InfoNceLossConfig, NtXentLoss, NtXentLossConfig,
    PenaltyAnalysis, PenaltyAnalysisConfig, SimilarityForm, SimpleContrastiveLoss,
    SimpleContrastiveLossConfig, SupConLoss, SupConLossConfig,
};
use candor_testkit::contract::{Objective, check_config, check_refused, check_send_sync};

/// The left half of the columns and the right one: two views.
fn halves(scores: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let half = scores.dims()[1] / 2;
    (
        scores.clone().slice_dim(1, 0..half),
        scores.slice_dim(1, half..2 * half),
    )
}

/// The first column and the others: a positive and its negatives.
fn pair(scores: Tensor<2>) -> (Tensor<1>, Tensor<2>) {
    let [rows, width] = scores.dims();
    let positive = scores.clone().slice_dim(1, 0..1).reshape([rows]);
    (positive, scores.slice_dim(1, 1..width))
}

fn classes(rows: &[usize], like: &Tensor<2>) -> Tensor<1, Int> {
    let labels: Vec<i64> = rows.iter().map(|row| (row % 2) as i64 * 9 - 4).collect();
    Tensor::from_data(labels.as_slice(), &like.device())
}

/// Both forms of a loss through the contract: in the batch, and of similarities.
macro_rules! both_forms {
    ($name:literal, $loss:expr) => {
        let loss = $loss;
        Objective::new($name, 6, |scores, _| {
            let (anchor, positive) = halves(scores);
            loss.forward_no_reduction(anchor, positive)
        })
        .reduced(|scores, _, reduction| {
            let (anchor, positive) = halves(scores);
            loss.forward(anchor, positive, reduction)
        })
        .batch_dependent()
        .check();
        Objective::new($name, 6, |scores, _| {
            let (positive, negatives) = pair(scores);
            loss.forward_similarities_no_reduction(positive, negatives)
        })
        .reduced(|scores, _, reduction| {
            let (positive, negatives) = pair(scores);
            loss.forward_similarities(positive, negatives, reduction)
        })
        .check();
    };
}

#[test]
fn info_nce_keeps_the_contract_with_one_side_and_with_two() {
    both_forms!("InfoNceLoss", InfoNceLossConfig::new().init().unwrap());
    let two_sided = InfoNceLossConfig::new().with_two_sided(true);
    both_forms!(
        "InfoNceLoss",
        two_sided
            .with_normalize(false)
            .with_temperature(1.0)
            .init()
            .unwrap()
    );
}

#[test]
fn info_nce_of_a_memory_bank_keeps_the_contract() {
    let loss = InfoNceLossConfig::new().init().unwrap();
    let bank = |like: &Tensor<2>| {
        let bank = [
            [0.3, -0.2, 0.9],
            [-0.5, 0.1, 0.2],
            [1.0, 1.0, 0.4],
            [0.0; 3],
        ];
        Tensor::<2>::from_data(bank, (&like.device().without_autodiff(), like.dtype()))
    };
    Objective::new("InfoNceLoss", 6, |scores, _| {
        let bank = bank(&scores);
        let (anchor, positive) = halves(scores);
        loss.forward_memory_bank_no_reduction(anchor, positive, bank)
    })
    .reduced(|scores, _, reduction| {
        let bank = bank(&scores);
        let (anchor, positive) = halves(scores);
        loss.forward_memory_bank(anchor, positive, bank, reduction)
    })
    .check();
}

#[test]
fn hard_info_nce_keeps_the_contract() {
    for fraction in [0.01, 0.5, 1.0] {
        let config = HardInfoNceLossConfig::new().with_hard_fraction(fraction);
        both_forms!("HardInfoNceLoss", config.init().unwrap());
    }
}

#[test]
fn the_simple_losses_keep_the_contract() {
    both_forms!(
        "SimpleContrastiveLoss",
        SimpleContrastiveLossConfig::new().init().unwrap()
    );
    for weight in [None, Some(0.25)] {
        let config = HardSimpleContrastiveLossConfig::new().with_hard_fraction(0.5);
        both_forms!(
            "HardSimpleContrastiveLoss",
            config.with_negative_weight(weight).init().unwrap()
        );
    }
}

#[test]
fn nt_xent_keeps_the_contract() {
    let loss = NtXentLossConfig::new().init().unwrap();
    Objective::new("NtXentLoss", 6, |scores, rows| {
        let (first, second) = halves(scores);
        let losses = loss.forward_no_reduction(first, second);
        let count = rows.len();
        // A row's two values as one.
        (losses.clone().slice_dim(0, 0..count) + losses.slice_dim(0, count..2 * count)) * 0.5
    })
    .reduced(|scores, _, reduction| {
        let (first, second) = halves(scores);
        let values = match reduction {
            Reduction::Sum => 0.5,
            _ => 1.0,
        };
        loss.forward(first, second, reduction) * values
    })
    .batch_dependent()
    .check();
}

#[test]
fn sup_con_keeps_the_contract() {
    let loss = SupConLossConfig::new().init().unwrap();
    Objective::new("SupConLoss", 3, |scores, rows| {
        let labels = classes(rows, &scores);
        loss.forward_no_reduction(scores, labels)
    })
    .reduced(|scores, rows, reduction| {
        let labels = classes(rows, &scores);
        loss.forward(scores, labels, reduction)
    })
    .batch_dependent()
    .check();
}

#[test]
fn configurations_survive_json_and_types_cross_threads() {
    check_config(&InfoNceLossConfig::new(), InfoNceLossConfig::init);
    check_config(&NtXentLossConfig::new(), NtXentLossConfig::init);
    check_config(&SupConLossConfig::new(), SupConLossConfig::init);
    check_config(&HardInfoNceLossConfig::new(), HardInfoNceLossConfig::init);
    check_config(
        &SimpleContrastiveLossConfig::new().with_negative_weight(Some(0.0)),
        SimpleContrastiveLossConfig::init,
    );
    check_config(
        &HardSimpleContrastiveLossConfig::new(),
        HardSimpleContrastiveLossConfig::init,
    );
    check_config(
        &PenaltyAnalysisConfig::new().with_hard_fraction(Some(1.0)),
        PenaltyAnalysisConfig::init,
    );
    check_send_sync::<(InfoNceLoss, NtXentLoss, SupConLoss, HardInfoNceLoss)>();
    check_send_sync::<(
        SimpleContrastiveLoss,
        HardSimpleContrastiveLoss,
        PenaltyAnalysis,
    )>();
}

#[test]
fn illegal_settings_are_refused_by_name() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let info_nce = InfoNceLossConfig::new().with_temperature(bad);
        check_refused(info_nce.init(), "temperature");
        let nt_xent = NtXentLossConfig::new().with_temperature(bad);
        check_refused(nt_xent.init(), "temperature");
        let sup_con = SupConLossConfig::new().with_temperature(bad);
        check_refused(sup_con.init(), "temperature");
        let hard = HardInfoNceLossConfig::new().with_temperature(bad);
        check_refused(hard.init(), "temperature");
        let analysis = PenaltyAnalysisConfig::new().with_temperature(bad);
        check_refused(analysis.init(), "temperature");
    }
    for bad in [0.0, 1.5, -0.1, f64::NAN] {
        let hard = HardInfoNceLossConfig::new().with_hard_fraction(bad);
        check_refused(hard.init(), "hard_fraction");
        let simple = HardSimpleContrastiveLossConfig::new().with_hard_fraction(bad);
        check_refused(simple.init(), "hard_fraction");
        let analysis = PenaltyAnalysisConfig::new().with_hard_fraction(Some(bad));
        check_refused(analysis.init(), "hard_fraction");
    }
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let simple = SimpleContrastiveLossConfig::new().with_negative_weight(Some(bad));
        check_refused(simple.init(), "negative_weight");
        let hard = HardSimpleContrastiveLossConfig::new().with_negative_weight(Some(bad));
        check_refused(hard.init(), "negative_weight");
    }
}
