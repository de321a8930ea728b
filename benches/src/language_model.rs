//! What is asked of a language model with random weights: prefill, decoding, and a step of unlearning.

use burn::nn::loss::Reduction;
use burn::tensor::{Device, Distribution, Int, Tensor, TensorData};
use candor_core::ConfigError;
use candor_core::linear::{LinearLogits, linear_log_probs};
use candor_models::causal_lm::generation::{Generator, SamplingConfig};
use candor_models::causal_lm::{CausalLm, CausalLmConfig, KvCache, LmError};
use candor_unlearn::NpoConfig;

/// Tokens of the prompt that is read at once.
pub const PREFILL_TOKENS: usize = 256;
/// Tokens that are written one by one, after a prompt of 16.
pub const DECODED_TOKENS: usize = 32;
/// Rows and tokens of a step's batch.
pub const STEP_SHAPE: [usize; 2] = [4, 64];

/// Reads a prompt and gives the logits of what follows, `[1, vocab]`.
///
/// # Errors
///
/// A configuration that is not legal.
pub fn prefill(
    config: &CausalLmConfig,
    device: &Device,
) -> Result<impl Fn() -> Tensor<2>, ConfigError> {
    let model = config.init_seeded(device, 0)?;
    let ids = id_tensor(config, [1, PREFILL_TOKENS], device);
    Ok(move || {
        let mut cache = KvCache::with_capacity(model.config(), PREFILL_TOKENS);
        model.next_token_logits(ids.clone(), &mut cache)
    })
}

/// A prefill's products of the tokens' rows with every layer's matrices, by a product to compare.
pub fn products(
    config: &CausalLmConfig,
    device: &Device,
) -> impl Fn(fn(Tensor<2>, Tensor<2>) -> Tensor<2>) + use<> {
    let (hidden, inner) = (config.hidden_size, config.intermediate_size);
    let queries = config.num_heads * config.head_dim;
    let keys = config.num_kv_heads * config.head_dim;
    let shapes = [
        [hidden, queries],
        [hidden, keys],
        [hidden, keys],
        [queries, hidden],
        [hidden, inner],
        [hidden, inner],
        [inner, hidden],
    ];
    let normal = |shape| Tensor::<2>::random(shape, Distribution::Normal(0.0, 1.0), device);
    let pairs: Vec<_> = (0..config.num_layers)
        .flat_map(|_| shapes)
        .map(|shape| (normal([PREFILL_TOKENS, shape[0]]), normal(shape)))
        .collect();
    move |product| {
        for (rows, weight) in &pairs {
            product(rows.clone(), weight.clone());
        }
    }
}

/// Continues a prompt of 16 tokens greedily.
///
/// # Errors
///
/// A configuration that is not legal.
pub fn decode(
    config: &CausalLmConfig,
    device: &Device,
) -> Result<impl Fn() -> Result<Vec<u32>, LmError>, ConfigError> {
    let sampling = SamplingConfig::new().with_max_new_tokens(DECODED_TOKENS);
    let generator = Generator::new(&config.init_seeded(device, 0)?, &sampling)?;
    let prompt = [ids(config, 16)];
    Ok(move || Ok(generator.generate(&prompt)?.remove(0)))
}

/// A policy that is trained to forget, and the reference that it starts from.
#[derive(Debug)]
pub struct NpoStep {
    policy: CausalLm,
    reference: CausalLm,
    ids: Tensor<2, Int>,
}

impl NpoStep {
    /// Both models with the same random weights, and a batch.
    ///
    /// # Errors
    ///
    /// A configuration that is not legal.
    pub fn new(config: &CausalLmConfig, device: &Device) -> Result<Self, ConfigError> {
        Ok(Self {
            policy: config.init_seeded(&device.clone().autodiff(), 0)?,
            reference: config.init_seeded(device, 0)?,
            ids: id_tensor(config, STEP_SHAPE, device),
        })
    }

    /// The forward pass of both: the loss, `[1]`.
    ///
    /// # Errors
    ///
    /// None: the default configuration of the objective is legal.
    pub fn loss(&self) -> Result<Tensor<1>, ConfigError> {
        let (policy, reference) = (
            self.sequence_log_probs(&self.policy),
            self.sequence_log_probs(&self.reference),
        );
        let npo = NpoConfig::new().init()?;
        Ok(npo.forward(policy, reference, Reduction::Mean))
    }

    /// The parameter that the last of the backward pass reaches.
    pub fn embedding(&self) -> Tensor<2> {
        self.policy.head_weight()
    }

    fn sequence_log_probs(&self, model: &CausalLm) -> Tensor<1> {
        let [rows, tokens] = self.ids.dims();
        let scored = tokens - 1;
        let read = self.ids.clone().slice_dim(1, 0..scored);
        let hidden: Tensor<2> = model.hidden_states(read, None).flatten(0, 1);
        let targets = self.ids.clone().slice_dim(1, 1..tokens);
        let logits = LinearLogits::new(hidden, model.head_weight());
        linear_log_probs(logits, targets.reshape([rows * scored]))
            .reshape([rows, scored])
            .sum_dim(1)
            .reshape([rows])
    }
}

/// Token ids spread over the vocabulary.
fn ids(config: &CausalLmConfig, tokens: usize) -> Vec<u32> {
    (0..tokens)
        .map(|index| (index * 7919 % config.vocab_size) as u32)
        .collect()
}

fn id_tensor(config: &CausalLmConfig, shape: [usize; 2], device: &Device) -> Tensor<2, Int> {
    let ids = ids(config, shape.iter().product());
    let ids: Vec<i64> = ids.into_iter().map(i64::from).collect();
    Tensor::from_data(TensorData::new(ids, shape), device)
}
