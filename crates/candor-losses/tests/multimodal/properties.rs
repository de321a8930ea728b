//! Invariants of the formulas, bad input, and the pieces that prepare data.

use burn::tensor::{DType, Device, Tensor};
use candor_core::DrawKey;
use candor_core::host::{self, floats};
use candor_losses::multimodal::{
    AttributeLossConfig, AttributeReduction, ContrastiveInputs, FeatureQueue, HardNegatives,
    MarsLossConfig, MarsTerms, MlmDistillLoss, MlmDistillLossConfig, MomentumContrastiveLoss,
    MomentumContrastiveLossConfig, PartOfSpeech, PatchMaskingConfig, ReconstructionLossConfig,
    ReplacedTokenLabels, TokenMaskingConfig, attribute_mask, patchify, unshuffle,
};
use candor_testkit::check_gradient;
use proptest::prelude::*;

use crate::{ints, wave};

fn f64s(values: &[f64]) -> Tensor<1> {
    Tensor::from_data(values, (&Device::flex(), DType::F64))
}

fn head(states: Tensor<2>) -> Tensor<2> {
    let width = states.dims()[1];
    states.matmul(wave([width, 2], 9))
}

proptest! {
    #[test]
    fn what_masking_hides_unshuffling_puts_back(
        noise in prop::collection::vec(0.0..1.0f64, 12),
        ratio in 0.2..0.8f64,
    ) {
        let masking = PatchMaskingConfig::new().with_mask_ratio(ratio).init().unwrap();
        let masked = masking.by_noise(&f64s(&noise).reshape([2, 6])).unwrap();
        let tokens = wave::<3>([2, 7, 3], 1);
        let kept = masked.visible(tokens.clone().slice_dim(1, 1..7));
        let visible = Tensor::cat(vec![tokens.clone().slice_dim(1, 0..1), kept], 1);
        let back = floats(&unshuffle(visible, f64s(&[9.0; 3]), masked.restore.clone()));
        let mask = host::rows(&masked.mask);
        for (place, (back, original)) in back.iter().zip(floats(&tokens)).enumerate() {
            let (row, token) = (place / 21, place % 21 / 3);
            let removed = token > 0 && mask[row][token - 1] == 1.0;
            prop_assert_eq!(*back, if removed { 9.0 } else { original });
        }
    }

    #[test]
    fn a_share_of_every_image_is_kept(patches in 2..200usize, ratio in 0.05..0.95f64) {
        let masking = PatchMaskingConfig::new().with_mask_ratio(ratio).init().unwrap();
        let Ok(kept) = masking.kept(patches) else { return Ok(()) };
        let masked = masking.draw(2, patches, DrawKey::new(3), &Device::flex()).unwrap();
        let removed: f64 = floats(&masked.mask).iter().sum();
        prop_assert_eq!(removed as usize, 2 * (patches - kept));
        prop_assert!((kept as f64 - patches as f64 * (1.0 - ratio)).abs() < 1.0);
    }

    #[test]
    fn a_negative_is_another_identity(
        similarities in prop::collection::vec(-1e4..1e4f64, 16),
        uniforms in prop::collection::vec(0.0..1.0f64, 4),
    ) {
        let ids = [0, 1, 1, 2];
        let negatives = HardNegatives::pick(
            f64s(&similarities).reshape([4, 4]), ints(&ids, [4]), f64s(&uniforms),
        );
        for (row, picked) in host::ints(&negatives.picked).into_iter().enumerate() {
            prop_assert_ne!(ids[row], ids[picked as usize]);
        }
    }

    #[test]
    fn the_order_of_words_within_an_attribute_does_not_matter(swap in 0..2usize) {
        let loss = AttributeLossConfig::new().init().unwrap();
        let tokens = wave::<3>([1, 4, 2], swap);
        let chunks = ints(&[1, 2, 2, 0], [1, 4]);
        let order = ints(&[0, 2, 1, 3], [4]);
        let value = |tokens| floats(&loss.forward_no_reduction(tokens, chunks.clone(), true, head))[0];
        let (a, b) = (value(tokens.clone()), value(tokens.select(1, order)));
        prop_assert!((a - b).abs() < 1e-12);
    }

    #[test]
    fn numbers_of_attributes_are_only_names(first in 1..50i64, second in 51..99i64) {
        let loss = AttributeLossConfig::new().with_reduction(AttributeReduction::PerChunk).init().unwrap();
        let value = |a: i64, b: i64| {
            let (tokens, chunks) = (wave::<3>([1, 4, 2], 0), ints(&[a, b, a, 0], [1, 4]));
            floats(&loss.forward(tokens.clone(), chunks.clone(), tokens, chunks, head))[0]
        };
        prop_assert_eq!(value(1, 2), value(first, second));
    }

    #[test]
    fn a_queue_holds_the_last_entries(batches in prop::collection::vec(1..4usize, 1..6)) {
        let device = Device::flex();
        let mut queue = FeatureQueue::empty(5, 1, DrawKey::new(0), &device);
        let mut written = Vec::new();
        for batch in batches {
            let ids: Vec<i64> = (0..batch).map(|row| (written.len() + row) as i64).collect();
            let features = f64s(&ids.iter().map(|&id| id as f64).collect::<Vec<_>>()).reshape([batch, 1]);
            queue = queue.push(features, ints(&ids, [batch])).unwrap();
            written.extend(ids);
        }
        let mut kept = host::ints(&queue.ids());
        let features = floats(&queue.features());
        for (id, feature) in kept.iter().zip(features) {
            prop_assert!(*id == FeatureQueue::EMPTY || *id as f64 == feature);
        }
        kept.retain(|&id| id != FeatureQueue::EMPTY);
        kept.sort_unstable();
        let last = written.len().saturating_sub(5);
        prop_assert_eq!(kept, written[last..].to_vec());
        prop_assert_eq!(queue.pointer(), written.len() % 5);
    }
}

