#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! What is saved comes back; what is not a checkpoint of this network is refused with its name and its fault.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::store::{BurnpackStore, ModuleSnapshot, SafetensorsStore};
use burn::tensor::{Device, FloatDType, Tensor};
use candor_core::host;
use candor_models::{
    Activation, Architecture, Checkpoint, CheckpointError, Cnn, CnnConfig, Mlp, MlpConfig,
    load_record, load_safetensors, save_record, save_safetensors,
};
use tempfile::TempDir;

/// The two formats, so that every promise is made of both.
#[derive(Clone, Copy, Debug)]
enum Format {
    Safetensors,
    Record,
}

use Format::{Record, Safetensors};

impl Format {
    fn save<M: Architecture>(self, model: &M, path: &Path) -> Result<(), CheckpointError> {
        match self {
            Safetensors => save_safetensors(model, path),
            Record => save_record(model, path),
        }
    }

    fn load<M: Architecture>(self, path: &Path) -> Result<Checkpoint<M>, CheckpointError> {
        match self {
            Safetensors => load_safetensors(path, &Device::flex()),
            Record => load_record(path, &Device::flex()),
        }
    }

    /// Writes a model with metadata of the test's choice.
    fn save_as<M: ModuleSnapshot>(self, model: &M, path: &Path, metadata: &[(&str, &str)]) {
        match self {
            Safetensors => {
                let store = SafetensorsStore::from_file(path).overwrite(true);
                let store = metadata
                    .iter()
                    .fold(store, |store, (k, v)| store.metadata(*k, *v));
                model.save_into(&mut { store }).unwrap();
            }
            Record => {
                let store = BurnpackStore::from_file(path).overwrite(true);
                let store = metadata
                    .iter()
                    .fold(store, |store, (k, v)| store.metadata(*k, *v));
                model.save_into(&mut { store }).unwrap();
            }
        }
    }
}

fn mlp() -> Mlp {
    MlpConfig::new(3, vec![5, 4], 2)
        .with_activation(Activation::Tanh)
        .init_seeded(&Device::flex(), 1)
        .unwrap()
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("model.bin")
}

fn logits(model: &Mlp) -> Vec<f64> {
    let rows = Tensor::<2>::from_floats([[0.1, -0.4, 0.9]], &Device::flex());
    host::floats(&model.logits(rows))
}

const NAMED: [(&str, &str); 3] = [
    ("candor.schema", "1"),
    ("candor.architecture", "mlp"),
    (
        "candor.config",
        r#"{"input":3,"hidden":[5,4],"output":2,"activation":"Relu","dropout":0.0}"#,
    ),
];

fn with(key: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let replace = |(k, v)| if k == key { (k, value) } else { (k, v) };
    NAMED.into_iter().map(replace).collect()
}

#[test]
fn a_network_comes_back_with_its_configuration() {
    for format in [Safetensors, Record] {
        let folder = TempDir::new().unwrap();
        let path = file(&folder);
        let model = mlp();
        format.save(&model, &path).unwrap();
        let loaded = format.load::<Mlp>(&path).unwrap();
        assert_eq!(loaded.config, *model.config());
        assert_eq!(logits(&loaded.model), logits(&model));
        // Saving over an existing file replaces it, and nothing else is left in the folder.
        format.save(&model.reinitialised(1, 5), &path).unwrap();
        assert_ne!(
            logits(&format.load::<Mlp>(&path).unwrap().model),
            logits(&loaded.model)
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

/// Counts the parameters that a backward pass would reach.
struct Trainable(usize);

impl burn::module::ModuleVisitor for Trainable {
    fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<D>>) {
        self.0 += usize::from(param.val().is_require_grad());
    }
}

#[test]
fn a_loaded_network_can_be_trained() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    let cnn = CnnConfig::new().init_seeded(&Device::flex(), 0).unwrap();
    save_safetensors(&cnn, &path).unwrap();
    let device = Device::flex().autodiff();
    let model = load_safetensors::<Cnn>(&path, &device).unwrap().model;
    let images = Tensor::ones([1, 1, 8, 8], &device);
    assert!(model.logits(images).is_tracked());
    let mut trainable = Trainable(0);
    model.visit(&mut trainable);
    assert_eq!(trainable.0, 8);
}

#[test]
fn burn_reads_the_record_without_candor() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("model.bpk");
    let model = mlp();
    save_record(&model, &path).unwrap();
    let other = MlpConfig::new(3, vec![5, 4], 2)
        .with_activation(Activation::Tanh)
        .init_seeded(&Device::flex(), 99)
        .unwrap();
    let loaded = other.try_load_file(&path).unwrap();
    assert_eq!(logits(&loaded), logits(&model));
}

