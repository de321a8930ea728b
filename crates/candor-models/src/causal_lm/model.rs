use burn::module::{Initializer, Module, Param};
use burn::nn::{Embedding, EmbeddingConfig};
use burn::tensor::{Device, FloatDType, Int, Tensor};
use candor_core::layers::{on_workers, project};
use candor_core::{ConfigError, check_shape, host};

use super::attention::AttentionInputs;
use super::attention_mask::attention_mask;
use super::decoder_layer::DecoderLayer;
use super::{
    CausalLmConfig, KvCache, LayerObserver, LeftPadding, LmError, RmsNorm, RotaryEmbedding,
    WeightSource,
};
use crate::Architecture;

impl CausalLmConfig {
    /// Builds a model with the parameters of seed 0; see [`init_seeded`](Self::init_seeded).
    ///
    /// # Errors
    ///
    /// What [`validate`](Self::validate) refuses.
    pub fn init(&self, device: &Device) -> Result<CausalLm, ConfigError> {
        self.init_seeded(device, 0)
    }

    /// Builds a model with parameters that depend on `seed` alone.
    ///
    /// Matrices are uniform in ±1/√fan_in, the embedding's fan-in being the hidden size; the scales of the
    /// normalisations are 1. For training, pass `&device.autodiff()`, or
    /// `&device.autodiff().gradient_checkpointing()` to trade time for memory.
    ///
    /// # Errors
    ///
    /// What [`validate`](Self::validate) refuses.
    pub fn init_seeded(&self, device: &Device, seed: u64) -> Result<CausalLm, ConfigError> {
        Ok(CausalLm::uninitialised(self, device)?.drawn(seed))
    }
}

/// A decoder of the Llama family: SmolLM2, Llama and their kin.
///
/// ```text
/// x = embedding[ids]
/// x = x + attention(rms(x)),  x = x + feed_forward(rms(x))      in each layer
/// logits = rms(x) headᵀ
/// ```
///
/// Attention is grouped-query with rotary positions, the feed-forward layer is gated with SiLU, nothing has a bias.
/// The head is the embedding matrix where the two are tied, one parameter used twice. Half-precision models keep
/// normalisations, rotation and softmax in `f32`.
///
/// Ids are not looked at in a forward: [`validate_ids`](Self::validate_ids) does that where they enter. The number of
/// parameters is [`Module::num_params`].
///
/// ```
/// use burn::{module::Module, tensor::{Device, Int, Tensor}};
/// use candor_models::causal_lm::{CausalLmConfig, KvCache};
///
/// let device = Device::flex();
/// let config = CausalLmConfig::tiny();
/// let model = config.init_seeded(&device, 0)?;
/// assert_eq!(model.num_params(), 1_017_728);
///
/// let ids = Tensor::<2, Int>::from_ints([[72, 105]], &device);
/// assert_eq!(model.forward(ids.clone()).dims(), [1, 2, 260]);
/// // Token by token gives the same numbers.
/// let mut cache = KvCache::new(&config);
/// model.forward_cached(ids.clone().slice_dim(1, 0..1), &mut cache);
/// let last = model.forward_cached(ids.clone().slice_dim(1, 1..2), &mut cache);
/// let all = model.forward(ids).slice_dim(1, 1..2);
/// assert!((last - all).abs().max().into_scalar::<f32>() < 1e-4);
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Module, Debug)]
pub struct CausalLm {
    embed_tokens: Embedding,
    pub(super) layers: Vec<DecoderLayer>,
    norm: RmsNorm,
    lm_head: Option<HeadWeight>,
    #[module(skip)]
    rotary: RotaryEmbedding,
    #[module(skip)]
    config: CausalLmConfig,
}

/// A head of its own, under the name that files give it.
#[derive(Module, Debug)]
struct HeadWeight {
    weight: Param<Tensor<2>>,
}

impl CausalLm {
    /// Builds a model from weights.
    ///
    /// `q_proj` and `k_proj` must lie in the order that `config.rope_layout` names.
    ///
    /// # Errors
    ///
    /// An illegal configuration; a missing, extra or misshapen tensor, by name; whatever reading one gives.
    pub fn from_weights(
        config: &CausalLmConfig,
        source: &dyn WeightSource,
        device: &Device,
        precision: FloatDType,
    ) -> Result<Self, LmError> {
        Self::uninitialised(config, device)?.loaded(source, precision)
    }