fn contrastive(image: Tensor<2>) -> ContrastiveInputs {
    ContrastiveInputs {
        image,
        text: wave([3, 4], 2),
        image_momentum: wave([3, 4], 3),
        text_momentum: wave([3, 4], 4),
        image_queue: wave([2, 4], 5),
        text_queue: wave([2, 4], 6),
        ids: ints(&[0, 1, 0], [3]),
        queue_ids: ints(&[1, -100], [2]),
    }
}

#[test]
fn gradients_are_right_in_images_temperature_tokens_and_mask_token() {
    let loss = MomentumContrastiveLossConfig::new().init().unwrap();
    check_gradient(wave([3, 4], 1), |image: Tensor<2>| {
        loss.forward_parts(contrastive(image), f64s(&[0.3])).loss
    });
    // The published target is fixed: without soft targets the whole derivative is the logits'.
    let hard = MomentumContrastiveLossConfig::new().with_alpha(0.0);
    let hard = hard.init().unwrap();
    check_gradient(f64s(&[0.3]), |temperature: Tensor<1>| {
        hard.forward_parts(contrastive(wave([3, 4], 1)), temperature)
            .loss
    });
    let attribute = AttributeLossConfig::new().init().unwrap();
    let chunks = || ints(&[1, 1, 2, 0, 0, 0, 0, 0], [2, 4]);
    check_gradient(wave([2, 4, 3], 1), |tokens: Tensor<3>| {
        attribute.forward(tokens.clone(), chunks(), -tokens * 0.5, chunks(), head)
    });
    check_gradient(f64s(&[0.5, -0.2]), |token: Tensor<1>| {
        let restore = ints(&[2, 0, 1], [1, 3]);
        unshuffle(wave([1, 2, 2], 0), token, restore).square().sum()
    });
    let reconstruction = ReconstructionLossConfig::new()
        .with_patch(2)
        .with_normalize_target(true);
    let reconstruction = reconstruction.init().unwrap();
    check_gradient(wave([1, 3, 4], 0), |predicted: Tensor<3>| {
        let mask = f64s(&[1.0, 0.0, 1.0]).reshape([1, 3]);
        reconstruction.forward(wave([1, 1, 2, 6], 1), predicted, mask)
    });
}

#[test]
fn batches_without_attributes_cost_nothing_and_teach_nothing() {
    for reduction in [AttributeReduction::PerSample, AttributeReduction::PerChunk] {
        let config = AttributeLossConfig::new().with_reduction(reduction);
        let tokens = wave::<3>([2, 3, 2], 0).autodiff().require_grad();
        let none = || ints(&[0; 6], [2, 3]);
        let loss = config.init().unwrap();
        let value = loss.forward(tokens.clone(), none(), tokens.clone(), none(), head);
        assert_eq!(floats(&value), [0.0]);
        let gradient = tokens.grad(&value.backward()).unwrap();
        assert!(floats(&gradient).iter().all(|entry| *entry == 0.0));
    }
}

