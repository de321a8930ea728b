//! Every objective through the promises that all of them make.

use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor, TensorData};
use candor_core::reduce;
use candor_losses::multimodal::{
    AttributeLoss, AttributeLossConfig, AttributeReduction, ContrastiveInputs, FeatureQueue,
    HardNegatives, ImageTextMatching, MarsLoss, MarsLossConfig, MaskedPatches, MlmDistillLoss,
    MlmDistillLossConfig, MomentumContrastiveLoss, MomentumContrastiveLossConfig, PatchMasking,
    PatchMaskingConfig, ReconstructionLoss, ReconstructionLossConfig, ReplacedTokenLabels,
    TokenMasking, TokenMaskingConfig,
};
use candor_testkit::contract::{Objective, check_config, check_refused, check_send_sync};

/// A constant of the precision and the device of the input, from each row's number and the column's.
fn beside<const D: usize>(
    like: &Tensor<2>,
    rows: &[usize],
    shape: [usize; D],
    seed: usize,
) -> Tensor<D> {
    let width = shape.iter().skip(1).product::<usize>();
    let values: Vec<f64> = rows
        .iter()
        .flat_map(|row| (0..width).map(move |column| row * 13 + column * 7 + seed))
        .map(|number| (number as f64 * 0.91).sin())
        .collect();
    let device = like.device().without_autodiff();
    Tensor::from_data(TensorData::new(values, shape), (&device, like.dtype()))
}

fn labels<const D: usize>(like: &Tensor<2>, values: Vec<i64>, shape: [usize; D]) -> Tensor<D, Int> {
    Tensor::from_data(TensorData::new(values, shape), &like.device())
}

#[test]
fn image_text_matching_keeps_the_contract() {
    for matching in [true, false] {
        let split = move |logits: Tensor<2>| {
            let none = logits.clone().slice_dim(0, 0..0);
            if matching {
                (logits, none)
            } else {
                (none, logits)
            }
        };
        Objective::new("ImageTextMatching", 2, move |logits, _| {
            let (right, wrong) = split(logits);
            ImageTextMatching.forward_no_reduction(right, wrong)
        })
        .reduced(move |logits, _, reduction| {
            let (right, wrong) = split(logits);
            ImageTextMatching.forward(right, wrong, reduction)
        })
        .check();
    }
}

/// Three tokens of width 2 a row: row 0, 4, ... has no attribute, others have two.
fn attribute_rows(tokens: Tensor<2>, rows: &[usize]) -> (Tensor<3>, Tensor<2, Int>) {
    let chunks = rows
        .iter()
        .flat_map(|row| if row % 4 == 0 { [0, 0, 0] } else { [1, 3, 1] })
        .collect();
    let chunks = labels(&tokens, chunks, [rows.len(), 3]);
    (tokens.reshape([rows.len(), 3, 2]), chunks)
}

fn head(states: Tensor<2>) -> Tensor<2> {
    let device = states.device().without_autodiff();
    let weight = Tensor::<2>::from_data([[0.5, -1.0], [2.0, 0.25]], (&device, states.dtype()));
    states.matmul(weight)
}

#[test]
fn attribute_loss_keeps_the_contract_a_text() {
    let loss = AttributeLossConfig::new().init().unwrap();
    for matching in [true, false] {
        Objective::new("AttributeLoss", 6, |tokens, rows| {
            let (tokens, chunks) = attribute_rows(tokens, rows);
            loss.forward_no_reduction(tokens, chunks, matching, head)
        })
        .check();
    }
}

#[test]
fn attribute_loss_keeps_the_contract_in_both_reductions() {
    for reduction in [AttributeReduction::PerSample, AttributeReduction::PerChunk] {
        let config = AttributeLossConfig::new().with_reduction(reduction);
        let loss = config.init().unwrap();
        Objective::new("AttributeLoss", 6, |tokens, rows| {
            let (tokens, chunks) = attribute_rows(tokens, rows);
            let right = loss.forward(tokens.clone(), chunks.clone(), -tokens, chunks, head);
            right.repeat_dim(0, rows.len())
        })
        .batch_dependent()
        .check();
    }
}

#[test]
fn momentum_contrastive_loss_keeps_the_contract() {
    for alpha in [0.0, 0.4, 1.0] {
        let config = MomentumContrastiveLossConfig::new().with_alpha(alpha);
        let loss = config.init().unwrap();
        let inputs = |features: Tensor<2>, rows: &[usize]| {
            let fixed = |seed| beside(&features, rows, [rows.len(), 3], seed);
            let queue = |seed| beside(&features, &[90, 91], [2, 3], seed);
            ContrastiveInputs {
                image: features.clone().slice_dim(1, 0..3),
                text: features.clone().slice_dim(1, 3..6),
                image_momentum: fixed(1),
                text_momentum: fixed(2),
                image_queue: queue(3),
                text_queue: queue(4),
                ids: labels(
                    &features,
                    rows.iter().map(|row| (row % 3) as i64).collect(),
                    [rows.len()],
                ),
                queue_ids: labels(&features, vec![1, FeatureQueue::EMPTY], [2]),
            }
        };
        let temperature = |features: &Tensor<2>| {
            let device = features.device().without_autodiff();
            Tensor::<1>::from_data([0.5], (&device, features.dtype()))
        };
        Objective::new("MomentumContrastiveLoss", 6, |features, rows| {
            let temperature = temperature(&features);
            loss.forward_no_reduction(inputs(features, rows), temperature)
        })
        .reduced(|features, rows, reduction| {
            let temperature = temperature(&features);
            loss.forward(inputs(features, rows), temperature, reduction)
        })
        .batch_dependent()
        .check();
    }
}