    /// Scores of every token at every position, `[batch, positions, vocab]`, for ids `[batch, positions]`.
    pub fn forward(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        self.logits(self.hidden_states(ids, None))
    }

    /// What leaves the last normalisation, `[batch, positions, hidden]`.
    ///
    /// Operators that fuse the head with a loss take it together with [`head_weight`](Self::head_weight) and never
    /// build the logits.
    ///
    /// # Panics
    ///
    /// When the padding is of another number of rows.
    pub fn hidden_states(&self, ids: Tensor<2, Int>, padding: Option<&LeftPadding>) -> Tensor<3> {
        self.on_workers(|| self.run(ids, padding, None, None))
    }

    /// [`hidden_states`](Self::hidden_states) with a look at what each layer computes.
    ///
    /// # Panics
    ///
    /// When the padding is of another number of rows.
    pub fn hidden_states_observed(
        &self,
        ids: Tensor<2, Int>,
        padding: Option<&LeftPadding>,
        observer: &mut dyn LayerObserver,
    ) -> Tensor<3> {
        self.run(ids, padding, None, Some(observer))
    }

    /// Scores of the positions that `ids` add to those in the cache, `[batch, new positions, vocab]`.
    ///
    /// The cache must be of this model, and every call of the same batch; its padding is the rows'.
    ///
    /// # Panics
    ///
    /// When the cache holds another number of rows.
    pub fn forward_cached(&self, ids: Tensor<2, Int>, cache: &mut KvCache) -> Tensor<3> {
        self.on_workers(|| self.logits(self.run(ids, None, Some(cache), None)))
    }

    /// Scores of the token that comes next, `[batch, vocab]`: [`forward_cached`](Self::forward_cached) at the last
    /// position only, which spares the head for the rest of a prompt.
    ///
    /// # Panics
    ///
    /// When the cache holds another number of rows, or there is no new position.
    pub fn next_token_logits(&self, ids: Tensor<2, Int>, cache: &mut KvCache) -> Tensor<2> {
        self.on_workers(|| {
            let hidden = self.run(ids, None, Some(cache), None);
            let [_, positions, _] = hidden.dims();
            let last = hidden.slice_dim(1, positions - 1..positions);
            self.logits(last).squeeze_dim(1)
        })
    }

    /// Scores `[batch, positions, vocab]` of normalised hidden states `[batch, positions, hidden]`.
    ///
    /// # Panics
    ///
    /// When the states have another width.
    pub fn logits(&self, hidden: Tensor<3>) -> Tensor<3> {
        let width = self.config.hidden_size;
        check_shape!("CausalLm", hidden, [_, _, width]);
        let [batch, positions, _] = hidden.dims();
        let rows = hidden.reshape([batch * positions, width]);
        project(rows, self.head_weight().transpose()).reshape([
            batch,
            positions,
            self.config.vocab_size,
        ])
    }

    /// The head, `[vocab, hidden]`: the embedding matrix where the two are tied.
    pub fn head_weight(&self) -> Tensor<2> {
        let head = self.lm_head.as_ref().map(|head| &head.weight);
        head.unwrap_or(&self.embed_tokens.weight).val()
    }

    /// What the model was built from.
    pub fn config(&self) -> &CausalLmConfig {
        &self.config
    }

    /// Checks that a forward is defined for these ids: each of the vocabulary, no more than the context holds.
    ///
    /// Reads the ids, so call it where they enter and not in every step.
    ///
    /// # Errors
    ///
    /// The first id outside the vocabulary; more positions than [`CausalLmConfig::context_length`].
    pub fn validate_ids(&self, ids: &Tensor<2, Int>) -> Result<(), LmError> {
        self.check_length(ids.dims()[1], 0)?;
        self.check_tokens(host::ints(ids))
    }

    /// Where the parameters are; what is made there has no part in a graph.
    pub(super) fn device(&self) -> Device {
        self.norm.weight.device().without_autodiff()
    }

