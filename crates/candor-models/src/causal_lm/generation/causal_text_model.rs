use burn::module::Module;

use super::{Generation, Generator, SamplingConfig, StopReason, TextLikelihood, TextModel};
use crate::causal_lm::{CausalLm, DecodeStream, LmError, LmTokenizer, Message};

/// A model and its tokenizer as a [`TextModel`].
///
/// Texts are encoded as what somebody else wrote: no part of them becomes a control token. Where the sampling names no
/// stop token, the tokenizer's are taken. The same text, sampling and seed give the same answer.
///
/// ```
/// use burn::tensor::Device;
/// use candor_models::causal_lm::generation::{CausalTextModel, SamplingConfig, TextModel};
/// use candor_models::causal_lm::{CausalLmConfig, LmTokenizer};
///
/// let model = CausalLmConfig::tiny().init_seeded(&Device::flex(), 0)?;
/// let mut text_model = CausalTextModel::new(&model, LmTokenizer::bytes()?)?;
/// let sampling = SamplingConfig::new().with_max_new_tokens(4);
/// assert_eq!(text_model.complete("Hi", &sampling)?.ids.len(), 4);
/// assert_eq!(text_model.log_likelihood("abc")?.tokens.len(), 2);
/// # Ok::<(), candor_models::causal_lm::LmError>(())
/// ```
#[derive(Debug)]
pub struct CausalTextModel {
    model: CausalLm,
    tokenizer: LmTokenizer,
}

impl CausalTextModel {
    /// Uses a model without autodiff; the parameters are shared, not copied.
    ///
    /// # Errors
    ///
    /// A tokenizer with ids that the model has no row for.
    pub fn new(model: &CausalLm, tokenizer: LmTokenizer) -> Result<Self, LmError> {
        let highest = tokenizer.vocab_size() as i64 - 1;
        model.check_tokens([highest])?;
        Ok(Self {
            model: model.valid(),
            tokenizer,
        })
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &LmTokenizer {
        &self.tokenizer
    }

    fn continued(
        &self,
        prompt: Vec<u32>,
        sampling: &SamplingConfig,
    ) -> Result<Generation, LmError> {
        let mut sampling = sampling.clone();
        if sampling.stop_ids.is_empty() {
            sampling.stop_ids = self.tokenizer.stop_ids();
        }
        let generator = Generator::new(&self.model, &sampling)?;
        let mut writing = Writing::new(&self.tokenizer, &sampling);
        for step in generator.steps(&[prompt])? {
            for token in step?.into_iter().flatten() {
                writing.push(token)?;
            }
            if writing.stop != StopReason::Budget {
                break;
            }
        }
        writing.finish()
    }
}

impl TextModel for CausalTextModel {
    fn generate(
        &mut self,
        messages: &[Message],
        sampling: &SamplingConfig,
    ) -> Result<Generation, LmError> {
        let template = self.tokenizer.chat_template()?;
        self.continued(template.encode(&self.tokenizer, messages, true)?, sampling)
    }

    fn complete(&mut self, text: &str, sampling: &SamplingConfig) -> Result<Generation, LmError> {
        self.continued(self.tokenizer.encode_untrusted(text)?, sampling)
    }

    fn log_likelihood(&mut self, text: &str) -> Result<TextLikelihood, LmError> {
        let ids = self.tokenizer.encode_untrusted(text)?;
        let tokens = self.model.token_log_likelihoods(&ids)?;
        Ok(TextLikelihood { tokens })
    }
}

/// A text in the making.
struct Writing<'a> {
    tokenizer: &'a LmTokenizer,
    stream: DecodeStream<'a>,
    sampling: &'a SamplingConfig,
    text: String,
    ids: Vec<u32>,
    stop: StopReason,
}

impl<'a> Writing<'a> {
    fn new(tokenizer: &'a LmTokenizer, sampling: &'a SamplingConfig) -> Self {
        Self {
            tokenizer,
            stream: DecodeStream::new(tokenizer),
            sampling,
            text: String::new(),
            ids: Vec::new(),
            stop: StopReason::Budget,
        }
    }

    fn push(&mut self, token: u32) -> Result<(), LmError> {
        self.ids.push(token);
        if self.sampling.stop_ids.contains(&token) {
            self.stop = StopReason::Token;
        } else if !self.tokenizer.is_control(token) {
            self.text += &self.stream.push(token)?;
            self.cut();
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Generation, LmError> {
        if self.stop != StopReason::Text {
            self.text += &self.stream.clone().finish()?;
            self.cut();
        }
        let Self {
            text, ids, stop, ..
        } = self;
        Ok(Generation { text, ids, stop })
    }

    /// Ends the text before the first stop string in it.
    fn cut(&mut self) {
        let found = self.sampling.stop_strings.iter();
        if let Some(end) = found.filter_map(|stop| self.text.find(stop)).min() {
            self.text.truncate(end);
            self.stop = StopReason::Text;
        }
    }
}
