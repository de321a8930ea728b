use burn::tensor::{DType, Device, FloatDType, Int, Tensor};
use candor_core::host;
use candor_models::causal_lm::weights::{WeightMap, tensor_shapes};
use candor_models::causal_lm::{
    CausalLm, CausalLmConfig, KvCache, LayerObserver, LeftPadding, LmError, RopeLayout,
    WeightSource,
};
use candor_models::{Checkpoint, load_safetensors, save_safetensors};
use candor_testkit::contract::{check_config, check_send_sync};
use candor_testkit::devices;

use crate::{built, distance, ids, toy};

#[test]
fn reading_in_pieces_gives_the_scores_of_reading_at_once() {
    for named in devices() {
        for layout in [RopeLayout::Half, RopeLayout::Interleaved] {
            let device = &named.device;
            let config = toy().with_rope_layout(layout);
            let model = built(&config, device);
            let ids = ids([[1, 2, 3, 4, 5, 6, 7], [7, 0, 12, 3, 3, 9, 1]], device);
            let whole = model.forward(ids.clone());
            let mut cache = KvCache::new(&config);
            let pieces = [0..3, 3..4, 4..6, 6..7]
                .map(|columns| model.forward_cached(ids.clone().slice_dim(1, columns), &mut cache));
            assert_eq!(cache.len(), 7);
            let pieces = Tensor::cat(pieces.into(), 1);
            let apart = distance(&whole, &pieces);
            assert!(apart < 1e-5, "{} {layout:?}: {apart}", named.name);
        }
    }
}

#[test]
fn the_scores_of_the_next_token_are_those_of_the_last_position() {
    let device = &Device::flex();
    let model = built(&toy(), device);
    let ids = ids([[4, 5, 6], [6, 5, 4]], device);
    let next = model.next_token_logits(ids.clone(), &mut KvCache::new(&toy()));
    let last: Tensor<2> = model.forward(ids).slice_dim(1, 2..3).squeeze_dim(1);
    assert!(distance(&next, &last) < 1e-6);
}

#[test]
fn a_padded_row_gives_the_scores_of_the_row_alone() {
    for named in devices() {
        let device = &named.device;
        let model = built(&toy(), device);
        let rows = [vec![1, 2, 3, 4, 5], vec![6, 7], vec![8, 9, 10]];
        for filler in [0, 12] {
            let (padded, padding) = LeftPadding::pad(&rows, filler, device);
            let together = model.hidden_states(padded, Some(&padding));
            for (index, row) in rows.iter().enumerate() {
                let (alone, _) = LeftPadding::pad(std::slice::from_ref(row), 0, device);
                let alone = model.hidden_states(alone, None);
                let in_batch = together
                    .clone()
                    .slice([index..index + 1, padding.lengths()[index]..5]);
                let apart = distance(&alone, &in_batch);
                assert!(apart < 1e-5, "{} row {index}: {apart}", named.name);
            }
        }
    }
}

#[test]
#[should_panic(expected = "LeftPadding: lengths has shape [2], wanted [1]")]
fn padding_of_another_batch_is_named() {
    let device = &Device::flex();
    let padding = LeftPadding::new(vec![0, 1]);
    built(&toy(), device).hidden_states(ids([[1, 2]], device), Some(&padding));
}

#[derive(Default)]
struct Notes {
    hidden: Vec<(usize, Tensor<3>)>,
    maps: Vec<(usize, Tensor<4>)>,
}

impl LayerObserver for Notes {
    fn hidden_state(&mut self, layer: usize, hidden: &Tensor<3>) {
        self.hidden.push((layer, hidden.clone()));
    }

    fn attention(&mut self, layer: usize, map: &Tensor<4>) {
        self.maps.push((layer, map.clone()));
    }
}

#[test]
fn an_observer_sees_every_layer_and_changes_nothing() {
    let device = &Device::flex();
    let model = built(&toy(), device);
    let ids = ids([[1, 2, 3], [4, 5, 6]], device);
    let mut notes = Notes::default();
    let observed = model.hidden_states_observed(ids.clone(), None, &mut notes);
    assert_eq!(distance(&observed, &model.hidden_states(ids, None)), 0.0);
    let layers: Vec<usize> = notes.hidden.iter().map(|(layer, _)| *layer).collect();
    assert_eq!(layers, [0, 1, 2]);
    assert!(
        notes
            .hidden
            .iter()
            .all(|(_, hidden)| hidden.dims() == [2, 3, 8])
    );
    assert_eq!(distance(&notes.hidden[2].1, &observed), 0.0);
    assert!(distance(&notes.hidden[0].1, &notes.hidden[1].1) > 1e-3);
    let layers: Vec<usize> = notes.maps.iter().map(|(layer, _)| *layer).collect();
    assert_eq!(layers, [0, 1]);
}

#[test]
fn attention_sums_to_one_over_what_came_before_and_the_padding_gets_none() {
    let device = &Device::flex();
    let model = built(&toy(), device);
    let (ids, padding) = LeftPadding::pad(&[vec![1, 2, 3, 4], vec![5, 6]], 0, device);
    let mut notes = Notes::default();
    model.hidden_states_observed(ids, Some(&padding), &mut notes);
    for (_, map) in notes.maps {
        assert_eq!(map.dims(), [2, 4, 4, 4]);
        for (index, row) in host::floats(&map).chunks(4).enumerate() {
            let (batch, query) = (index / 16, index % 4);
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-6);
            assert!(row[query + 1..].iter().all(|&weight| weight == 0.0));
            let padded = padding.lengths()[batch];
            if query >= padded {
                assert!(row[..padded].iter().all(|&weight| weight == 0.0));
                assert!(row[padded..=query].iter().all(|&weight| weight > 0.0));
            }
        }
    }
}