    pub(super) fn check_tokens(&self, ids: impl IntoIterator<Item = i64>) -> Result<(), LmError> {
        let vocab_size = self.config.vocab_size;
        let known = |id: i64| usize::try_from(id).is_ok_and(|id| id < vocab_size);
        match ids.into_iter().find(|&id| !known(id)) {
            None => Ok(()),
            Some(token) => Err(LmError::TokenOutOfRange { token, vocab_size }),
        }
    }

    pub(super) fn check_length(&self, prompt: usize, new: usize) -> Result<(), LmError> {
        let limit = self.config.context_length;
        if prompt.saturating_add(new) <= limit {
            Ok(())
        } else {
            Err(LmError::ContextOverflow { prompt, new, limit })
        }
    }

    fn on_workers<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        on_workers(&self.norm.weight.device(), work)
    }

    fn run(
        &self,
        ids: Tensor<2, Int>,
        padding: Option<&LeftPadding>,
        mut cache: Option<&mut KvCache>,
        mut observer: Option<&mut dyn LayerObserver>,
    ) -> Tensor<3> {
        let [batch, positions] = ids.dims();
        let shape = [batch, positions, self.config.hidden_size];
        let mut inputs = self.attention_inputs([batch, positions], padding, cache.as_deref());
        inputs.observed = observer.is_some();
        let embedded = self.embed_tokens.forward(ids);
        let mut rows: Tensor<2> = embedded.reshape([batch * positions, shape[2]]);
        for (index, layer) in self.layers.iter().enumerate() {
            if let Some(observer) = observer.as_deref_mut() {
                observer.hidden_state(index, &rows.clone().reshape(shape));
            }
            let slot = cache.as_deref_mut().map(|cache| cache.layer(index));
            let (output, map) = layer.forward(rows, &inputs, slot);
            if let (Some(observer), Some(map)) = (observer.as_deref_mut(), map) {
                observer.attention(index, &map);
            }
            rows = output;
        }
        if let Some(cache) = cache {
            cache.advance(positions);
        }
        let hidden = self.norm.forward(rows).reshape(shape);
        if let Some(observer) = observer {
            observer.hidden_state(self.layers.len(), &hidden);
        }
        hidden
    }

    /// The angles and the mask, once for all layers.
    fn attention_inputs(
        &self,
        [batch, positions]: [usize; 2],
        padding: Option<&LeftPadding>,
        cache: Option<&KvCache>,
    ) -> AttentionInputs {
        let first = cache.map_or(0, KvCache::len);
        let padding = padding
            .or_else(|| cache.and_then(KvCache::padding))
            .filter(|padding| !padding.is_empty());
        if let Some(padding) = padding {
            padding.check_rows(batch);
        }
        let (device, precision) = (self.device(), self.norm.weight.dtype());
        let rotation = self
            .rotary
            .rotation(first, positions, padding, &device, precision);
        let mask = attention_mask(first, positions, padding, &device, precision);
        AttentionInputs {
            batch,
            rotation,
            mask,
            observed: false,
        }
    }
}

impl Architecture for CausalLm {
    type Config = CausalLmConfig;

    const NAME: &'static str = "causal-lm";

    fn config(&self) -> &CausalLmConfig {
        &self.config
    }

    fn uninitialised(config: &CausalLmConfig, device: &Device) -> Result<Self, ConfigError> {
        config.validate()?;
        let (vocab, hidden) = (config.vocab_size, config.hidden_size);
        let head = || HeadWeight {
            weight: Initializer::Zeros.init([vocab, hidden], device),
        };
        let layer = |_| DecoderLayer::uninitialised(config, device);
        Ok(Self {
            embed_tokens: EmbeddingConfig::new(vocab, hidden)
                .with_initializer(Initializer::Zeros)
                .init(device),
            layers: (0..config.num_layers).map(layer).collect(),
            norm: RmsNorm::uninitialised(hidden, config.rms_norm_eps, device),
            lm_head: (!config.tie_embeddings).then(head),
            rotary: RotaryEmbedding::unchecked(
                config.head_dim,
                config.rope_theta,
                config.rope_layout,
            ),
            config: config.clone(),
        })
    }
}
