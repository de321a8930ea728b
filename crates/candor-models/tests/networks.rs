#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! Seeds decide parameters, cascades are nested, and both networks pass gradients.

use burn::module::{Module, ModuleVisitor, Param};
use burn::store::burn_pack::{self, Reader};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use candor_core::{Predictor, Target, host, output_gradient};
use candor_models::{Activation, Cnn, CnnConfig, Mlp, MlpConfig};
use candor_testkit::devices;
use proptest::prelude::*;

fn mlp(device: &Device, seed: u64) -> Mlp {
    MlpConfig::new(3, vec![5, 4], 2)
        .init_seeded(device, seed)
        .unwrap()
}

fn cnn(device: &Device, seed: u64) -> Cnn {
    CnnConfig::new()
        .with_channels([2, 3])
        .with_hidden(4)
        .init_seeded(device, seed)
        .unwrap()
}

fn rows(device: &Device) -> Tensor<2> {
    Tensor::from_floats([[0.1, -0.4, 0.9], [1.0, 0.2, -0.3]], device)
}

fn images(device: &Device) -> Tensor<4> {
    let pixels: Vec<f32> = (0..128).map(|i| (i % 17) as f32 / 16.0).collect();
    Tensor::from_data(TensorData::new(pixels, [2, 1, 8, 8]), device)
}

/// How many parameters a backward pass reached.
struct Reached<'a> {
    gradients: &'a Gradients,
    count: usize,
}

impl ModuleVisitor for Reached<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.count += usize::from(param.val().grad(self.gradients).is_some());
    }
}

fn reached(model: &impl Module, gradients: &Gradients) -> usize {
    let mut reached = Reached {
        gradients,
        count: 0,
    };
    model.visit(&mut reached);
    reached.count
}

#[test]
fn a_seed_gives_the_same_network_on_every_device() {
    let reference = devices().remove(0).device;
    for named in devices() {
        let device = named.device;
        let seen = host::floats(&mlp(&device, 7).logits(rows(&device)));
        let wanted = host::floats(&mlp(&reference, 7).logits(rows(&reference)));
        for (seen, wanted) in seen.iter().zip(&wanted) {
            assert!(
                (seen - wanted).abs() < 1e-5,
                "{}: {seen} {wanted}",
                named.name
            );
        }
    }
}

#[test]
fn the_default_network_for_digits_has_the_documented_size() {
    // 16 (9 + 1) + 32 (16 * 9 + 1) + 64 (32 * 16 + 1) + 10 (64 + 1)
    let model = CnnConfig::new().init_seeded(&Device::flex(), 0).unwrap();
    assert_eq!(model.num_params(), 38_282);
}

#[test]
fn what_other_threads_draw_does_not_matter() {
    let device = Device::flex();
    let alone = host::floats(&cnn(&device, 3).logits(images(&device)));
    let noise = std::thread::spawn(|| {
        for seed in 0..200 {
            Device::flex().seed(seed);
            Tensor::<1>::random([64], burn::tensor::Distribution::Default, &Device::flex());
        }
    });
    for _ in 0..20 {
        assert_eq!(
            host::floats(&cnn(&device, 3).logits(images(&device))),
            alone
        );
    }
    noise.join().unwrap();
}

#[test]
fn another_seed_gives_another_network() {
    let device = Device::flex();
    assert_ne!(
        host::floats(&mlp(&device, 1).logits(rows(&device))),
        host::floats(&mlp(&device, 2).logits(rows(&device)))
    );
}

#[test]
fn weights_fill_the_kaiming_interval_of_burn_nn() {
    // burn-nn's Linear: U(-1/sqrt(fan_in), 1/sqrt(fan_in)), variance bound²/3.
    let model = MlpConfig::new(100, vec![200], 2)
        .init_seeded(&Device::flex(), 0)
        .unwrap();
    let first = model.clone().into_record();
    assert_eq!(first.len(), 4);
    let ones = model.forward_features(Tensor::eye(100, &Device::flex()));
    // With identity inputs the ReLU shows the positive part of weight + bias.
    let largest = host::floats(&ones.penultimate)
        .into_iter()
        .fold(0.0, f64::max);
    assert!((0.15..=0.2).contains(&largest), "{largest}");
}

/// The names and bytes of a module's parameters.
fn parameters(module: &impl Module) -> Vec<(String, Vec<u8>)> {
    let bytes = module.clone().into_record().into_bytes().unwrap();
    let tensors = Reader::from_bytes(bytes).unwrap().into_tensors().unwrap();
    let read =
        |tensor: burn_pack::Tensor| (tensor.name.clone(), tensor.to_bytes().unwrap().to_vec());
    tensors.into_iter().map(read).collect()
}