#[test]
fn mlm_distillation_keeps_the_contract() {
    for alpha in [0.0, 0.4, 1.0] {
        let config = MlmDistillLossConfig::new().with_alpha(alpha);
        let loss = config.init().unwrap();
        Objective::new("MlmDistillLoss", 8, |logits, rows| {
            let soft = beside::<3>(&logits, rows, [rows.len(), 2, 4], 5).square();
            let soft = soft.clone() / soft.sum_dim(2);
            let words = rows
                .iter()
                .flat_map(|row| [(row % 4) as i64, MlmDistillLoss::UNMASKED])
                .collect();
            let words = labels(&logits, words, [rows.len(), 2]);
            let logits = logits.reshape([rows.len(), 2, 4]);
            let tokens = loss.forward_no_reduction(logits, words, soft);
            tokens.sum_dim(1).squeeze_dim(1)
        })
        .check();
    }
}

#[test]
fn reconstruction_loss_keeps_the_contract_normalised_or_not() {
    for normalize in [false, true] {
        let config = ReconstructionLossConfig::new()
            .with_patch(2)
            .with_normalize_target(normalize);
        let loss = config.init().unwrap();
        Objective::new("ReconstructionLoss", 8, |predicted, rows| {
            let images = beside::<4>(&predicted, rows, [rows.len(), 1, 2, 4], 6);
            let mask =
                Tensor::<2>::ones([rows.len(), 2], &predicted.device()).cast(predicted.dtype());
            let predicted = predicted.reshape([rows.len(), 2, 4]);
            let patches = loss.forward_no_reduction(images, predicted, mask);
            reduce_rows(patches)
        })
        .inputs(1.0, 100.0)
        .check();
    }
}

fn reduce_rows(patches: Tensor<2>) -> Tensor<1> {
    patches.mean_dim(1).squeeze_dim(1)
}

#[test]
fn replaced_tokens_keep_the_contract() {
    Objective::new("ReplacedTokenLabels", 6, |logits, rows| {
        let losses = (0..rows.len()).map(|row| {
            let word = |id: i64| labels(&logits, vec![9, 5, id], [1, 3]);
            let replaced = ReplacedTokenLabels::new(word(6), word(7), word(1).clamp(1, 1), 9, 0);
            let of_row = logits.clone().slice_dim(0, row..row + 1);
            replaced.loss(of_row.reshape([1, 3, 2]))
        });
        Tensor::cat(losses.collect(), 0)
    })
    .check();
}

#[test]
fn means_of_the_batch_agree_with_their_parts() {
    let loss = MlmDistillLossConfig::new().init().unwrap();
    let logits = crate::wave([2, 3, 4], 0);
    let soft = crate::wave([2, 3, 4], 1).square();
    let words = crate::ints(&[1, -100, 2, -100, -100, 0], [2, 3]);
    let tokens = loss.forward_no_reduction(logits.clone(), words.clone(), soft.clone());
    let total = reduce(tokens, &Reduction::Sum) / 3.0;
    let mean = loss.forward(logits, words, soft);
    assert!((total.into_scalar::<f64>() - mean.into_scalar::<f64>()).abs() < 1e-12);
}

#[test]
fn configurations_survive_json_and_types_cross_threads() {
    check_config(&AttributeLossConfig::new(), AttributeLossConfig::init);
    check_config(&MarsLossConfig::new(), MarsLossConfig::init);
    check_config(&MlmDistillLossConfig::new(), MlmDistillLossConfig::init);
    check_config(
        &MomentumContrastiveLossConfig::new(),
        MomentumContrastiveLossConfig::init,
    );
    check_config(&PatchMaskingConfig::new(), PatchMaskingConfig::init);
    check_config(
        &ReconstructionLossConfig::new(),
        ReconstructionLossConfig::init,
    );
    check_config(
        &TokenMaskingConfig::new(3, vec![0], 10),
        TokenMaskingConfig::init,
    );
    check_send_sync::<(AttributeLoss, MarsLoss, MlmDistillLoss, PatchMasking)>();
    check_send_sync::<(MomentumContrastiveLoss, ReconstructionLoss, TokenMasking)>();
    check_send_sync::<(
        FeatureQueue,
        HardNegatives,
        MaskedPatches,
        ReplacedTokenLabels,
    )>();
}

#[test]
fn illegal_settings_are_refused_by_name() {
    for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let contrastive = MomentumContrastiveLossConfig::new().with_alpha(bad);
        check_refused(contrastive.init(), "alpha");
        check_refused(MlmDistillLossConfig::new().with_alpha(bad).init(), "alpha");
        let masking = TokenMaskingConfig::new(3, vec![], 10).with_probability(bad);
        check_refused(masking.init(), "probability");
    }
    for bad in [0.0, 1.0, -0.5, f64::NAN] {
        let masking = PatchMaskingConfig::new().with_mask_ratio(bad);
        check_refused(masking.init(), "mask_ratio");
    }
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let config = MarsLossConfig::new;
        check_refused(config().with_contrastive(bad).init(), "contrastive");
        check_refused(config().with_matching(bad).init(), "matching");
        check_refused(config().with_masked_language(bad).init(), "masked_language");
        check_refused(config().with_relation(bad).init(), "relation");
        check_refused(config().with_replaced_token(bad).init(), "replaced_token");
        check_refused(config().with_reconstruction(bad).init(), "reconstruction");
        check_refused(config().with_attribute(bad).init(), "attribute");
    }
    check_refused(
        ReconstructionLossConfig::new().with_patch(0).init(),
        "patch",
    );
    check_refused(TokenMaskingConfig::new(3, vec![], 0).init(), "vocabulary");
}
