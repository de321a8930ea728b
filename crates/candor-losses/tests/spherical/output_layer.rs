//! The factored layer against the same layer written out, its safeguards and its file.

use burn::nn::loss::Reduction;
use burn::tensor::{DType, Device, FloatDType, Tensor};
use candor_core::DrawKey;
use candor_core::host::{floats, rows};
use candor_losses::spherical::{
    CheckpointError, SparseTargets, SphericalLoss, SphericalMse, SphericalOutputLayer,
    SphericalOutputLayerConfig, TaylorSoftmaxLoss, ZLossConfig,
};
use candor_testkit::check_gradient;

use super::dense_layer::{Batch, DenseLayer, batch};
use super::{labels, losses, matrix, vector};

type Layer = SphericalOutputLayer<Box<dyn SphericalLoss>>;

fn hidden_of(batch: &Batch) -> Tensor<2> {
    matrix(&batch.hidden.concat(), batch.hidden[0].len())
}

fn labels_of(batch: &Batch) -> burn::tensor::Tensor<1, burn::tensor::Int> {
    let classes: Vec<i64> = batch.targets.iter().map(|row| row[0].0 as i64).collect();
    labels(&classes)
}

fn weight_of<L: SphericalLoss>(layer: &SphericalOutputLayer<L>) -> Vec<f64> {
    floats(&layer.weight(&vector(&[0.0])))
}

/// ‖left - right‖ / ‖right‖.
fn relative(left: &[f64], right: &[f64]) -> f64 {
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
    let difference = square(&mut left.iter().zip(right).map(|(a, b)| a - b));
    (difference / square(&mut right.iter().copied())).sqrt()
}

fn factored(
    dense: &DenseLayer,
    loss: Box<dyn SphericalLoss>,
    config: &SphericalOutputLayerConfig,
) -> Layer {
    let weight = matrix(&dense.flat(), dense.weight[0].len());
    config.init_with_weight(loss, &weight).unwrap()
}

#[test]
fn factored_steps_are_the_dense_steps() {
    for (index, loss) in losses().into_iter().enumerate() {
        let mut dense = DenseLayer::new(23, 5, 0.5);
        let config = SphericalOutputLayerConfig::new(0.05);
        let mut layer = factored(&dense, loss, &config);
        let loss = &losses()[index];
        for step in 0..20 {
            let batch = batch(step, 6, 5, 23);
            let (reduction, share) = if step % 2 == 0 {
                (Reduction::Mean, 1.0 / 6.0)
            } else {
                (Reduction::Sum, 1.0)
            };
            let (values, gradient) = dense.step(&**loss, &batch, share, 0.05);
            let seen = layer
                .step(hidden_of(&batch), labels_of(&batch), reduction)
                .unwrap();
            let what = format!("{} at step {step}", loss.name());
            assert!(relative(&floats(&seen.losses), &values) < 1e-9, "{what}");
            let seen = floats(&seen.hidden_gradient);
            assert!(relative(&seen, &gradient.concat()) < 1e-8, "{what}");
            assert!(relative(&weight_of(&layer), &dense.flat()) < 1e-9, "{what}");
        }
        let drift = layer.drift();
        assert!(drift.squares < 1e-12 && drift.sums < 1e-12 && drift.inverse < 1e-12);
    }
}

#[test]
fn ten_thousand_steps_later_factored_and_explicit_weights_are_the_same() {
    // The spherical softmax is steep at outputs of zero: with larger steps two runs that differ by a rounding part.
    let rates = [0.05, 0.05, 0.01, 0.05, 0.01];
    for (index, (loss, rate)) in losses().into_iter().zip(rates).enumerate() {
        let mut dense = DenseLayer::new(60, 8, 0.1);
        let config = SphericalOutputLayerConfig::new(rate);
        let mut layer = factored(&dense, loss, &config);
        let loss = &losses()[index];
        for step in 0..10_000 {
            let batch = batch(step, 4, 8, 60);
            dense.step(&**loss, &batch, 0.25, rate);
            layer
                .step(hidden_of(&batch), labels_of(&batch), Reduction::Mean)
                .unwrap();
        }
        let error = relative(&weight_of(&layer), &dense.flat());
        println!("{}: {error:e}, {:?}", loss.name(), layer.drift());
        assert!(error < 1e-3, "{}: {error}", loss.name());
        assert!(layer.drift().squares < 1e-6, "{:?}", layer.drift());
        assert_eq!(layer.steps(), 10_000);
    }
}

