use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, FloatDType, Gradients, Int, Tensor};
use candor_core::host;
use candor_models::causal_lm::lora::{LoraConfig, Projection, load_adapters, save_adapters};
use candor_models::causal_lm::weights::{InRopeLayout, permute_rope_rows};
use candor_models::causal_lm::{CausalLm, CausalLmConfig, LmError, RopeLayout};
use candor_testkit::contract::{check_config, check_refused};
use candor_testkit::devices;
use safetensors::SafeTensors;
use serde_json::Value;

use crate::training::loss;
use crate::{built, distance, ids, toy};

fn all_projections() -> LoraConfig {
    LoraConfig::new()
        .with_rank(3)
        .with_alpha(6.0)
        .with_projections(Projection::ALL.to_vec())
}

fn attached(lora: &LoraConfig, device: &Device) -> CausalLm {
    lora.init().unwrap().attach(built(&toy(), device))
}

fn text(device: &Device) -> Tensor<2, Int> {
    ids([[1, 2, 3, 4, 5]], device)
}

/// A few steps of training.
fn trained(mut model: CausalLm, device: &Device) -> CausalLm {
    let mut optimizer = AdamWConfig::new().with_weight_decay(0.0).init();
    for _ in 0..5 {
        let gradients = loss(&model, &text(device)).backward();
        let gradients = GradientsParams::from_grads(gradients, &model);
        model = optimizer.step(3e-2, model, gradients);
    }
    model
}

fn weights(model: &CausalLm) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    model.weights().collect()
}

/// The paths of the parameters that a backward pass reached.
struct Reached<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    found: Vec<String>,
}

impl ModuleVisitor for Reached<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.val().grad(self.gradients).is_some() {
            self.found.push(self.path.join("."));
        }
    }
}

#[test]
fn fresh_adapters_change_nothing_and_alone_are_trained() {
    for named in devices() {
        let device = named.device.clone().autodiff();
        let model = attached(&LoraConfig::new(), &device);
        let scores = |model: &CausalLm| model.forward(text(&device));
        assert_eq!(
            distance(&scores(&model), &scores(&built(&toy(), &device))),
            0.0
        );
        let gradients = loss(&model, &text(&device)).backward();
        let mut reached = Reached {
            gradients: &gradients,
            path: Vec::new(),
            found: Vec::new(),
        };
        model.visit(&mut reached);
        let mut wanted = Vec::new();
        for layer in 0..2 {
            for weight in ["q_proj", "v_proj"] {
                for factor in ["a", "b"] {
                    wanted.push(format!(
                        "layers.{layer}.self_attn.{weight}.weight.lora.{factor}"
                    ));
                }
            }
        }
        assert_eq!(reached.found, wanted, "{}", named.name);
    }
}

#[test]
fn training_moves_the_adapters_and_nothing_else() {
    let device = Device::flex().autodiff();
    let before = attached(&all_projections(), &device);
    let first = loss(&before, &text(&device)).into_scalar::<f64>();
    let after = trained(before.clone(), &device);
    assert!(loss(&after, &text(&device)).into_scalar::<f64>() < first - 0.1);
    let base = weights(&built(&toy(), &device));
    assert_eq!(weights(&after.clone().without_adapters()), base);
    // Exported weights have the adapters in them.
    for ((name, _, base), (_, _, exported)) in base.iter().zip(weights(&after)) {
        assert_eq!(*base != exported, name.contains("_proj"), "{name}");
    }
}

#[test]
fn merged_adapters_compute_what_they_computed_apart() {
    for named in devices() {
        let device = named.device.clone().autodiff();
        let adapted = trained(attached(&all_projections(), &device), &device).valid();
        let merged = adapted.clone().merge_adapters();
        assert_eq!(merged.num_adapter_params(), 0);
        assert_eq!(merged.num_params(), built(&toy(), &device).num_params());
        let ids = text(&named.device);
        let apart = distance(&merged.forward(ids.clone()), &adapted.forward(ids.clone()));
        assert!(apart < 1e-5, "{}: {apart}", named.name);
        let bare = adapted.without_adapters().forward(ids.clone());
        assert!(distance(&merged.forward(ids), &bare) > 1e-2);
    }
}

#[test]
fn a_seed_decides_the_adapters_and_attaching_again_replaces_them() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    let bytes = |model: &CausalLm, name: &str| {
        let path = folder.path().join(name);
        save_adapters(model, &path).unwrap();
        std::fs::read(path.join("adapter_model.safetensors")).unwrap()
    };
    let model = attached(&LoraConfig::new(), &device);
    let again = LoraConfig::new()
        .init()
        .unwrap()
        .attach(attached(&all_projections(), &device));
    assert_eq!(bytes(&model, "a"), bytes(&again, "b"));
    let other = attached(&LoraConfig::new().with_seed(1), &device);
    assert_ne!(bytes(&model, "a"), bytes(&other, "c"));
}

