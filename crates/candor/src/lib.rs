#![doc = include_str!("../../../README.md")]

pub use candor_core as core;
#[cfg(feature = "data")]
pub use candor_data as data;
#[cfg(feature = "distill")]
pub use candor_distill as distill;
#[cfg(feature = "explain")]
pub use candor_explain as explain;
#[cfg(feature = "guidance")]
pub use candor_guidance as guidance;
#[cfg(feature = "losses")]
pub use candor_losses as losses;
#[cfg(feature = "metrics")]
pub use candor_metrics as metrics;
#[cfg(feature = "models")]
pub use candor_models as models;
#[cfg(feature = "online")]
pub use candor_online as online;
#[cfg(feature = "unlearn")]
pub use candor_unlearn as unlearn;
