use super::keys::{
    ARCHITECTURE, CONTEXT_LENGTH, HIDDEN_SIZE, INTERMEDIATE_SIZE, KEY_LENGTH, LLAMA, NUM_HEADS,
    NUM_KV_HEADS, NUM_LAYERS, QWEN3, RMS_NORM_EPS, ROPE_THETA, ROTATED, VALUE_LENGTH, VOCAB_SIZE,
};
use super::{GgufFile, MetaValue};
use crate::causal_lm::weights::even_head_dim;
use crate::causal_lm::{CausalLmConfig, LmError, RopeLayout};

impl CausalLmConfig {
    /// The configuration that a GGUF file of the Llama family describes, checked.
    ///
    /// | `general.architecture` | layout | `qk_norm` |
    /// |---|---|---|
    /// | `llama` | [`Interleaved`](RopeLayout::Interleaved), which converters put the rows into | no |
    /// | `qwen3` | [`Half`](RopeLayout::Half) | yes |
    ///
    /// The output head is tied to the embedding where the file holds no `output.weight`. Absent from the file,
    /// `head_count_kv` is `head_count`, the head size `embedding_length / head_count` and `rope.freq_base` 10000.
    ///
    /// # Errors
    ///
    /// Another architecture, a key that is missing or of another kind, scaled or partial rotation, experts, or an
    /// illegal configuration.
    pub fn from_gguf(file: &GgufFile) -> Result<Self, LmError> {
        let keys = Keys::of(file)?;
        let (hidden_size, num_heads) = (keys.size(HIDDEN_SIZE)?, keys.size(NUM_HEADS)?);
        let head_dim = match keys.size_if(KEY_LENGTH)? {
            Some(head_dim) => head_dim,
            None => even_head_dim(hidden_size, num_heads)?,
        };
        keys.check_variant(head_dim)?;
        let qk_norm = keys.architecture == QWEN3;
        let config = Self {
            vocab_size: keys.vocab_size()?,
            hidden_size,
            intermediate_size: keys.size(INTERMEDIATE_SIZE)?,
            num_layers: keys.size(NUM_LAYERS)?,
            num_heads,
            num_kv_heads: keys.size_if(NUM_KV_HEADS)?.unwrap_or(num_heads),
            head_dim,
            rope_theta: keys.number_if(ROPE_THETA)?.unwrap_or(10_000.0),
            rms_norm_eps: keys.number(RMS_NORM_EPS)?,
            context_length: keys.size(CONTEXT_LENGTH)?,
            rope_layout: if qk_norm {
                RopeLayout::Half
            } else {
                RopeLayout::Interleaved
            },
            tie_embeddings: file.shape("output.weight").is_none(),
            qk_norm,
        };
        config.validate()?;
        Ok(config)
    }
}

/// The metadata of one file, with errors that name key and file.
struct Keys<'a> {
    file: &'a GgufFile,
    architecture: &'static str,
}

impl<'a> Keys<'a> {
    fn of(file: &'a GgufFile) -> Result<Self, LmError> {
        let value = file.meta(ARCHITECTURE);
        let Some(seen) = value.and_then(MetaValue::as_str) else {
            return Err(wrong(file, ARCHITECTURE.to_owned(), value, "a string"));
        };
        match [LLAMA, QWEN3].into_iter().find(|known| *known == seen) {
            Some(architecture) => Ok(Self { file, architecture }),
            None => Err(LmError::UnsupportedArchitecture {
                path: file.path().to_owned(),
                seen: seen.to_owned(),
                wanted: "`llama` or `qwen3`",
            }),
        }
    }

    /// Refuses the variants of the architecture that compute something else.
    fn check_variant(&self, head_dim: usize) -> Result<(), LmError> {
        for key in [ROTATED, VALUE_LENGTH] {
            if let Some(seen) = self.size_if(key)?.filter(|&seen| seen != head_dim) {
                return Err(self.unsupported(key, seen.to_string(), "the head size"));
            }
        }
        let experts = "expert_count";
        if let Some(seen) = self.size_if(experts)?.filter(|&experts| experts > 0) {
            return Err(self.unsupported(experts, seen.to_string(), "0"));
        }
        let scaling = "rope.scaling.type";
        if let Some(value) = self.value(scaling) {
            return match value.as_str() {
                Some("none") => Ok(()),
                _ => Err(self.unsupported(scaling, format!("{value:?}"), "`none`")),
            };
        }
        // Without a type, a factor means linear scaling; converters write 0 or 1 for none.
        for key in ["rope.scaling.factor", "rope.scale_linear"] {
            let factor = self.number_if(key)?;
            if let Some(seen) = factor.filter(|factor| ![0.0, 1.0].contains(factor)) {
                return Err(self.unsupported(key, seen.to_string(), "1"));
            }
        }
        Ok(())
    }

    /// The size that the file names, or else the rows of its embedding.
    fn vocab_size(&self) -> Result<usize, LmError> {
        const EMBEDDING: &str = "token_embd.weight";
        match self.size_if(VOCAB_SIZE)? {
            Some(size) => Ok(size),
            None => match self.file.shape(EMBEDDING) {
                Some(shape) => Ok(shape[0]),
                None => Err(LmError::missing(EMBEDDING)),
            },
        }
    }

    fn size(&self, key: &str) -> Result<usize, LmError> {
        let size = self.size_if(key)?;
        size.ok_or_else(|| wrong(self.file, self.full(key), None, SIZE))
    }

    fn size_if(&self, key: &str) -> Result<Option<usize>, LmError> {
        self.read(key, SIZE, |value| usize::try_from(value.as_u64()?).ok())
    }

    fn number(&self, key: &str) -> Result<f64, LmError> {
        let number = self.number_if(key)?;
        number.ok_or_else(|| wrong(self.file, self.full(key), None, NUMBER))
    }

    fn number_if(&self, key: &str) -> Result<Option<f64>, LmError> {
        self.read(key, NUMBER, |value| match value {
            // What was 1e-5 before the file stored it in 4 bytes is 1e-5 again.
            MetaValue::F32(value) => value.to_string().parse().ok(),
            other => other.as_f64(),
        })
    }

    fn read<T>(
        &self,
        key: &str,
        wanted: &'static str,
        read: impl Fn(&MetaValue) -> Option<T>,
    ) -> Result<Option<T>, LmError> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        match read(value) {
            Some(read) => Ok(Some(read)),
            None => Err(wrong(self.file, self.full(key), Some(value), wanted)),
        }
    }

    fn value(&self, key: &str) -> Option<&MetaValue> {
        self.file.meta(&self.full(key))
    }

    fn full(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture)
    }

    fn unsupported(&self, key: &str, seen: String, wanted: &'static str) -> LmError {
        LmError::UnsupportedSetting {
            path: self.file.path().to_owned(),
            setting: self.full(key),
            seen,
            wanted,
        }
    }
}

const SIZE: &str = "an integer of at least 0";
const NUMBER: &str = "a floating-point number";

fn wrong(file: &GgufFile, key: String, seen: Option<&MetaValue>, wanted: &'static str) -> LmError {
    LmError::Metadata {
        path: file.path().to_owned(),
        key,
        seen: seen.map_or_else(|| "absent".to_owned(), MetaValue::kind),
        wanted,
    }
}
