//! Knowledge distillation for [Burn](burn): what a student learns from a teacher beside the labels.
//!
//! | family | in it | the student sees |
//! |---|---|---|
//! | [`logits`] | [`HintonKd`](logits::HintonKd), [`DkdLoss`](logits::DkdLoss) | the teacher's logits |
//! | [`features`] | [`NdLoss`](features::NdLoss), [`KdPlusPlus`](features::KdPlusPlus), [`ClassMeanCosineLoss`](features::ClassMeanCosineLoss), [`FeatureNormLoss`](features::FeatureNormLoss) | the teacher's penultimate features |
//!
//! Teacher tensors are detached inside. Freeze the teacher itself (`Module::freeze`): a module that is not still drops
//! out.
//!
//! ```
//! use burn::nn::loss::Reduction;
//! use burn::tensor::{Device, Tensor};
//! use candor_distill::logits::HintonKdConfig;
//!
//! let logits = Tensor::<2>::from_floats([[1.0, 2.0, 3.0]], &Device::flex());
//! let kd = HintonKdConfig::new().init()?;
//! assert_eq!(kd.forward(logits.clone(), logits, Reduction::Mean).into_scalar::<f32>(), 0.0);
//! # Ok::<(), candor_core::ConfigError>(())
//! ```

pub mod features;
pub mod logits;