#[test]
fn what_comes_later_changes_nothing_before_it() {
    let device = &Device::flex();
    let model = built(&toy(), device);
    let short = model.forward(ids([[1, 2, 3]], device));
    let long = model.forward(ids([[1, 2, 3, 4, 5]], device));
    assert!(distance(&short, &long.slice_dim(1, 0..3)) < 1e-6);
}

#[test]
fn ids_that_the_model_has_no_row_for_are_refused_with_their_value() {
    let device = &Device::flex();
    let model = built(&toy(), device);
    assert!(model.validate_ids(&ids([[0, 12]], device)).is_ok());
    for wrong in [13, -1] {
        match model.validate_ids(&ids([[0, wrong]], device)) {
            Err(LmError::TokenOutOfRange {
                token,
                vocab_size: 13,
            }) => assert_eq!(token, wrong),
            other => panic!("{other:?}"),
        }
    }
    let long = Tensor::<2, Int>::zeros([1, 33], device);
    assert!(matches!(
        model.validate_ids(&long),
        Err(LmError::ContextOverflow {
            prompt: 33,
            new: 0,
            limit: 32
        })
    ));
}

#[test]
fn a_seed_decides_every_parameter_on_every_device() {
    let weights = |device: &Device, seed| {
        let model = toy().init_seeded(device, seed).unwrap();
        model.weights().collect::<Vec<_>>()
    };
    let reference = weights(&Device::flex(), 3);
    for named in devices() {
        assert_eq!(weights(&named.device, 3), reference, "{}", named.name);
    }
    let other = weights(&Device::flex(), 4);
    for ((name, _, a), (_, _, b)) in reference.iter().zip(&other) {
        assert_eq!(a == b, name.contains("norm"), "{name}");
    }
}

#[test]
fn what_is_exported_builds_the_same_model() {
    let device = &Device::flex();
    for tied in [true, false] {
        let config = toy().with_tie_embeddings(tied);
        let model = built(&config, device);
        let exported: Vec<_> = model.weights().collect();
        let shapes = exported
            .iter()
            .map(|(name, shape, _)| (name.clone(), shape.clone()));
        assert_eq!(shapes.collect::<Vec<_>>(), tensor_shapes(&config));
        let mut map = WeightMap::new();
        for (name, shape, values) in exported {
            assert_eq!(model.read(&name).unwrap(), values);
            map.insert(name, shape, values).unwrap();
        }
        let again = CausalLm::from_weights(&config, &map, device, FloatDType::F32).unwrap();
        let ids = ids([[1, 2, 3]], device);
        assert_eq!(
            distance(&again.forward(ids.clone()), &model.forward(ids)),
            0.0
        );
        assert!(model.read("model.norm.bias").is_err());
    }
}

#[test]
fn weights_of_another_configuration_are_refused_by_tensor() {
    let device = &Device::flex();
    let model = built(&toy(), device);
    let load = |config: &CausalLmConfig, source: &dyn WeightSource| {
        CausalLm::from_weights(config, source, device, FloatDType::F32).unwrap_err()
    };
    let deeper = CausalLmConfig {
        num_layers: 3,
        ..toy()
    };
    let tied = toy().with_tie_embeddings(true);
    let wider = CausalLmConfig {
        intermediate_size: 16,
        ..toy()
    };
    assert!(
        matches!(load(&deeper, &model), LmError::MissingTensor { tensor }
        if tensor == "model.layers.2.input_layernorm.weight")
    );
    assert!(
        matches!(load(&tied, &model), LmError::ExtraTensor { tensor } if tensor == "lm_head.weight")
    );
    assert!(
        matches!(load(&wider, &model), LmError::WrongShape { tensor, seen, wanted }
        if tensor == "model.layers.0.mlp.gate_proj.weight" && seen == [12, 8] && wanted == [16, 8])
    );
    let illegal = CausalLmConfig {
        head_dim: 3,
        ..toy()
    };
    assert!(matches!(load(&illegal, &model), LmError::Config(_)));
}

#[test]
fn a_checkpoint_holds_model_and_configuration() {
    let device = &Device::flex();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let model = built(&toy(), device);
    save_safetensors(&model, &path).unwrap();
    let loaded: Checkpoint<CausalLm> = load_safetensors(&path, device).unwrap();
    assert_eq!(loaded.config, toy());
    let ids = ids([[1, 2, 3]], device);
    assert_eq!(
        distance(&loaded.model.forward(ids.clone()), &model.forward(ids)),
        0.0
    );
}

#[test]
fn configurations_and_models_keep_the_common_promises() {
    check_config(&toy(), |config| config.init(&Device::flex()));
    check_send_sync::<CausalLm>();
    let error = CausalLmConfig {
        num_heads: 3,
        ..toy()
    }
    .init(&Device::flex());
    assert!(error.unwrap_err().to_string().contains("num_heads = 3"));
}

#[test]
fn half_precision_stays_near_single() {
    for named in devices() {
        for precision in [FloatDType::F16, FloatDType::BF16] {
            if !named.device.supports_dtype(DType::from(precision)) {
                continue;
            }
            let device = &named.device;
            let model = built(&toy(), device);
            let half = CausalLm::from_weights(&toy(), &model, device, precision).unwrap();
            let ids = ids([[1, 2, 3, 4]], device);
            let logits = half.forward(ids.clone());
            assert_eq!(logits.dtype(), DType::from(precision));
            let apart = distance(&logits.cast(FloatDType::F32), &model.forward(ids));
            // Weights of 8 bits of mantissa in two layers.
            assert!(apart < 0.05, "{} {precision:?}: {apart}", named.name);
        }
    }
}
