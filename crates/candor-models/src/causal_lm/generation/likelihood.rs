use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor, TensorData};
use candor_core::{host, in_f32};

use crate::causal_lm::{CausalLm, LeftPadding, LmError};

impl CausalLm {
    /// How likely each token is after those before it: `log p(ids[t] | ids[..t])` for `t` in `1..positions`,
    /// `[batch, positions - 1]`.
    ///
    /// No token is put in front, so the first one has no score. With padding, the scores of padded positions and of
    /// the first token after them mean nothing.
    ///
    /// # Panics
    ///
    /// When there is no position to score, or the padding is of another number of rows.
    pub fn sequence_log_probs(
        &self,
        ids: Tensor<2, Int>,
        padding: Option<&LeftPadding>,
    ) -> Tensor<2> {
        let [batch, positions] = ids.dims();
        let scored = positions - 1;
        let hidden = self.hidden_states(ids.clone(), padding);
        let width = hidden.dims()[2];
        let rows = hidden
            .slice_dim(1, 0..scored)
            .reshape([batch * scored, width]);
        let targets = ids.slice_dim(1, 1..positions).reshape([batch * scored, 1]);
        self.target_log_probs(rows, targets)
            .reshape([batch, scored])
    }

    /// The log-likelihood of each token but the first, in nats.
    ///
    /// # Errors
    ///
    /// Fewer than two tokens, a token outside the vocabulary, or more than the context holds.
    pub fn token_log_likelihoods(&self, ids: &[u32]) -> Result<Vec<f64>, LmError> {
        let (seen, wanted) = (ids.len(), 2);
        if seen < wanted {
            return Err(LmError::TooFewTokens { seen, wanted });
        }
        self.check_tokens(ids.iter().copied().map(i64::from))?;
        self.check_length(seen, 0)?;
        let model = self.valid();
        let ids: Vec<i64> = ids.iter().copied().map(i64::from).collect();
        let ids = Tensor::from_data(TensorData::new(ids, [1, seen]), &model.device());
        Ok(host::floats(&model.sequence_log_probs(ids, None)))
    }

    /// The mean of [`token_log_likelihoods`](Self::token_log_likelihoods): nats per token, 0 at most.
    ///
    /// # Errors
    ///
    /// Fewer than two tokens, a token outside the vocabulary, or more than the context holds.
    pub fn mean_log_likelihood(&self, ids: &[u32]) -> Result<f64, LmError> {
        let scores = self.token_log_likelihoods(ids)?;
        Ok(scores.iter().sum::<f64>() / scores.len() as f64)
    }

    /// `log softmax(head row)[target]` of each row.
    fn target_log_probs(&self, rows: Tensor<2>, targets: Tensor<2, Int>) -> Tensor<2> {
        // The logits of this many rows exist at once: 48 MiB of a vocabulary of 49,152.
        const ROWS: usize = 256;
        let [count, _] = rows.dims();
        let scores = (0..count).step_by(ROWS).map(|start| {
            let chunk = start..count.min(start + ROWS);
            let rows = rows.clone().slice_dim(0, chunk.clone()).unsqueeze_dim(0);
            let targets = targets.clone().slice_dim(0, chunk);
            let logits = self.logits(rows).squeeze_dim(0);
            in_f32(logits, |logits| log_softmax(logits, 1)).gather(1, targets)
        });
        Tensor::cat(scores.collect(), 0)
    }
}