#[test]
fn weighted_targets_and_repeated_classes_are_exact() {
    let targets = vec![
        vec![(4, 0.5), (1, 0.25), (4, 0.25)],
        vec![(4, 1.0)],
        vec![(0, 2.0), (9, 0.0)],
    ];
    for (index, loss) in losses().into_iter().enumerate() {
        let mut dense = DenseLayer::new(10, 3, 0.5);
        let config = SphericalOutputLayerConfig::new(0.05);
        let mut layer = factored(&dense, loss, &config);
        let loss = &losses()[index];
        let sparse = SparseTargets::new(&targets, 10).unwrap();
        for step in 0..3 {
            let batch = Batch {
                hidden: batch(step, 3, 3, 10).hidden,
                targets: targets.clone(),
            };
            let (values, gradient) = dense.step(&**loss, &batch, 1.0 / 3.0, 0.05);
            let seen = layer
                .step_sparse(hidden_of(&batch), &sparse, Reduction::Mean)
                .unwrap();
            assert!(relative(&floats(&seen.losses), &values) < 1e-10);
            assert!(relative(&floats(&seen.hidden_gradient), &gradient.concat()) < 1e-9);
            assert!(relative(&weight_of(&layer), &dense.flat()) < 1e-10);
        }
        assert!(layer.drift().squares < 1e-12);
    }
}

#[test]
fn a_step_that_would_make_u_singular_is_taken_all_the_same() {
    // SphericalMse has L_q = 1: with 2 η ‖h‖² = 1, I - 2 η h hᵀ is a projection.
    let hidden = [0.5, 0.5, 0.5, 0.5];
    let mut dense = DenseLayer::new(9, 4, 0.5);
    let config = SphericalOutputLayerConfig::new(0.5);
    let mut layer = factored(&dense, Box::new(SphericalMse::new()), &config);
    for label in [3, 0, 3] {
        let batch = Batch {
            hidden: vec![hidden.to_vec()],
            targets: vec![vec![(label, 1.0)]],
        };
        dense.step(&SphericalMse::new(), &batch, 1.0, 0.5);
        layer
            .step(hidden_of(&batch), labels_of(&batch), Reduction::Mean)
            .unwrap();
        assert!(relative(&weight_of(&layer), &dense.flat()) < 1e-12);
        let drift = layer.drift();
        assert!(drift.squares < 1e-12 && drift.inverse < 1e-12);
    }
}

#[test]
fn weight_decay_scales_the_weight_and_all_that_is_known_of_it() {
    let mut dense = DenseLayer::new(12, 4, 0.5);
    let config = SphericalOutputLayerConfig::new(0.1).with_weight_decay(0.5);
    let loss = TaylorSoftmaxLoss::new();
    let mut layer = factored(&dense, Box::new(loss.clone()), &config);
    for step in 0..250 {
        let batch = batch(step, 3, 4, 12);
        dense.step(&loss, &batch, 1.0 / 3.0, 0.1);
        for entry in dense.weight.iter_mut().flatten() {
            *entry *= 0.95;
        }
        layer
            .step(hidden_of(&batch), labels_of(&batch), Reduction::Mean)
            .unwrap();
    }
    assert!(relative(&weight_of(&layer), &dense.flat()) < 1e-9);
    assert!(layer.drift().squares < 1e-9);
}