#[test]
fn every_truncation_is_an_error() {
    for format in [Safetensors, Record] {
        let folder = TempDir::new().unwrap();
        let path = file(&folder);
        format.save(&mlp(), &path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert!(
                format.load::<Mlp>(&path).is_err(),
                "{format:?} cut to {length}"
            );
        }
    }
}

#[test]
fn every_flipped_header_byte_is_an_error_or_harmless() {
    for format in [Safetensors, Record] {
        let folder = TempDir::new().unwrap();
        let path = file(&folder);
        format.save(&mlp(), &path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len().min(1200) {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x15;
            std::fs::write(&path, &bytes).unwrap();
            // The promise is that it returns.
            let _ = format.load::<Mlp>(&path);
        }
    }
}

#[test]
fn a_cut_off_file_says_how_much_is_missing() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    save_safetensors(&mlp(), &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 4]).unwrap();
    let error = load_safetensors::<Mlp>(&path, &Device::flex()).unwrap_err();
    let CheckpointError::Length { seen, wanted, .. } = error else {
        panic!("{error}");
    };
    assert_eq!((seen, wanted), (bytes.len() as u64 - 4, bytes.len() as u64));
}

#[test]
fn a_hostile_header_length_is_refused_before_it_allocates() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    std::fs::write(&path, [0xff; 64]).unwrap();
    let error = load_safetensors::<Mlp>(&path, &Device::flex()).unwrap_err();
    assert!(
        matches!(error, CheckpointError::HeaderTooLarge { .. }),
        "{error}"
    );
    // Burnpack: magic, version, then a metadata size of 4 GB.
    std::fs::write(&path, *b"NRUB\x01\x00\xff\xff\xff\xff").unwrap();
    let error = load_record::<Mlp>(&path, &Device::flex()).unwrap_err();
    assert!(
        matches!(error, CheckpointError::HeaderTooLarge { .. }),
        "{error}"
    );
}

#[test]
fn a_hostile_configuration_allocates_nothing() {
    let huge = r#"{"input":1152921504606846976,"hidden":[1152921504606846976],"output":2,"activation":"Relu","dropout":0.0}"#;
    for format in [Safetensors, Record] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("model.bpk");
        format.save_as(&mlp(), &path, &with("candor.config", huge));
        let error = format.load::<Mlp>(&path).unwrap_err();
        assert!(
            matches!(error, CheckpointError::WrongShape { .. }),
            "{error}"
        );
    }
}

#[test]
fn another_architecture_is_named() {
    for format in [Safetensors, Record] {
        let folder = TempDir::new().unwrap();
        let path = file(&folder);
        format.save(&mlp(), &path).unwrap();
        let error = format.load::<Cnn>(&path).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("`mlp`, not `cnn`"), "{text}");
        assert!(text.contains("model.bin"), "{text}");
    }
}

#[test]
fn foreign_metadata_is_refused_line_by_line() {
    for format in [Safetensors, Record] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("model.bpk");
        let error = |metadata: &[(&str, &str)]| {
            format.save_as(&mlp(), &path, metadata);
            format.load::<Mlp>(&path).unwrap_err()
        };
        assert!(matches!(
            error(&[]),
            CheckpointError::MissingMetadata { .. }
        ));
        assert!(matches!(
            error(&NAMED[..2]),
            CheckpointError::MissingMetadata {
                key: "candor.config",
                ..
            }
        ));
        assert!(matches!(
            error(&with("candor.schema", "2")),
            CheckpointError::Schema { .. }
        ));
        assert!(matches!(
            error(&with("candor.config", "{")),
            CheckpointError::UnreadableConfig { .. }
        ));
        let zero = r#"{"input":0,"hidden":[5,4],"output":2,"activation":"Relu","dropout":0.0}"#;
        assert!(matches!(
            error(&with("candor.config", zero)),
            CheckpointError::IllegalConfig { .. }
        ));
        format.save_as(&mlp(), &path, &NAMED);
        assert!(format.load::<Mlp>(&path).is_ok());
    }
}