#[test]
fn adapters_come_back_from_their_folder() {
    let device = Device::flex().autodiff();
    let folder = tempfile::tempdir().unwrap();
    let adapted = trained(attached(&all_projections(), &device), &device);
    save_adapters(&adapted, folder.path()).unwrap();
    let loaded = load_adapters(built(&toy(), &device), folder.path()).unwrap();
    let scores = |model: &CausalLm| model.forward(text(&device));
    assert_eq!(distance(&scores(&loaded), &scores(&adapted)), 0.0);
    assert_eq!(loaded.num_adapter_params(), adapted.num_adapter_params());
    // What is loaded can be trained on.
    let gradients = loss(&loaded, &text(&device)).backward();
    assert!(!GradientsParams::from_grads(gradients, &loaded).is_empty());
}

#[test]
fn the_folder_is_that_of_peft() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    save_adapters(
        &attached(&LoraConfig::new().with_rank(3), &device),
        folder.path(),
    )
    .unwrap();
    let config: Value = read_json(folder.path());
    assert_eq!(config["peft_type"], "LORA");
    assert_eq!(config["task_type"], "CAUSAL_LM");
    assert_eq!(
        (&config["r"], &config["lora_alpha"]),
        (&3.into(), &16.0.into())
    );
    assert_eq!(
        config["target_modules"],
        Value::from(vec!["q_proj", "v_proj"])
    );
    assert_eq!(config["bias"], "none");
    let bytes = std::fs::read(folder.path().join("adapter_model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(tensors.len(), 2 * 2 * 2);
    let shape = |name: &str| {
        let name = format!("base_model.model.model.layers.1.self_attn.{name}.weight");
        tensors.tensor(&name).unwrap().shape().to_vec()
    };
    assert_eq!(shape("q_proj.lora_A"), [3, 8]);
    assert_eq!(shape("q_proj.lora_B"), [16, 3]);
    assert_eq!(shape("v_proj.lora_B"), [8, 3]);
}

fn read_json(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("adapter_config.json")).unwrap()).unwrap()
}

#[test]
fn adapters_fit_the_same_network_in_the_other_rotary_layout() {
    let device = Device::flex().autodiff();
    let interleaved = toy().with_rope_layout(RopeLayout::Interleaved);
    let half = built(&toy(), &device);
    let turned = InRopeLayout::new(&half, &toy(), RopeLayout::Interleaved);
    let turned = CausalLm::from_weights(&interleaved, &turned, &device, FloatDType::F32).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let plan = all_projections().init().unwrap();
    let adapted = trained(plan.attach(turned), &device);
    save_adapters(&adapted, folder.path()).unwrap();
    let loaded = load_adapters(half, folder.path()).unwrap();
    let scores = |model: &CausalLm| model.forward(text(&device));
    assert!(distance(&scores(&loaded), &scores(&adapted)) < 1e-5);
    // The file has the half layout: what the model holds is its reordering, and not the same.
    let held = weights(&adapted.clone().merge_adapters()).remove(2);
    let written = weights(&loaded.merge_adapters()).remove(2);
    assert_eq!(held.0, "model.layers.0.self_attn.q_proj.weight");
    assert_ne!(held.2, written.2);
    let reordered =
        permute_rope_rows(&held.2, 16, 4, RopeLayout::Interleaved, RopeLayout::Half).unwrap();
    let apart = reordered.iter().zip(&written.2).map(|(a, b)| (a - b).abs());
    assert!(apart.fold(0.0, f32::max) < 1e-6);
}

/// A folder of adapters with one change to its configuration.
fn changed(change: impl Fn(&mut Value)) -> Result<CausalLm, LmError> {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    save_adapters(&attached(&LoraConfig::new(), &device), folder.path()).unwrap();
    let mut config = read_json(folder.path());
    change(&mut config);
    let path = folder.path().join("adapter_config.json");
    std::fs::write(path, config.to_string()).unwrap();
    load_adapters(built(&toy(), &device), folder.path())
}