#[test]
fn states_outside_of_attributes_may_hold_anything() {
    let options = (&Device::flex().autodiff(), DType::F64);
    let tokens =
        Tensor::<3>::from_data([[[1.0, 2.0], [f64::NAN, f64::INFINITY]]], options).require_grad();
    let loss = AttributeLossConfig::new().init().unwrap();
    let value = loss.forward_no_reduction(tokens.clone(), ints(&[1, 0], [1, 2]), true, head);
    assert!(floats(&value)[0].is_finite());
    let gradient = floats(&tokens.grad(&value.backward()).unwrap());
    assert!(gradient.iter().all(|entry| entry.is_finite()) && gradient[2..] == [0.0, 0.0]);
}

#[test]
fn logits_of_fifty_thousand_stay_finite() {
    let head = |states: Tensor<2>| states * 5e4;
    let loss = AttributeLossConfig::new().init().unwrap();
    let tokens = wave::<3>([1, 2, 2], 0);
    let chunks = || ints(&[1, 2], [1, 2]);
    let value = loss.forward(tokens.clone(), chunks(), tokens, chunks(), head);
    assert!(floats(&value)[0].is_finite());
    let mlm = MlmDistillLossConfig::new().init().unwrap();
    let soft = Tensor::full([1, 1, 3], 1.0 / 3.0, (&Device::flex(), DType::F64));
    let value = mlm.forward(wave::<3>([1, 1, 3], 0) * 5e4, ints(&[1], [1, 1]), soft);
    assert!(floats(&value)[0].is_finite());
}

#[test]
fn the_softmax_of_masked_words_is_over_the_vocabulary() {
    // Shifting all words of one token changes nothing; over the sequence it would.
    let mlm = MlmDistillLossConfig::new().with_alpha(1.0).init().unwrap();
    let soft = Tensor::full([1, 2, 3], 1.0 / 3.0, (&Device::flex(), DType::F64));
    let value = |logits| floats(&mlm.forward(logits, ints(&[1, 2], [1, 2]), soft.clone()))[0];
    let logits = wave::<3>([1, 2, 3], 0);
    let shift = f64s(&[5.0, -2.0]).reshape([1, 2, 1]);
    assert!((value(logits.clone()) - value(logits + shift)).abs() < 1e-12);
}