/// Which parameters differ between two modules.
fn changed(before: &impl Module, after: &impl Module) -> Vec<String> {
    let pairs = parameters(before).into_iter().zip(parameters(after));
    let changed = pairs.filter(|(before, after)| before != after);
    changed.map(|(before, _)| before.0).collect()
}

#[test]
fn cascading_randomisation_starts_at_the_top() {
    let device = Device::flex();
    let model = mlp(&device, 1);
    assert!(changed(&model, &model.clone().reinitialised(0, 9)).is_empty());
    assert_eq!(
        changed(&model, &model.clone().reinitialised(1, 9)),
        ["output.bias", "output.weight"]
    );
    assert_eq!(changed(&model, &model.clone().reinitialised(2, 9)).len(), 4);
    assert_eq!(
        changed(&model, &model.clone().reinitialised(99, 9)).len(),
        6
    );

    let model = cnn(&device, 1);
    let names = ["output", "hidden", "second", "first"];
    for layers in 0..=4 {
        let seen = changed(&model, &model.clone().reinitialised(layers, 9));
        assert_eq!(seen.len(), 2 * layers);
        let fits = |name: &String| names[..layers].iter().any(|layer| name.starts_with(layer));
        assert!(seen.iter().all(fits), "{seen:?}");
    }
}

#[test]
fn the_cascade_is_nested_and_ends_in_the_network_of_its_seed() {
    let device = Device::flex();
    let model = cnn(&device, 1);
    let (one, two) = (
        model.clone().reinitialised(1, 9),
        model.clone().reinitialised(2, 9),
    );
    assert_eq!(changed(&one, &two), ["hidden.bias", "hidden.weight"]);
    assert!(changed(&model.reinitialised(4, 9), &cnn(&device, 9)).is_empty());
}

#[test]
fn parameters_on_an_autodiff_device_receive_gradients() {
    let device = Device::flex().autodiff();
    let model = mlp(&device, 0);
    let gradients = model.logits(rows(&device)).sum().backward();
    let count = reached(&model, &gradients);
    assert_eq!(count, 6);
}

#[test]
fn dropout_acts_in_training_and_not_in_valid() {
    let device = Device::flex().autodiff();
    let config = MlpConfig::new(3, vec![64], 2).with_dropout(0.5);
    let model = config.init_seeded(&device, 0).unwrap();
    let zeros = |features: Tensor<2>| {
        let values = host::floats(&features);
        values.iter().filter(|value| **value == 0.0).count()
    };
    let trained = zeros(model.forward_features(rows(&device)).penultimate);
    let device = Device::flex();
    let valid = model.valid();
    let kept = zeros(valid.forward_features(rows(&device)).penultimate);
    assert!(trained > kept, "{trained} {kept}");
}

#[test]
fn both_networks_are_predictors_with_input_gradients() {
    let device = Device::flex();
    let inputs = images(&device);
    let gradient = output_gradient(&cnn(&device, 0), inputs.clone(), &Target::Output(3)).unwrap();
    assert_eq!(gradient.gradient.dims(), inputs.dims());
    assert!(
        host::floats(&gradient.gradient)
            .iter()
            .any(|value| *value != 0.0)
    );
    assert_eq!(mlp(&device, 0).predict(rows(&device)).dims(), [2, 2]);
}

#[test]
fn networks_can_be_sent_and_shared() {
    fn check<T: Send + Sync + std::fmt::Display>() {}
    check::<Mlp>();
    check::<Cnn>();
}

#[test]
fn every_activation_keeps_its_value_at_one() {
    let wanted = [
        (Activation::Relu, 1.0),
        (Activation::Gelu, 0.841_344_7),
        (Activation::Silu, 0.731_058_6),
        (Activation::Tanh, 0.761_594_2),
        (Activation::Sigmoid, 0.731_058_6),
    ];
    for (activation, wanted) in wanted {
        let one = Tensor::<1>::ones([1], &Device::flex());
        let seen = activation.forward(one).into_scalar::<f32>();
        assert!((seen - wanted).abs() < 1e-6, "{activation:?}: {seen}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn logits_of_a_row_do_not_depend_on_its_batch(seed: u64, values in proptest::collection::vec(-3f32..3.0, 12)) {
        let device = Device::flex();
        let model = mlp(&device, seed);
        let batch = Tensor::<2>::from_data(TensorData::new(values, [4, 3]), &device);
        let together = host::floats(&model.logits(batch.clone()).slice_dim(0, 2..3));
        let alone = host::floats(&model.logits(batch.slice_dim(0, 2..3)));
        for (together, alone) in together.iter().zip(alone) {
            prop_assert!((together - alone).abs() < 1e-5);
        }
    }
}
