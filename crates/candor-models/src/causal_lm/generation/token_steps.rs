use burn::tensor::{Device, Int, Tensor, TensorData};
use candor_core::DrawKey;

use super::Sampler;
use crate::causal_lm::{CausalLm, KvCache, LeftPadding, LmError};

/// The steps of a generation: each gives one token of every row that goes on, `None` for one that has ended.
///
/// A row ends with a stop token, which is given, or by [`finish`](Self::finish); the steps end with the last row or
/// with the budget of new tokens. Dropping them stops the work.
#[derive(Debug)]
pub struct TokenSteps<'a> {
    model: &'a CausalLm,
    sampler: &'a Sampler,
    cache: KvCache,
    rows: Vec<Row>,
    next_ids: Tensor<2, Int>,
    taken: usize,
}

#[derive(Debug)]
struct Row {
    key: DrawKey,
    tokens: Vec<u32>,
    ended: bool,
}

impl<'a> TokenSteps<'a> {
    pub(super) fn new(
        model: &'a CausalLm,
        sampler: &'a Sampler,
        prompts: &[Vec<u32>],
        first_row: u64,
    ) -> Self {
        // Room for this many at once: a budget may be the whole context and a row end after ten tokens.
        const RESERVED: usize = 256;
        let (next_ids, padding) = LeftPadding::pad(prompts, 0, &model.device());
        let columns = next_ids.dims()[1] + sampler.config().max_new_tokens.min(RESERVED);
        let key = DrawKey::new(sampler.config().seed);
        let row = |(index, prompt): (usize, &Vec<u32>)| Row {
            key: key.row(first_row.wrapping_add(index as u64)),
            tokens: prompt.clone(),
            ended: false,
        };
        Self {
            model,
            sampler,
            cache: KvCache::with_capacity(model.config(), columns).with_padding(padding),
            rows: prompts.iter().enumerate().map(row).collect(),
            next_ids,
            taken: 0,
        }
    }

    /// Ends a row before its time; a row that is not there is none to end.
    pub fn finish(&mut self, row: usize) {
        if let Some(row) = self.rows.get_mut(row) {
            row.ended = true;
        }
    }

    /// Whether every row has ended or the budget is spent.
    pub fn is_finished(&self) -> bool {
        let spent = self.taken >= self.sampler.config().max_new_tokens;
        spent || self.rows.iter().all(|row| row.ended)
    }

    fn step(&mut self) -> Result<Vec<Option<u32>>, LmError> {
        let scores = self
            .model
            .next_token_logits(self.next_ids.clone(), &mut self.cache);
        let width = scores.dims()[1];
        let scores: Vec<f32> = scores.into_data().iter().collect();
        let draw = self.taken as u64;
        let mut given = Vec::with_capacity(self.rows.len());
        for (row, scores) in self.rows.iter_mut().zip(scores.chunks_exact(width)) {
            given.push(row.next(scores, self.sampler, draw)?);
        }
        self.next_ids = last_tokens(&self.rows, &self.model.device());
        self.taken += 1;
        Ok(given)
    }
}

impl Iterator for TokenSteps<'_> {
    type Item = Result<Vec<Option<u32>>, LmError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_finished() {
            return None;
        }
        let step = self.step();
        if step.is_err() {
            self.rows.clear();
        }
        Some(step)
    }
}

impl Row {
    fn next(
        &mut self,
        scores: &[f32],
        sampler: &Sampler,
        draw: u64,
    ) -> Result<Option<u32>, LmError> {
        if self.ended {
            return Ok(None);
        }
        let chosen = sampler.sample(scores, &self.tokens, self.key.draw(draw));
        let token = chosen.ok_or(LmError::NoFiniteScore { row: self.key.row })?;
        self.tokens.push(token);
        self.ended = sampler.config().stop_ids.contains(&token);
        Ok(Some(token))
    }
}

/// What the model reads next, `[rows, 1]`; rows that have ended go along and are not looked at.
fn last_tokens(rows: &[Row], device: &Device) -> Tensor<2, Int> {
    let last = |row: &Row| i64::from(row.tokens.last().copied().unwrap_or(0));
    let ids: Vec<i64> = rows.iter().map(last).collect();
    Tensor::from_data(TensorData::new(ids, [rows.len(), 1]), device)
}