#[test]
fn a_distant_row_draws_its_negatives_evenly() {
    let similarities = f64s(&[1e4, -1e4, -1e4, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).reshape([3, 3]);
    let pick = |u: f64| {
        let ids = ints(&[0, 1, 2], [3]);
        let negatives = HardNegatives::pick(similarities.clone(), ids, f64s(&[u, u, u]));
        host::ints(&negatives.picked)[0]
    };
    assert_eq!(
        [pick(0.0), pick(0.49), pick(0.51), pick(0.999)],
        [1, 1, 2, 2]
    );
}

#[test]
fn a_draw_belongs_to_its_row_and_not_to_its_batch() {
    let masking = PatchMaskingConfig::new().init().unwrap();
    let device = Device::flex();
    let both = masking.draw(2, 8, DrawKey::new(4), &device).unwrap();
    let second = masking.draw(1, 8, DrawKey::new(4).row(1), &device).unwrap();
    assert_eq!(
        host::ints(&both.restore)[8..],
        host::ints(&second.restore)[..]
    );
    let drawn = |key| {
        let negatives = HardNegatives::draw(wave([3, 3], 0), ints(&[0, 1, 2], [3]), key);
        host::ints(&negatives.picked)
    };
    assert_eq!(drawn(DrawKey::new(1)), drawn(DrawKey::new(1)));
}

#[test]
fn the_ramp_of_alpha_ends_at_alpha() {
    let loss = MomentumContrastiveLossConfig::new().init().unwrap();
    let value = |loss: &MomentumContrastiveLoss| {
        floats(
            &loss
                .forward_parts(contrastive(wave([3, 4], 1)), f64s(&[0.5]))
                .loss,
        )[0]
    };
    let hard = MomentumContrastiveLossConfig::new().with_alpha(0.0);
    assert_eq!(value(&loss.ramped(0.0)), value(&hard.init().unwrap()));
    assert_eq!(value(&loss.ramped(7.0)), value(&loss));
    let clamped = MomentumContrastiveLoss::clamp_temperature(f64s(&[9.0]));
    assert_eq!(floats(&clamped), [0.5]);
}

#[test]
fn fifteen_percent_of_the_words_are_masked_and_most_of_them_hidden() {
    let masking = TokenMaskingConfig::new(103, vec![0, 101], 1000);
    let masking = masking.init().unwrap();
    let mut ids = vec![500; 20_000];
    ids[0] = 101;
    let masked = masking.draw(&ids, DrawKey::new(2));
    let chosen: Vec<usize> = (0..ids.len())
        .filter(|&token| masked.labels[token] != MlmDistillLoss::UNMASKED)
        .collect();
    let share = |count: usize, of: usize| count as f64 / of as f64;
    assert!((share(chosen.len(), ids.len()) - 0.15).abs() < 0.01);
    let hidden = chosen
        .iter()
        .filter(|&&token| masked.input_ids[token] == 103)
        .count();
    assert!((share(hidden, chosen.len()) - 0.8).abs() < 0.03);
    assert_eq!((masked.input_ids[0], masked.labels[0]), (101, -100));
}

#[test]
fn the_terms_of_the_total_keep_their_names_and_weights() {
    let terms = || {
        let [a, b, c, d, e, f, g] = std::array::from_fn(|index| f64s(&[index as f64]));
        MarsTerms {
            contrastive: a,
            matching: b,
            masked_language: c,
            relation: d,
            replaced_token: e,
            reconstruction: f,
            attribute: g,
        }
    };
    let loss = MarsLossConfig::new().init().unwrap();
    let sum = loss.terms(terms()).unwrap();
    assert_eq!(
        floats(&sum.total().unwrap()),
        floats(&loss.forward(terms()))
    );
    assert_eq!(sum.terms()[6].name, "attribute");
}

#[test]
fn validation_names_what_is_wrong() {
    let attribute = AttributeLossConfig::new().init().unwrap();
    let tokens = wave::<3>([1, 2, 2], 0);
    assert!(attribute.validate(&tokens, &ints(&[0, 3], [1, 2])).is_ok());
    assert!(
        attribute
            .validate(&tokens, &ints(&[0, -1], [1, 2]))
            .is_err()
    );
    assert!(attribute.validate(&tokens, &ints(&[0], [1, 1])).is_err());

    let mlm = MlmDistillLossConfig::new().init().unwrap();
    let (logits, soft) = (wave([1, 2, 3], 0), wave::<3>([1, 2, 3], 1).square());
    let check = |labels: &[i64]| mlm.validate(&logits, &ints(labels, [1, 2]), &soft);
    assert!(check(&[2, -100]).is_ok());
    assert!(check(&[-100, -100]).is_err() && check(&[3, 0]).is_err() && check(&[-1, 0]).is_err());
    assert!(
        mlm.validate(&logits, &ints(&[0, 0], [1, 2]), &-soft.clone())
            .is_err()
    );

    assert!(HardNegatives::validate(&ints(&[4, 4], [2])).is_err());
    assert!(HardNegatives::validate(&ints(&[4], [1])).is_err());
    assert!(HardNegatives::validate(&ints(&[4, 5], [2])).is_ok());

    let loss = MomentumContrastiveLossConfig::new().init().unwrap();
    let inputs = contrastive(wave([3, 4], 1));
    assert!(loss.validate(&inputs, &f64s(&[0.1])).is_ok());
    for bad in [0.0, -1.0, f64::NAN] {
        assert!(loss.validate(&inputs, &f64s(&[bad])).is_err());
    }
    let unknown = ContrastiveInputs {
        ids: ints(&[0, -100, 0], [3]),
        ..inputs
    };
    assert!(loss.validate(&unknown, &f64s(&[0.1])).is_err());

    let reconstruction = ReconstructionLossConfig::new().with_patch(2);
    let reconstruction = reconstruction.init().unwrap();
    let (images, predicted) = (wave([1, 1, 2, 4], 0), wave([1, 2, 4], 1));
    let check =
        |mask: [f64; 2]| reconstruction.validate(&images, &predicted, &f64s(&mask).reshape([1, 2]));
    assert!(check([0.0, 1.0]).is_ok());
    assert!(check([0.0, 0.0]).is_err() && check([0.0, 0.5]).is_err());
}

#[test]
fn what_cannot_be_cut_queued_or_masked_is_refused() {
    assert!(patchify(wave([1, 1, 4, 4], 0), 0).is_err());
    assert!(patchify(wave([1, 1, 4, 4], 0), 3).is_err());
    let masking = PatchMaskingConfig::new().init().unwrap();
    assert!(masking.kept(3).is_err() && masking.kept(0).is_err() && masking.kept(4).is_ok());
    assert!(masking.by_noise(&wave([0, 8], 0)).is_err());
    assert!(
        masking
            .by_noise(&(wave::<2>([1, 8], 0) * f64::NAN))
            .is_err()
    );
    let device = Device::flex();
    let queue = || FeatureQueue::empty(2, 1, DrawKey::new(0), &device);
    assert!(
        queue()
            .push(wave([3, 1], 0), ints(&[1, 2, 3], [3]))
            .is_err()
    );
    assert!(queue().push(wave([2, 1], 0), ints(&[1, 2], [2])).is_ok());
    assert!(FeatureQueue::restore(wave([2, 1], 0), ints(&[1, 2], [2]), 2).is_err());
    let noun = [PartOfSpeech::Noun];
    assert!(attribute_mask(&noun, &[], 5).is_err());
    assert!(attribute_mask(&noun, &[None], 1).is_err());
    assert!(attribute_mask(&[], &[], 1).is_ok());
}

#[test]
fn equal_noise_keeps_the_order_of_the_patches() {
    let masking = PatchMaskingConfig::new().with_mask_ratio(0.5);
    let masked = masking
        .init()
        .unwrap()
        .by_noise(&Tensor::zeros([1, 40], &Device::flex()));
    let restore = host::ints(&masked.unwrap().restore);
    assert_eq!(restore, (0..40).collect::<Vec<i64>>());
}

#[test]
fn a_constant_patch_has_the_normalised_target_zero() {
    let loss = ReconstructionLossConfig::new()
        .with_patch(2)
        .with_normalize_target(true);
    let images = Tensor::<4>::full([1, 1, 2, 2], 7.0, (&Device::flex(), DType::F64));
    let (predicted, mask) = (wave::<3>([1, 1, 4], 0), f64s(&[1.0]).reshape([1, 1]));
    let value = loss
        .init()
        .unwrap()
        .forward(images, predicted.clone(), mask);
    let wanted = floats(&predicted.square().mean())[0];
    assert!((floats(&value)[0] - wanted).abs() < 1e-12);
}

#[test]
fn a_text_of_padding_has_nothing_to_detect() {
    let row = |id: i64| ints(&[101, id], [1, 2]);
    let replaced = ReplacedTokenLabels::new(row(5), row(6), ints(&[1, 0], [1, 2]), 101, 0);
    let logits = wave::<3>([1, 2, 2], 0).autodiff().require_grad();
    let value = replaced.loss(logits.clone());
    assert_eq!(floats(&value), [0.0]);
    assert!(
        floats(&logits.grad(&value.backward()).unwrap())
            .iter()
            .all(|entry| *entry == 0.0)
    );
}

#[test]
#[should_panic(expected = "ReconstructionLoss: images has shape [1, 1, 3, 4], wanted [_, _, 2, 4]")]
fn an_image_that_the_patch_does_not_divide_panics_in_one_line() {
    let loss = ReconstructionLossConfig::new()
        .with_patch(2)
        .init()
        .unwrap();
    loss.forward(wave([1, 1, 3, 4], 0), wave([1, 2, 4], 0), wave([1, 2], 0));
}

#[test]
#[should_panic(expected = "AttributeLoss: chunks has shape [1, 3], wanted [1, 2]")]
fn chunk_numbers_of_another_width_panic_in_one_line() {
    let loss = AttributeLossConfig::new().init().unwrap();
    loss.forward_no_reduction(wave([1, 2, 2], 0), ints(&[1, 1, 1], [1, 3]), true, head);
}
