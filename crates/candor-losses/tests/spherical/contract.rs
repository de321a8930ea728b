//! Every loss through the promises that all of them make.

use burn::tensor::{Int, Tensor};
use candor_core::DrawKey;
use candor_losses::spherical::{
    SparseTargets, SphericalLoss, SphericalMse, SphericalOutputLayer, SphericalOutputLayerConfig,
    SphericalSoftmaxLoss, SphericalSoftmaxLossConfig, TaylorSoftmaxLoss, ZLoss, ZLossConfig,
};
use candor_testkit::contract::{Objective, check_config, check_refused, check_send_sync};

use super::{losses, matrix};

/// The label of row i is i modulo the classes.
fn labels(rows: &[usize], classes: usize, like: &Tensor<2>) -> Tensor<1, Int> {
    let labels: Vec<i64> = rows.iter().map(|row| (row % classes) as i64).collect();
    Tensor::from_data(labels.as_slice(), &like.device())
}

#[test]
fn every_spherical_loss_keeps_the_contract() {
    for loss in losses() {
        Objective::new(loss.name(), 5, |logits, rows| {
            let labels = labels(rows, 5, &logits);
            loss.forward_no_reduction(logits, labels)
        })
        .reduced(|logits, rows, reduction| {
            let labels = labels(rows, 5, &logits);
            loss.forward(logits, labels, reduction)
        })
        .check();
    }
}

#[test]
fn configurations_survive_json() {
    let z = ZLossConfig::new().with_sharpness(0.05).with_margin(-2.0);
    check_config(&z, ZLossConfig::init);
    let softmax = SphericalSoftmaxLossConfig::new().with_epsilon(0.3);
    check_config(&softmax, SphericalSoftmaxLossConfig::init);
    let layer = SphericalOutputLayerConfig::new(0.01).with_weight_decay(1e-4);
    check_config(&layer, |config: &SphericalOutputLayerConfig| {
        config.init(SphericalMse::new(), 3, 2, DrawKey::new(0))
    });
}

#[test]
fn illegal_settings_are_refused_by_name() {
    for bad in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        check_refused(ZLossConfig::new().with_sharpness(bad).init(), "sharpness");
        let softmax = SphericalSoftmaxLossConfig::new().with_epsilon(bad);
        check_refused(softmax.init(), "epsilon");
        let init = |config: SphericalOutputLayerConfig| {
            config.init(SphericalMse::new(), 3, 2, DrawKey::new(0))
        };
        let config = || SphericalOutputLayerConfig::new(0.1);
        check_refused(init(SphericalOutputLayerConfig::new(bad)), "learning_rate");
        check_refused(
            init(config().with_smallest_singular_value(bad)),
            "smallest_singular_value",
        );
        check_refused(
            init(config().with_largest_singular_value(bad)),
            "largest_singular_value",
        );
        check_refused(
            init(config().with_initial_deviation(bad)),
            "initial_deviation",
        );
        // Zero is legal, and 1/η is not.
        let decay = if bad == 0.0 { 10.0 } else { bad };
        check_refused(init(config().with_weight_decay(decay)), "weight_decay");
    }
    for bad in [f64::NAN, f64::INFINITY] {
        check_refused(ZLossConfig::new().with_margin(bad).init(), "margin");
    }
}

#[test]
fn a_layer_of_no_size_is_refused() {
    let config = SphericalOutputLayerConfig::new(0.1);
    let init = |classes, width| config.init(SphericalMse::new(), classes, width, DrawKey::new(0));
    check_refused(init(1, 2), "classes");
    check_refused(init(3, 0), "width");
    let weight = matrix(&[0.0, f64::NAN], 1);
    check_refused(
        config.init_with_weight(SphericalMse::new(), &weight),
        "weight",
    );
}

#[test]
fn everything_may_go_to_another_thread() {
    check_send_sync::<ZLoss>();
    check_send_sync::<SphericalMse>();
    check_send_sync::<SphericalSoftmaxLoss>();
    check_send_sync::<TaylorSoftmaxLoss>();
    check_send_sync::<SparseTargets>();
    check_send_sync::<SphericalOutputLayer<ZLoss>>();
}
