use crate::causal_lm::weights::{EMBEDDING, FINAL_NORM, HEAD};

/// Pairs of GGUF's name and Hugging Face's.
const OUTSIDE: [(&str, &str); 3] = [
    ("token_embd.weight", EMBEDDING),
    ("output_norm.weight", FINAL_NORM),
    ("output.weight", HEAD),
];

/// The same for the parts of a layer.
const INSIDE: [(&str, &str); 11] = [
    ("attn_norm", "input_layernorm"),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_output", "self_attn.o_proj"),
    ("attn_q_norm", "self_attn.q_norm"),
    ("attn_k_norm", "self_attn.k_norm"),
    ("ffn_norm", "post_attention_layernorm"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
];

/// Hugging Face's name of a GGUF tensor; a name that is neither's stays, to be refused where tensors are checked.
pub(super) fn to_hugging_face(gguf: &str) -> String {
    translate(gguf, "blk.", "model.layers.", |(gguf, hugging_face)| {
        (gguf, hugging_face)
    })
}

/// GGUF's name of a Hugging Face tensor.
pub(super) fn to_gguf(hugging_face: &str) -> String {
    translate(
        hugging_face,
        "model.layers.",
        "blk.",
        |(gguf, hugging_face)| (hugging_face, gguf),
    )
}

type Pair = (&'static str, &'static str);

fn translate(name: &str, layers: &str, into_layers: &str, direction: fn(Pair) -> Pair) -> String {
    let lookup = |table: &[Pair], wanted: &str| {
        let mut pairs = table.iter().copied().map(direction);
        pairs.find_map(|(from, into)| (from == wanted).then_some(into))
    };
    let inside = || {
        let (layer, part) = name.strip_prefix(layers)?.split_once('.')?;
        let part = lookup(&INSIDE, part.strip_suffix(".weight")?)?;
        Some(format!("{into_layers}{layer}.{part}.weight"))
    };
    lookup(&OUTSIDE, name)
        .map(str::to_owned)
        .or_else(inside)
        .unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causal_lm::CausalLmConfig;
    use crate::causal_lm::weights::tensor_shapes;

    #[test]
    fn every_tensor_of_a_model_has_a_name_of_its_own_in_a_gguf_file() {
        let config = CausalLmConfig::tiny()
            .with_tie_embeddings(false)
            .with_qk_norm(true);
        for (name, _) in tensor_shapes(&config) {
            let gguf = to_gguf(&name);
            assert_ne!(gguf, name);
            assert_eq!(to_hugging_face(&gguf), name);
        }
        assert_eq!(
            to_gguf("model.layers.11.mlp.up_proj.weight"),
            "blk.11.ffn_up.weight"
        );
    }

    #[test]
    fn foreign_names_stay() {
        for name in ["rope_freqs.weight", "blk.0.attn_q.bias", "blk.0", ""] {
            assert_eq!(to_hugging_face(name), name);
        }
    }
}
