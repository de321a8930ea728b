//! Arithmetic that stays finite where the naive formula does not, with the gradient it should have.

mod categorical;
mod exponentials;
mod logarithms;
mod masked;
mod pairwise;
mod precision;
mod safe_division;

pub use categorical::{
    LEFT_OUT, kl_divergence, label_log_odds, label_log_probs, one_hot_mask, softmax_kl,
};
pub use exponentials::expm1;
pub use logarithms::{log_sigmoid, log_sum_exp, log1mexp, softplus};
pub use masked::{masked_log_softmax, masked_mean, masked_softmax, masked_sum};
pub use pairwise::{cosine_similarities, normalize_rows, squared_distances};
pub use precision::widest_float;
pub use safe_division::{safe_div, safe_sqrt};