#[test]
fn stabilising_and_unfactorising_leave_the_weight_as_it_is() {
    let dense = DenseLayer::new(40, 6, 0.5);
    let config = SphericalOutputLayerConfig::new(0.3).with_stabilize_every(0);
    let mut layer = factored(&dense, Box::new(SphericalMse::new()), &config);
    for step in 0..60 {
        let batch = batch(step, 2, 6, 40);
        layer
            .step(hidden_of(&batch), labels_of(&batch), Reduction::Mean)
            .unwrap();
    }
    let before = weight_of(&layer);
    layer.stabilize();
    assert!(relative(&weight_of(&layer), &before) < 1e-7);
    assert!(layer.drift().inverse < 1e-10);
    layer.unfactorize();
    assert!(relative(&weight_of(&layer), &before) < 1e-7);
    assert!(layer.drift().squares < 1e-13);
}

#[test]
fn a_refused_step_leaves_the_layer_as_it_was() {
    let config = SphericalOutputLayerConfig::new(0.1);
    let loss = ZLossConfig::new().init().unwrap();
    let mut layer = config.init(loss, 5, 2, DrawKey::new(1)).unwrap();
    let before = weight_of(&layer);
    let good = matrix(&[0.1, 0.2, 0.3, 0.4], 2);
    let refused = [
        (matrix(&[0.1, f64::NAN, 0.3, 0.4], 2), labels(&[0, 1])),
        (matrix(&[0.1, f64::INFINITY, 0.3, 0.4], 2), labels(&[0, 1])),
        (matrix(&[1e200, 1e200, 1e200, 1e200], 2), labels(&[0, 1])),
        (good.clone(), labels(&[0, 5])),
        (good.clone(), labels(&[-1, 0])),
        (good.clone(), labels(&[0])),
        (matrix(&[0.1, 0.2, 0.3, 0.4], 4), labels(&[0])),
        (matrix(&[], 2), labels(&[])),
    ];
    for (hidden, labels) in refused {
        assert!(
            layer
                .step(hidden.clone(), labels.clone(), Reduction::Mean)
                .is_err(),
            "{hidden} {labels}"
        );
    }
    let other = SparseTargets::from_labels(&[0, 1], 6).unwrap();
    assert!(
        layer
            .step_sparse(good.clone(), &other, Reduction::Mean)
            .is_err()
    );
    assert_eq!(before, weight_of(&layer));
    assert_eq!(layer.steps(), 0);
    assert!(layer.set_learning_rate(0.0).is_err());
    assert!(layer.set_learning_rate(0.01).is_ok());
    assert!(layer.step(good, labels(&[0, 1]), Reduction::Mean).is_ok());
}

#[test]
fn logits_and_losses_are_those_of_the_weight() {
    let dense = DenseLayer::new(7, 3, 0.5);
    let config = SphericalOutputLayerConfig::new(0.2);
    let loss = ZLossConfig::new().init().unwrap();
    let mut layer = factored(&dense, Box::new(loss.clone()), &config);
    let batch = batch(0, 4, 3, 7);
    let (hidden, labels) = (hidden_of(&batch), labels_of(&batch));
    layer
        .step(hidden.clone(), labels.clone(), Reduction::Sum)
        .unwrap();
    let logits = hidden.clone().matmul(layer.weight(&hidden).transpose());
    let seen = layer.logits(hidden.clone());
    assert!(relative(&floats(&seen), &floats(&logits)) < 1e-12);
    let losses = loss.forward_no_reduction(logits, labels.clone());
    let seen = layer.evaluate(hidden, labels).unwrap();
    assert!(relative(&floats(&seen), &floats(&losses)) < 1e-9);
}

