//! The sheet's cases on every device compiled in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::unnecessary_wraps)] // all operators have one shape

mod gguf;
mod model;
mod sets;
mod text;

use candor_testkit::golden::Suite;

#[test]
fn golden_cases() {
    suite().run();
}

pub(crate) fn suite() -> Suite {
    Suite::new("candor-models")
        .sheet("lm-substrate")
        .op("lm_dequantize", gguf::dequantize)
        .op_on("lm_file_tensor_row", gguf::file_tensor_row, FLEX)
        .op("lm_rope_permute", gguf::rope_permute)
        .op_on("lm_byte_map", text::lm_byte_map, FLEX)
        .op_on("lm_chat_template", text::lm_chat_template, FLEX)
        .op_on("lm_tokenize", text::lm_tokenize, FLEX)
        .op("lm_rms_norm", model::rms_norm)
        .op("lm_rope", model::rope)
        .op("lm_gqa_attention", model::gqa_attention)
        .op("lm_tiny_forward", model::tiny_forward)
        .op_on("lm_top5", model::top5, FLEX)
        .op_on("lm_greedy", model::greedy, FLEX)
        .op_on("lm_mean_loglik", model::mean_loglik, FLEX)
        // The shortest prompt: what takes longest is that each kernel is compiled once.
        .case_everywhere("top5_0v")
        .sheet("order-matters")
        .op("om_process_block", sets::process_block)
        .op("om_pointer_step", sets::pointer_step)
        .elsewhere(sets::IN_LOSSES)
}

/// Operators that use no device, or the real model: on an emulated graphics card one case of it takes minutes.
const FLEX: &[&str] = &["flex"];
