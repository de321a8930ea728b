//! What keeps a Transformer's training stable: the two fixes that work, and the recipe around them.
//!
//! | type | what it does | source |
//! |---|---|---|
//! | [`AuxZLoss`] | c (log Z)², which pins the output logits down | arXiv 2309.14322 |
//! | [`CrossEntropyWithZ`] | cross-entropy and that penalty from one softmax | arXiv 2309.14322 |
//! | [`QkNorm`] | normalises queries and keys, so that attention logits stay below √d | arXiv 2309.14322 |
//! | [`LogitSoftCap`] | cap · tanh(logits / cap), another bound on logits | arXiv 2408.00118 |
//! | [`WarmupCosine`] | the schedule: a linear warm-up, half a cosine | arXiv 2309.14322 |
//! | [`IndependentAdamW`] | an AdamW step whose decay the learning rate does not scale | arXiv 2309.14322 |
//! | [`MuParamScales`] | how rates, logits and initial weights follow the width | arXiv 2203.03466 |
//!
//! [`attention_logits`] and [`attention_weights`] are the attention around [`QkNorm`]. What tells whether a run needs any
//! of it is in candor-metrics, module `training`. With a large vocabulary take the fused cross-entropy of
//! [`candor_core::linear`]: its `z_loss` is the same penalty without the logits.

mod attention_logits;
mod aux_z_loss;
mod cross_entropy_with_z;
mod independent_adamw;
mod log_partition;
mod logit_soft_cap;
mod mu_param_scales;
mod qk_norm;
mod warmup_cosine;

pub use attention_logits::{attention_logits, attention_weights};
pub use aux_z_loss::{AuxZLoss, AuxZLossConfig};
pub use cross_entropy_with_z::{CrossEntropyWithZ, CrossEntropyWithZConfig};
pub use independent_adamw::{
    AdamMoments, AdamWStep, IndependentAdamW, IndependentAdamWConfig, WeightDecayKind,
};
pub use logit_soft_cap::{LogitSoftCap, LogitSoftCapConfig};
pub use mu_param_scales::{MuParamScales, MuParamScalesConfig};
pub use qk_norm::{QkNorm, QkNormConfig, QkNormKind};
pub use warmup_cosine::{WarmupCosine, WarmupCosineConfig};