#[test]
fn the_network_below_gets_the_gradient_of_the_loss() {
    let dense = DenseLayer::new(7, 3, 0.5);
    let weight = matrix(&dense.flat(), 3);
    let loss = ZLossConfig::new().init().unwrap();
    let config = SphericalOutputLayerConfig::new(0.2);
    let batch = batch(3, 4, 3, 7);
    let hidden = hidden_of(&batch).autodiff().require_grad();
    let mut layer = factored(&dense, Box::new(loss.clone()), &config);
    let step = layer
        .step(hidden.clone(), labels_of(&batch), Reduction::Mean)
        .unwrap();
    let seen = hidden
        .grad(&step.objective(hidden.clone()).backward())
        .unwrap();
    let outputs = |hidden: Tensor<2>| {
        let weight = weight.clone().to_device(&hidden.device());
        let logits = hidden.matmul(weight.transpose());
        loss.forward(logits, labels_of(&batch), Reduction::Mean)
    };
    let wanted = hidden.grad(&outputs(hidden.clone()).backward()).unwrap();
    assert!(relative(&floats(&seen), &floats(&wanted)) < 1e-9);
    check_gradient(hidden_of(&batch), outputs);
}

#[test]
fn a_step_answers_in_the_precision_it_was_asked_in() {
    let loss = ZLossConfig::new().init().unwrap();
    let config = SphericalOutputLayerConfig::new(0.1);
    let mut layer = config.init(loss, 5, 2, DrawKey::new(1)).unwrap();
    for dtype in [FloatDType::F32, FloatDType::F16] {
        let hidden = Tensor::<2>::ones([2, 2], (&Device::flex(), DType::F32)).cast(dtype);
        let step = layer
            .step(hidden, labels(&[0, 1]), Reduction::Mean)
            .unwrap();
        assert_eq!(step.losses.dtype(), DType::from(dtype));
        assert_eq!(step.hidden_gradient.dtype(), DType::from(dtype));
    }
}

#[test]
fn training_goes_on_from_a_file_bit_by_bit() {
    let config = SphericalOutputLayerConfig::new(0.1).with_stabilize_every(7);
    let new = |seed| {
        let loss = ZLossConfig::new().init().unwrap();
        config.init(loss, 30, 4, DrawKey::new(seed)).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.safetensors");
    let train = |layer: &mut SphericalOutputLayer<_>, from: u64| {
        for step in from..from + 12 {
            let batch = batch(step, 3, 4, 30);
            layer
                .step(hidden_of(&batch), labels_of(&batch), Reduction::Mean)
                .unwrap();
        }
    };
    let mut first = new(1);
    train(&mut first, 0);
    first.save(&path).unwrap();
    let mut second = new(2);
    second.load(&path).unwrap();
    assert_eq!(second.steps(), 12);
    train(&mut first, 12);
    train(&mut second, 12);
    assert_eq!(weight_of(&first), weight_of(&second));
    assert_eq!(first.drift(), second.drift());

    let mut other = config
        .init(ZLossConfig::new().init().unwrap(), 30, 5, DrawKey::new(1))
        .unwrap();
    let refused = other.load(&path);
    assert!(matches!(refused, Err(CheckpointError::Tensor { .. })));
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("[30, 5]"), "{message}");
    assert!(other.load(folder.path().join("none")).is_err());
    std::fs::write(&path, "no tensors").unwrap();
    assert!(matches!(other.load(&path), Err(CheckpointError::Format(_))));
}

#[test]
fn z_loss_training_separates_classes() {
    // Class k has its own direction among 24; by chance one target of the 50 would come out as the largest output.
    let loss = ZLossConfig::new().init().unwrap();
    let config = SphericalOutputLayerConfig::new(0.5);
    let mut layer = config.init(loss, 50, 24, DrawKey::new(3)).unwrap();
    let centres = DenseLayer::new(50, 24, 1.0);
    let hidden = matrix(&centres.flat(), 24);
    let targets: Vec<i64> = (0..50).collect();
    for _ in 0..400 {
        layer
            .step(hidden.clone(), labels(&targets), Reduction::Sum)
            .unwrap();
    }
    let found = rows(&layer.logits(hidden))
        .iter()
        .enumerate()
        .filter(|(label, outputs)| outputs.iter().all(|output| *output <= outputs[*label]))
        .count();
    assert!(found >= 30, "{found} of 50");
}
