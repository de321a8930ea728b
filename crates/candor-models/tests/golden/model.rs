use std::path::Path;
use std::sync::{Arc, Mutex};

use burn::tensor::{DType, Device, FloatDType, Int, Tensor, TensorData};
use candor_core::host;
use candor_models::causal_lm::generation::{Generator, SamplingConfig};
use candor_models::causal_lm::weights::WeightMap;
use candor_models::causal_lm::{
    CausalLm, CausalLmConfig, GgufFile, KvCache, LmError, LmTokenizer, RmsNorm, RopeLayout,
    RotaryEmbedding, grouped_query_attention,
};
use candor_testkit::golden::{Case, OpResult, Outputs};

pub(crate) fn rms_norm(case: &Case, device: &Device) -> OpResult {
    let norm = RmsNorm::with_weight(case.float("weight", device), case.param("eps"));
    Ok(Outputs::new().tensor("y", &norm.forward(case.float::<2>("x", device))))
}

pub(crate) fn rope(case: &Case, device: &Device) -> OpResult {
    let heads = case.float::<3>("x", device);
    let [positions, _, head_dim] = heads.dims();
    let first = case.count("first_position").unwrap();
    let rotary = RotaryEmbedding::new(head_dim, case.param("theta"), layout(case, "layout"))?;
    let rotation = rotary.rotation(first, positions, None, device, DType::F32);
    let turned = rotation.apply(heads.unsqueeze());
    Ok(Outputs::new().tensor("y", &turned.swap_dims(1, 2)))
}

pub(crate) fn gqa_attention(case: &Case, device: &Device) -> OpResult {
    let heads = |name| {
        case.float::<3>(name, device)
            .unsqueeze::<4>()
            .swap_dims(1, 2)
    };
    let (queries, keys, values) = (heads("q"), heads("k"), heads("v"));
    let positions = queries.dims()[2];
    let later = Tensor::<2, _>::tril_mask([positions, positions], 0, device);
    let mask =
        Tensor::<2>::zeros([positions, positions], device).mask_fill(later, f32::NEG_INFINITY);
    let mask = mask.unsqueeze();
    let output = grouped_query_attention(queries, keys, values, Some(&mask));
    Ok(Outputs::new().tensor("out", &output.mixed.swap_dims(1, 2)))
}

pub(crate) fn tiny_forward(case: &Case, device: &Device) -> OpResult {
    let size = |name| case.count(name).unwrap();
    let config = CausalLmConfig::new(
        size("vocab"),
        size("d_model"),
        size("d_ff"),
        size("n_layers"),
        size("n_heads"),
        size("n_kv"),
        size("head_dim"),
    )
    .with_rope_theta(case.param("theta"))
    .with_rms_norm_eps(case.param("eps"))
    .with_rope_layout(layout(case, "rope_layout"));
    let mut weights = WeightMap::new();
    let mut add = |hugging_face: String, gguf: String| {
        let values = case.floats(&gguf).into_iter().map(|value| value as f32);
        weights.insert(hugging_face, case.shape(&gguf), values.collect())
    };
    for (hugging_face, gguf) in OUTSIDE {
        add(
            format!("model.{hugging_face}.weight"),
            format!("{gguf}.weight"),
        )?;
    }
    for layer in 0..config.num_layers {
        for (hugging_face, gguf) in INSIDE {
            add(
                format!("model.layers.{layer}.{hugging_face}.weight"),
                format!("blk.{layer}.{gguf}.weight"),
            )?;
        }
    }
    let model = CausalLm::from_weights(&config, &weights, device, FloatDType::F32)?;
    let ids = case.int::<1>("ids", device).unsqueeze();
    model.validate_ids(&ids)?;
    Ok(Outputs::new().tensor("logits", &model.forward(ids)))
}

pub(crate) fn top5(case: &Case, device: &Device) -> OpResult {
    let smollm2 = SmolLm2::shared(&case.required_file(), device)?;
    let (model, ids) = (&smollm2.model, smollm2.tokenizer.encode(case.text("text"))?);
    let logits = model.next_token_logits(row(&ids, device), &mut KvCache::new(model.config()));
    let logits = host::floats(&logits);
    let mut best: Vec<usize> = (0..logits.len()).collect();
    best.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    best.truncate(5);
    let exponentials = logits.iter().map(|logit| (logit - logits[best[0]]).exp());
    Ok(Outputs::new()
        .values("top5_logits", best.iter().map(|&id| logits[id]))
        .value(
            "logit_mean",
            logits.iter().sum::<f64>() / logits.len() as f64,
        )
        .value(
            "logsumexp",
            logits[best[0]] + exponentials.sum::<f64>().ln(),
        )
        .json("top5_ids", best)
        .json("n_tokens", ids.len())
        .json("order_matters_above_gap", 0.01))
}

