//! Objectives of an image beside its text: matching, masked language, masked images, attributes.
//!
//! | type | what it minimises | source |
//! |---|---|---|
//! | [`MomentumContrastiveLoss`] | cross-entropy of images and texts against momentum features and a [`FeatureQueue`] (ITC) | arXiv 2107.07651 |
//! | [`ImageTextMatching`] | match or no match of a fused pair, with [`HardNegatives`] (ITM) | arXiv 2107.07651 |
//! | [`MlmDistillLoss`] | masked words, softened by a momentum model (MLM) | arXiv 2107.07651 |
//! | [`ReplacedTokenLabels`] | which words a model has replaced | arXiv 2305.13653 |
//! | [`ReconstructionLoss`] | pixels of removed patches, with [`PatchMasking`] and [`unshuffle`] | arXiv 2111.06377 |
//! | [`AttributeLoss`] | match or no match of each attribute of a text | arXiv 2407.04287 |
//! | [`MarsLoss`] | their weighted sum | arXiv 2407.04287 |
//!
//! Attributes are noun phrases with an adjective. [`tag_caption`] and [`noun_chunks`] find them in plain captions, any other
//! tagger's result goes straight to [`attribute_mask`].

mod attribute_loss;
mod attribute_mask;
mod caption_tagger;
mod feature_queue;
mod hard_negatives;
mod image_text_matching;
mod mars;
mod mlm_distillation;
mod momentum_contrastive;
mod noun_chunks;
mod part_of_speech;
mod patch_masking;
mod patches;
mod precision;
mod reconstruction;
mod replaced_token;
mod token_masking;
mod two_way;

pub use attribute_loss::{AttributeLoss, AttributeLossConfig, AttributeReduction};
pub use attribute_mask::attribute_mask;
pub use caption_tagger::tag_caption;
pub use feature_queue::FeatureQueue;
pub use hard_negatives::HardNegatives;
pub use image_text_matching::ImageTextMatching;
pub use mars::{MarsLoss, MarsLossConfig, MarsTerms};
pub use mlm_distillation::{MlmDistillLoss, MlmDistillLossConfig};
pub use momentum_contrastive::{
    ContrastiveInputs, ContrastiveParts, MomentumContrastiveLoss, MomentumContrastiveLossConfig,
};
pub use noun_chunks::noun_chunks;
pub use part_of_speech::PartOfSpeech;
pub use patch_masking::{MaskedPatches, PatchMasking, PatchMaskingConfig};
pub use patches::{patchify, unshuffle};
pub use reconstruction::{ReconstructionLoss, ReconstructionLossConfig};
pub use replaced_token::ReplacedTokenLabels;
pub use token_masking::{MaskedTokens, TokenMasking, TokenMaskingConfig};
