//! Training objectives beyond cross-entropy for [Burn](burn).
//!
//! Every objective is configured by a `…Config` whose `init()` refuses illegal settings, takes tensors named by
//! what they are, and reduces per-example losses by burn-nn's [`Reduction`](burn::nn::loss::Reduction).
//!
//! | family | in it | for |
//! |---|---|---|
//! | [`classification`] | [`AnyLoss`](classification::AnyLoss), [`CompSumLoss`](classification::CompSumLoss), [`SmoothAdversarialCompSum`](classification::SmoothAdversarialCompSum), … | class labels: metrics as losses, the cross-entropy family, adversarial training |
//! | [`graphs`] | [`GraphMaxMarginLoss`](graphs::GraphMaxMarginLoss), [`GraphInfoNceLoss`](graphs::GraphInfoNceLoss), [`GraphPerturbation`](graphs::GraphPerturbation), … | generators of explanation graphs: contrastive objectives, right and wrong graphs to train with |
//! | [`sets`] | [`OrderSearchLoss`](sets::OrderSearchLoss), [`AssignmentLoss`](sets::AssignmentLoss), … | targets that are sets: a search for their order, matched slots |
//! | [`spherical`] | [`ZLoss`](spherical::ZLoss), [`SphericalOutputLayer`](spherical::SphericalOutputLayer), … | very many classes: losses of three numbers a row, a layer whose step does not depend on the classes |
//! | [`contrastive`] | [`InfoNceLoss`](contrastive::InfoNceLoss), [`NtXentLoss`](contrastive::NtXentLoss), [`SupConLoss`](contrastive::SupConLoss), … | embeddings: pairs pulled together, all else pushed away |
//! | [`multimodal`] | [`MomentumContrastiveLoss`](multimodal::MomentumContrastiveLoss), [`AttributeLoss`](multimodal::AttributeLoss), … | images with texts: matching, masked words and patches, attributes |
//! | [`stability`] | [`AuxZLoss`](stability::AuxZLoss), [`CrossEntropyWithZ`](stability::CrossEntropyWithZ), [`QkNorm`](stability::QkNorm), … | Transformers that must not diverge when rates or sizes grow |
//! | [`metric_learning`] | [`ProtoTripletLoss`](metric_learning::ProtoTripletLoss), [`IcnnLoss`](metric_learning::IcnnLoss), [`TripletMarginLoss`](metric_learning::TripletMarginLoss), … | embeddings: few-shot episodes, triplets with mining |
//!
//! ```
//! use burn::nn::loss::Reduction;
//! use burn::tensor::{Device, Int, Tensor};
//! use candor_losses::classification::CompSumLossConfig;
//!
//! let device = Device::flex();
//! let (logits, labels) = (Tensor::zeros([1, 4], &device), Tensor::<1, Int>::from_data([2], &device));
//! let mae = CompSumLossConfig::new().with_tau(2.0).init()?;
//! assert_eq!(mae.forward(logits, labels, Reduction::Mean).into_scalar::<f32>(), 0.75); // 1 - 1/4
//! # Ok::<(), candor_core::ConfigError>(())
//! ```

pub mod classification;
pub mod contrastive;
pub mod graphs;
pub mod metric_learning;
pub mod multimodal;
pub mod sets;
pub mod spherical;
pub mod stability;