#[test]
fn settings_that_change_the_formula_are_refused_by_name() {
    let illegal = [
        ("peft_type", Value::from("LOHA")),
        ("bias", "all".into()),
        ("fan_in_fan_out", true.into()),
        ("use_dora", true.into()),
        ("modules_to_save", vec!["lm_head"].into()),
        ("rank_pattern", serde_json::json!({"q_proj": 4})),
        ("target_modules", "all-linear".into()),
        ("target_modules", vec!["embed_tokens"].into()),
        ("layers_to_transform", vec![0, 2].into()),
        ("layers_to_transform", 2.into()),
    ];
    for (setting, value) in illegal {
        let error = changed(|config| config[setting] = value.clone()).unwrap_err();
        match error {
            LmError::UnsupportedSetting { setting: named, .. } => assert_eq!(named, setting),
            other => panic!("{setting}: {other}"),
        }
    }
    assert!(matches!(
        changed(|config| config["r"] = 0.into()),
        Err(LmError::Config(_))
    ));
    assert!(matches!(
        changed(|config| config["r"] = (-1).into()),
        Err(LmError::Malformed { .. })
    ));
    assert!(changed(|config| config["use_dora"] = false.into()).is_ok());
}

#[test]
fn tensors_that_are_not_those_of_the_configuration_are_refused_by_name() {
    let path = |layer| format!("base_model.model.model.layers.{layer}.self_attn");
    let rank = changed(|config| config["r"] = 9.into()).unwrap_err();
    assert!(matches!(rank, LmError::WrongShape { tensor, seen, wanted }
        if tensor == path(0) + ".q_proj.lora_A.weight" && seen == [8, 8] && wanted == [9, 8]));
    let more =
        changed(|config| config["target_modules"] = vec!["q_proj", "k_proj", "v_proj"].into());
    assert!(
        matches!(more.unwrap_err(), LmError::MissingTensor { tensor }
        if tensor == path(0) + ".k_proj.lora_A.weight")
    );
    let fewer = changed(|config| config["target_modules"] = vec!["q_proj"].into());
    assert!(matches!(fewer.unwrap_err(), LmError::ExtraTensor { tensor }
        if tensor == path(0) + ".v_proj.lora_A.weight"));
    let layer = changed(|config| config["layers_to_transform"] = vec![0].into());
    assert!(matches!(layer.unwrap_err(), LmError::ExtraTensor { tensor }
        if tensor == path(1) + ".q_proj.lora_A.weight"));
}

#[test]
fn a_root_scale_is_understood() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    let autodiff = device.clone().autodiff();
    let adapted = trained(
        attached(&LoraConfig::new().with_rank(4), &autodiff),
        &autodiff,
    )
    .valid();
    save_adapters(&adapted, folder.path()).unwrap();
    let mut config = read_json(folder.path());
    // 16 / 4 = 8 / sqrt(4).
    config["use_rslora"] = true.into();
    config["lora_alpha"] = 8.into();
    std::fs::write(
        folder.path().join("adapter_config.json"),
        config.to_string(),
    )
    .unwrap();
    let loaded = load_adapters(built(&toy(), &device), folder.path()).unwrap();
    let scores = |model: &CausalLm| host::floats(&model.forward(text(&device)));
    assert_eq!(scores(&loaded), scores(&adapted));
}

#[test]
fn a_folder_that_is_not_one_of_adapters_is_an_error() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    let load = || load_adapters(built(&toy(), &device), folder.path());
    assert!(matches!(load(), Err(LmError::Read { .. })));
    save_adapters(&attached(&LoraConfig::new(), &device), folder.path()).unwrap();
    let path = folder.path().join("adapter_model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(load(), Err(LmError::Malformed { .. })));
    std::fs::write(folder.path().join("adapter_config.json"), "{}").unwrap();
    assert!(matches!(load(), Err(LmError::Malformed { .. })));
    let bare = save_adapters(&built(&toy(), &device), folder.path());
    assert!(bare.unwrap_err().to_string().contains("no adapters"));
}

#[test]
fn illegal_settings_are_refused_by_name() {
    check_config(&LoraConfig::new(), LoraConfig::init);
    let illegal = [
        ("rank", LoraConfig::new().with_rank(0)),
        ("alpha", LoraConfig::new().with_alpha(0.0)),
        ("alpha", LoraConfig::new().with_alpha(f64::NAN)),
        ("projections", LoraConfig::new().with_projections(vec![])),
        (
            "projections",
            LoraConfig::new().with_projections(vec![Projection::Q, Projection::Q]),
        ),
    ];
    for (field, config) in illegal {
        check_refused(config.init(), field);
    }
    let adapted = CausalLmConfig::tiny().init(&Device::flex()).unwrap();
    assert_eq!(adapted.num_adapter_params(), 0);
}
