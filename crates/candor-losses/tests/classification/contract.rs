//! Every objective through the promises that all of them make.

use burn::tensor::{Int, Tensor, activation};
use candor_losses::classification::{
    AnyLoss, AnyLossConfig, CompSumLoss, CompSumLossConfig, ConfusionMetric, FocalLoss,
    FocalLossConfig, GeneralizedCrossEntropy, GeneralizedCrossEntropyConfig, PgdAttack,
    PgdAttackConfig, RhoMarginCompSum, RhoMarginCompSumConfig, ScoreOrientedLoss,
    ScoreOrientedLossConfig, SmoothAdversarialCompSum, SmoothAdversarialCompSumConfig, Trades,
    TradesConfig,
};
use candor_testkit::contract::{Objective, check_config, check_refused, check_send_sync};

/// The label of row i is i modulo the classes.
fn labels(rows: &[usize], classes: usize, like: &Tensor<2>) -> Tensor<1, Int> {
    let labels: Vec<i64> = rows.iter().map(|row| (row % classes) as i64).collect();
    Tensor::from_data(labels.as_slice(), &like.device())
}

/// The left half of the columns, and the right half turned over: unturned it would nearly repeat the left one, and
/// finite differences across the kink of a norm tell nothing.
fn halves(scores: &Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let half = scores.dims()[1] / 2;
    (
        scores.clone().slice_dim(1, 0..half),
        -scores.clone().slice_dim(1, half..2 * half),
    )
}

/// A loss of the whole batch, written once a row: that is how the contract can hold it.
fn repeated(loss: &Tensor<1>, rows: &[usize]) -> Tensor<1> {
    loss.clone().repeat_dim(0, rows.len())
}

#[test]
fn comp_sum_keeps_the_contract_for_every_member() {
    for tau in [0.5, 1.0, 1.0005, 1.5, 2.0, 3.0] {
        let loss = CompSumLossConfig::new().with_tau(tau).init().unwrap();
        Objective::new("CompSumLoss", 4, |logits, rows| {
            let labels = labels(rows, 4, &logits);
            loss.forward_no_reduction(logits, labels)
        })
        .reduced(|logits, rows, reduction| {
            let labels = labels(rows, 4, &logits);
            loss.forward(logits, labels, reduction)
        })
        .check();
    }
}

#[test]
fn rho_margin_comp_sum_keeps_the_contract() {
    let loss = RhoMarginCompSumConfig::new().with_rho(1.5).init().unwrap();
    Objective::new("RhoMarginCompSum", 4, |logits, rows| {
        let labels = labels(rows, 4, &logits);
        loss.forward_no_reduction(logits, labels)
    })
    .reduced(|logits, rows, reduction| {
        let labels = labels(rows, 4, &logits);
        loss.forward(logits, labels, reduction)
    })
    .check();
}

#[test]
fn smooth_adversarial_comp_sum_keeps_the_contract() {
    let loss = SmoothAdversarialCompSumConfig::new().init().unwrap();
    Objective::new("SmoothAdversarialCompSum", 6, |logits, rows| {
        let (clean, adversarial) = halves(&logits);
        loss.forward_no_reduction(clean, adversarial, labels(rows, 3, &logits))
    })
    .reduced(|logits, rows, reduction| {
        let (clean, adversarial) = halves(&logits);
        loss.forward(clean, adversarial, labels(rows, 3, &logits), reduction)
    })
    .check();
}

#[test]
fn trades_keeps_the_contract() {
    let loss = TradesConfig::new().init().unwrap();
    Objective::new("Trades", 6, |logits, rows| {
        let (clean, adversarial) = halves(&logits);
        loss.forward_no_reduction(clean, adversarial, labels(rows, 3, &logits))
    })
    .reduced(|logits, rows, reduction| {
        let (clean, adversarial) = halves(&logits);
        loss.forward(clean, adversarial, labels(rows, 3, &logits), reduction)
    })
    .check();
}

#[test]
fn focal_keeps_the_contract_below_and_above_one() {
    for gamma in [0.0, 0.5, 2.0] {
        let loss = FocalLossConfig::new().with_gamma(gamma).init().unwrap();
        Objective::new("FocalLoss", 4, |logits, rows| {
            let labels = labels(rows, 4, &logits);
            loss.forward_no_reduction(logits, labels)
        })
        .reduced(|logits, rows, reduction| {
            let labels = labels(rows, 4, &logits);
            loss.forward(logits, labels, reduction)
        })
        .check();
    }
}

#[test]
fn generalized_cross_entropy_keeps_the_contract_cut_or_not() {
    for truncation in [None, Some(0.2)] {
        let config = GeneralizedCrossEntropyConfig::new().with_truncation(truncation);
        let loss = config.init().unwrap();
        Objective::new("GeneralizedCrossEntropy", 4, |logits, rows| {
            let labels = labels(rows, 4, &logits);
            loss.forward_no_reduction(logits, labels)
        })
        .reduced(|logits, rows, reduction| {
            let labels = labels(rows, 4, &logits);
            loss.forward(logits, labels, reduction)
        })
        .check();
    }
}