pub(crate) fn greedy(case: &Case, device: &Device) -> OpResult {
    let smollm2 = SmolLm2::shared(&case.required_file(), device)?;
    let SmolLm2 { model, tokenizer } = &*smollm2;
    let stop_ids = case.numbers("stop_ids").into_iter().map(|id| id as u32);
    let sampling = SamplingConfig::new()
        .with_max_new_tokens(case.count("max_new_tokens").unwrap())
        .with_stop_ids(stop_ids.collect());
    let prompt = tokenizer.encode(case.text("text"))?;
    let new = Generator::new(model, &sampling)?
        .generate(std::slice::from_ref(&prompt))?
        .remove(0);
    let text = tokenizer.decode_without_control(&new)?;
    Ok(Outputs::new()
        .json("smallest_gap", smallest_gap(model, &prompt, &new, device))
        .json("text", text)
        .json("new_ids", new))
}

pub(crate) fn mean_loglik(case: &Case, device: &Device) -> OpResult {
    let smollm2 = SmolLm2::shared(&case.required_file(), device)?;
    let SmolLm2 { model, tokenizer } = &*smollm2;
    let ids = tokenizer.encode(case.text("text"))?;
    let tokens = model.token_log_likelihoods(&ids)?;
    Ok(Outputs::new()
        .value("mean_loglik", model.mean_log_likelihood(&ids)?)
        .json("n_scored", tokens.len())
        .values("token_loglik", tokens))
}

/// The model of the required file: read once a device, it is asked eleven times.
struct SmolLm2 {
    model: CausalLm,
    tokenizer: LmTokenizer,
}

impl SmolLm2 {
    fn shared(path: &Path, device: &Device) -> Result<Arc<Self>, LmError> {
        static LAST: Mutex<Option<(Device, Arc<SmolLm2>)>> = Mutex::new(None);
        let mut last = LAST.lock().unwrap();
        if let Some((_, shared)) = last.as_ref().filter(|(of, _)| of == device) {
            return Ok(Arc::clone(shared));
        }
        let file = GgufFile::open(path)?;
        let config = CausalLmConfig::from_gguf(&file)?;
        let loaded = Arc::new(Self {
            model: CausalLm::from_weights(&config, &file, device, FloatDType::F32)?,
            tokenizer: LmTokenizer::from_gguf(&file)?,
        });
        *last = Some((device.clone(), Arc::clone(&loaded)));
        Ok(loaded)
    }
}

/// How far the best score is above the second, where it is least so.
fn smallest_gap(model: &CausalLm, prompt: &[u32], new: &[u32], device: &Device) -> f64 {
    let all: Vec<u32> = prompt.iter().chain(new).copied().collect();
    let rows = host::rows(
        &model
            .forward(row(&all[..all.len() - 1], device))
            .squeeze_dim(0),
    );
    let gap = |scores: &Vec<f64>| {
        let mut scores = scores.clone();
        scores.sort_by(f64::total_cmp);
        scores[scores.len() - 1] - scores[scores.len() - 2]
    };
    rows[prompt.len() - 1..]
        .iter()
        .map(gap)
        .fold(f64::INFINITY, f64::min)
}

fn row(ids: &[u32], device: &Device) -> Tensor<2, Int> {
    let ids: Vec<i64> = ids.iter().copied().map(i64::from).collect();
    let shape = [1, ids.len()];
    Tensor::from_data(TensorData::new(ids, shape), device)
}

fn layout(case: &Case, name: &str) -> RopeLayout {
    match case.text(name) {
        "interleaved" => RopeLayout::Interleaved,
        "half" => RopeLayout::Half,
        other => panic!("no layout {other}"),
    }
}

/// The names of the case's tensors, which are those of GGUF files, beside Hugging Face's.
const OUTSIDE: [(&str, &str); 2] = [("embed_tokens", "token_embd"), ("norm", "output_norm")];
const INSIDE: [(&str, &str); 9] = [
    ("input_layernorm", "attn_norm"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("post_attention_layernorm", "ffn_norm"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
];
