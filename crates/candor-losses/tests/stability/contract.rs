//! The objectives through the promises that all of them make, and every setting that is refused.

use burn::tensor::{Device, Int, Tensor};
use candor_losses::stability::{
    AuxZLoss, AuxZLossConfig, CrossEntropyWithZ, CrossEntropyWithZConfig, IndependentAdamW,
    IndependentAdamWConfig, LogitSoftCap, LogitSoftCapConfig, MuParamScales, MuParamScalesConfig,
    QkNorm, QkNormConfig, WarmupCosine, WarmupCosineConfig,
};
use candor_testkit::contract::{Objective, check_config, check_refused, check_send_sync};

/// The label of row i is i modulo the classes.
fn labels(rows: &[usize], classes: usize, like: &Tensor<2>) -> Tensor<1, Int> {
    let labels: Vec<i64> = rows.iter().map(|row| (row % classes) as i64).collect();
    Tensor::from_data(labels.as_slice(), &like.device())
}

#[test]
fn the_auxiliary_z_loss_keeps_the_contract() {
    for coef in [0.0, 1e-4, 1.0] {
        let loss = AuxZLossConfig::new().with_coef(coef).init().unwrap();
        Objective::new("AuxZLoss", 4, |logits, _| loss.forward_no_reduction(logits))
            .reduced(|logits, _, reduction| loss.forward(logits, reduction))
            .check();
    }
}

#[test]
fn cross_entropy_with_z_keeps_the_contract() {
    for coef in [0.0, 1e-4, 0.3] {
        let loss = CrossEntropyWithZConfig::new()
            .with_coef(coef)
            .init()
            .unwrap();
        Objective::new("CrossEntropyWithZ", 4, |logits, rows| {
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
fn configurations_survive_json_and_types_cross_threads() {
    check_config(&AuxZLossConfig::new(), AuxZLossConfig::init);
    check_config(
        &CrossEntropyWithZConfig::new(),
        CrossEntropyWithZConfig::init,
    );
    check_config(&LogitSoftCapConfig::new(), LogitSoftCapConfig::init);
    check_config(&QkNormConfig::new(8), |config| config.init(&Device::flex()));
    check_config(&WarmupCosineConfig::new(0.01), WarmupCosineConfig::init);
    check_config(
        &IndependentAdamWConfig::new(0.01),
        IndependentAdamWConfig::init,
    );
    check_config(
        &MuParamScalesConfig::new(64, 256),
        MuParamScalesConfig::init,
    );
    check_send_sync::<(AuxZLoss, CrossEntropyWithZ, LogitSoftCap, QkNorm)>();
    check_send_sync::<(WarmupCosine, IndependentAdamW, MuParamScales)>();
}

#[test]
fn illegal_settings_are_refused_by_name() {
    let adam = || IndependentAdamWConfig::new(0.01);
    let device = Device::flex();
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        check_refused(AuxZLossConfig::new().with_coef(bad).init(), "coef");
        check_refused(CrossEntropyWithZConfig::new().with_coef(bad).init(), "coef");
        check_refused(LogitSoftCapConfig::new().with_cap(bad).init(), "cap");
        check_refused(
            QkNormConfig::new(4).with_epsilon(bad).init(&device),
            "epsilon",
        );
        check_refused(WarmupCosineConfig::new(bad).init(), "peak");
        check_refused(WarmupCosineConfig::new(0.1).with_end(bad).init(), "end");
        check_refused(IndependentAdamWConfig::new(bad).init(), "lr");
        check_refused(adam().with_beta1(bad).init(), "beta1");
        check_refused(adam().with_beta2(bad).init(), "beta2");
        check_refused(adam().with_eps(bad).init(), "eps");
        check_refused(adam().with_weight_decay(bad).init(), "weight_decay");
    }
    check_refused(adam().with_beta2(1.0).init(), "beta2");
    check_refused(adam().with_eps(0.0).init(), "eps");
    check_refused(QkNormConfig::new(0).init(&device), "head_dim");
    check_refused(
        QkNormConfig::new(4).with_epsilon(0.0).init(&device),
        "epsilon",
    );
    check_refused(WarmupCosineConfig::new(1e-6).init(), "end");
    let endless = WarmupCosineConfig::new(0.1)
        .with_total(100)
        .with_warmup(100);
    check_refused(endless.init(), "warmup");
    check_refused(MuParamScalesConfig::new(0, 4).init(), "base_width");
    check_refused(MuParamScalesConfig::new(4, 0).init(), "width");
}
