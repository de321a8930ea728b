//! Training objectives beyond cross-entropy for [Burn](burn).
//!
//! Every objective is configured by a `…Config` whose `init()` refuses illegal settings, takes tensors named by
//! what they are, and reduces per-example losses by burn-nn's [`Reduction`](burn::nn::loss::Reduction).
//!
//! | family | in it | for |
//! |---|---|---|
//! | [`classification`] | [`AnyLoss`](classification::AnyLoss), [`CompSumLoss`](classification::CompSumLoss), [`SmoothAdversarialCompSum`](classification::SmoothAdversarialCompSum), … | class labels: metrics as losses, the cross-entropy family, adversarial training |
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
pub mod metric_learning;
