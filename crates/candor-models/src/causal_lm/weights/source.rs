use crate::causal_lm::LmError;

/// Named float matrices and vectors, read one at a time: what a language model is built of and exported from.
///
/// [`GgufFile`](crate::causal_lm::GgufFile) and [`HuggingFaceFolder`](crate::causal_lm::HuggingFaceFolder) are
/// sources, and so is a model in memory. [`save_gguf`](crate::causal_lm::save_gguf) and
/// [`save_hugging_face`](crate::causal_lm::save_hugging_face) take any of them, so a file is converted without
/// building a model.
///
/// Names are those of Hugging Face's Llama, whatever the file calls them: `model.embed_tokens.weight`,
/// `model.layers.0.self_attn.q_proj.weight`, `model.norm.weight`, and `lm_head.weight` unless it is tied to the
/// embedding ([`tensor_shapes`](super::tensor_shapes) lists them all). Matrices are row-major `[out, in]`. The rows
/// of `q_proj` and `k_proj` lie in the order that the configuration's
/// [`RopeLayout`](crate::causal_lm::RopeLayout) names.
pub trait WeightSource {
    /// The name of every tensor.
    fn names(&self) -> Vec<String>;

    /// The shape of a tensor, outermost axis first; `None` where there is no such tensor.
    fn shape(&self, name: &str) -> Option<Vec<usize>>;

    /// The values of a tensor, row-major.
    ///
    /// # Errors
    ///
    /// A tensor that is not there, or one whose number format is not supported.
    fn read(&self, name: &str) -> Result<Vec<f32>, LmError>;
}
