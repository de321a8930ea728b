//! The precondition that the losses on token ids share, looked for on the host.

use burn::tensor::{Int, Tensor};
use candor_core::{InputError, host};

/// Refuses a token that is neither in the vocabulary nor the padding.
pub(super) fn check_tokens(
    component: &'static str,
    argument: &'static str,
    tokens: &Tensor<2, Int>,
    pad: i64,
    vocabulary: usize,
) -> Result<(), InputError> {
    // Padding is legal wherever it lies; 0 stands for it, which is in every vocabulary.
    let tokens: Vec<i64> = host::ints(tokens)
        .into_iter()
        .map(|token| if token == pad { 0 } else { token })
        .collect();
    InputError::check_labels(component, argument, &tokens, vocabulary)
}