#[test]
fn tensors_that_do_not_fit_the_configuration_are_named() {
    let network = |hidden: Vec<usize>| {
        let config = MlpConfig::new(3, hidden, 2);
        config.init_seeded(&Device::flex(), 0).unwrap()
    };
    for format in [Safetensors, Record] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("model.bpk");
        let error = |model: &Mlp| {
            format.save_as(model, &path, &NAMED);
            format.load::<Mlp>(&path).unwrap_err()
        };
        let CheckpointError::WrongShape {
            tensor,
            seen,
            wanted,
            ..
        } = error(&network(vec![5, 6]))
        else {
            panic!("a wrong shape was not found");
        };
        assert_eq!(
            (tensor.as_str(), seen, wanted),
            ("hidden.1.bias", vec![6], vec![4])
        );
        assert!(
            matches!(error(&network(vec![5])), CheckpointError::MissingTensor { tensor, .. } if tensor == "hidden.1.bias")
        );
        assert!(matches!(
            error(&network(vec![5, 4, 4])),
            CheckpointError::ExtraTensor { .. } | CheckpointError::WrongShape { .. }
        ));
    }
}

#[test]
fn extra_tensors_are_named() {
    #[derive(Module, Debug)]
    struct Wrapped {
        hidden: Vec<burn::nn::Linear>,
        output: burn::nn::Linear,
        spare: burn::nn::Linear,
    }
    let device = Device::flex();
    let linear = |inputs, outputs| burn::nn::LinearConfig::new(inputs, outputs).init(&device);
    let wrapped = Wrapped {
        hidden: vec![linear(3, 5), linear(5, 4)],
        output: linear(4, 2),
        spare: linear(1, 1),
    };
    for format in [Safetensors, Record] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("model.bpk");
        format.save_as(&wrapped, &path, &NAMED);
        let error = format.load::<Mlp>(&path).unwrap_err();
        assert!(
            matches!(&error, CheckpointError::ExtraTensor { tensor, .. } if tensor.starts_with("spare")),
            "{error}"
        );
    }
}

#[test]
fn half_precision_is_refused_on_both_ways() {
    let half = mlp().into_half();
    for format in [Safetensors, Record] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("model.bpk");
        let saved = format.save(&half, &path).unwrap_err();
        assert!(matches!(saved, CheckpointError::WrongDtype { .. }));
        assert!(!path.exists());
        format.save_as(&half, &path, &NAMED);
        let loaded = format.load::<Mlp>(&path).unwrap_err();
        assert!(
            loaded.to_string().contains("is F16, checkpoints hold F32"),
            "{loaded}"
        );
    }
}

trait IntoHalf {
    fn into_half(self) -> Self;
}

impl IntoHalf for Mlp {
    fn into_half(self) -> Self {
        struct Half;
        impl burn::module::ModuleMapper for Half {
            fn map_float<const D: usize>(
                &mut self,
                param: burn::module::Param<Tensor<D>>,
            ) -> burn::module::Param<Tensor<D>> {
                param.map(|tensor| tensor.cast(FloatDType::F16))
            }
        }
        self.map(&mut Half)
    }
}

#[test]
fn a_missing_file_and_a_missing_folder_are_named() {
    for format in [Safetensors, Record] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("none").join("model.bin");
        let error = format.load::<Mlp>(&path).unwrap_err();
        assert!(matches!(error, CheckpointError::Read { .. }), "{error}");
        let error = format.save(&mlp(), &path).unwrap_err();
        assert!(matches!(error, CheckpointError::Write { .. }), "{error}");
        assert!(error.to_string().contains("model.bin"), "{error}");
    }
}