#[test]
fn any_loss_keeps_the_contract_for_every_metric() {
    let metrics = [
        ConfusionMetric::Accuracy,
        ConfusionMetric::FBeta { beta: 0.5 },
        ConfusionMetric::BalancedAccuracy,
        ConfusionMetric::GMean,
        ConfusionMetric::GMeanSquared,
        ConfusionMetric::Mcc,
        ConfusionMetric::Precision,
        ConfusionMetric::Recall,
        ConfusionMetric::Specificity,
        ConfusionMetric::Jaccard,
    ];
    for metric in metrics {
        for sharpness in [4.0, 73.0, 400.0] {
            let config = AnyLossConfig::new()
                .with_metric(metric)
                .with_sharpness(sharpness);
            let loss = config.init().unwrap();
            Objective::new("AnyLoss", 1, |logits, rows| {
                let labels = labels(rows, 2, &logits);
                repeated(&loss.forward_logits(logits.squeeze_dim(1), labels), rows)
            })
            .inputs(0.05, 1e4)
            .batch_dependent()
            .check();
        }
    }
}

#[test]
fn multi_class_any_loss_and_its_unamplified_form_keep_the_contract() {
    for loss in [
        AnyLossConfig::new().with_sharpness(8.0).init(),
        AnyLossConfig::new().raw(),
    ] {
        let loss = loss.unwrap();
        Objective::new("AnyLoss", 3, |logits, rows| {
            let labels = labels(rows, 3, &logits);
            repeated(&loss.forward_multi_class(logits, labels), rows)
        })
        .batch_dependent()
        .check();
    }
}

#[test]
fn score_oriented_keeps_the_contract() {
    let loss = ScoreOrientedLossConfig::new().init().unwrap();
    Objective::new("ScoreOrientedLoss", 1, |logits, rows| {
        let labels = labels(rows, 2, &logits);
        repeated(
            &loss.forward(activation::sigmoid(logits.squeeze_dim(1)), labels),
            rows,
        )
    })
    .batch_dependent()
    .check();
}

#[test]
fn configurations_survive_json_and_types_cross_threads() {
    check_config(
        &AnyLossConfig::new().with_metric(ConfusionMetric::FBeta { beta: 2.0 }),
        AnyLossConfig::init,
    );
    check_config(&CompSumLossConfig::new(), CompSumLossConfig::init);
    check_config(&RhoMarginCompSumConfig::new(), RhoMarginCompSumConfig::init);
    check_config(
        &SmoothAdversarialCompSumConfig::new(),
        SmoothAdversarialCompSumConfig::init,
    );
    check_config(&PgdAttackConfig::new(), PgdAttackConfig::init);
    check_config(&TradesConfig::new(), TradesConfig::init);
    check_config(&FocalLossConfig::new(), FocalLossConfig::init);
    check_config(
        &GeneralizedCrossEntropyConfig::new(),
        GeneralizedCrossEntropyConfig::init,
    );
    check_config(
        &ScoreOrientedLossConfig::new(),
        ScoreOrientedLossConfig::init,
    );
    check_send_sync::<(
        AnyLoss,
        CompSumLoss,
        RhoMarginCompSum,
        SmoothAdversarialCompSum,
    )>();
    check_send_sync::<(
        PgdAttack,
        Trades,
        FocalLoss,
        GeneralizedCrossEntropy,
        ScoreOrientedLoss,
    )>();
}

#[test]
fn illegal_settings_are_refused_by_name() {
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let beta = ConfusionMetric::FBeta { beta: bad };
        check_refused(AnyLossConfig::new().with_sharpness(bad).init(), "sharpness");
        check_refused(AnyLossConfig::new().with_metric(beta).init(), "beta");
        check_refused(AnyLossConfig::new().with_metric(beta).raw(), "beta");
        check_refused(CompSumLossConfig::new().with_tau(bad).init(), "tau");
        check_refused(RhoMarginCompSumConfig::new().with_tau(bad).init(), "tau");
        check_refused(RhoMarginCompSumConfig::new().with_rho(bad).init(), "rho");
        check_refused(
            SmoothAdversarialCompSumConfig::new().with_tau(bad).init(),
            "tau",
        );
        check_refused(
            SmoothAdversarialCompSumConfig::new().with_rho(bad).init(),
            "rho",
        );
        check_refused(
            SmoothAdversarialCompSumConfig::new().with_nu(bad).init(),
            "nu",
        );
        check_refused(PgdAttackConfig::new().with_radius(bad).init(), "radius");
        check_refused(
            PgdAttackConfig::new().with_step_size(bad).init(),
            "step_size",
        );
        check_refused(PgdAttackConfig::new().with_lower(bad.abs()).init(), "lower");
        check_refused(
            PgdAttackConfig::new().with_upper(-bad.abs()).init(),
            "upper",
        );
        check_refused(TradesConfig::new().with_beta(bad).init(), "beta");
        check_refused(FocalLossConfig::new().with_gamma(bad).init(), "gamma");
        check_refused(GeneralizedCrossEntropyConfig::new().with_q(bad).init(), "q");
        check_refused(
            GeneralizedCrossEntropyConfig::new()
                .with_truncation(Some(bad))
                .init(),
            "truncation",
        );
        check_refused(
            ScoreOrientedLossConfig::new().with_metric(beta).init(),
            "beta",
        );
        check_refused(
            ScoreOrientedLossConfig::new().with_center(bad).init(),
            "center",
        );
        check_refused(
            ScoreOrientedLossConfig::new().with_half_width(bad).init(),
            "half_width",
        );
    }
    check_refused(PgdAttackConfig::new().with_steps(0).init(), "steps");
}
