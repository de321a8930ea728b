use std::sync::Arc;

use candor_models::causal_lm::generation::{Generator, SamplingConfig};
use candor_models::causal_lm::{CausalLm, LmTokenizer};
use serde::{Deserialize, Serialize};

use super::examples::Example;
use crate::run::RunError;

/// A held-out prompt, and what the model says to it before and after the training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The line that it comes from.
    pub line: u64,
    /// What is asked.
    pub prompt: String,
    /// The answer in the data.
    pub expected: String,
    /// The answer before the training.
    pub before: String,
    /// The answer after it.
    pub after: String,
}

/// Held-out prompts, to be answered greedily.
#[derive(Debug, Clone)]
pub(super) struct Prompts {
    examples: Vec<Arc<Example>>,
    max_new_tokens: usize,
}

impl Prompts {
    /// The first so many that leave room for an answer.
    pub(super) fn of(
        held_out: &[Arc<Example>],
        count: usize,
        max_new_tokens: usize,
        context: usize,
    ) -> Self {
        let fits = |example: &&Arc<Example>| example.prompt + max_new_tokens <= context;
        Self {
            examples: held_out.iter().filter(fits).take(count).cloned().collect(),
            max_new_tokens,
        }
    }

    /// What a model in inference mode says to each.
    pub(super) fn answers(
        &self,
        model: &CausalLm,
        tokenizer: &LmTokenizer,
    ) -> Result<Vec<String>, RunError> {
        let sampling = SamplingConfig::new()
            .with_max_new_tokens(self.max_new_tokens)
            .with_stop_ids(tokenizer.stop_ids());
        let prompts: Vec<Vec<u32>> = self
            .examples
            .iter()
            .map(|example| example.prompt_ids().to_vec())
            .collect();
        let answers = Generator::new(model, &sampling)?.generate(&prompts)?;
        let text = |ids: &Vec<u32>| tokenizer.decode_without_control(ids);
        Ok(answers.iter().map(text).collect::<Result<_, _>>()?)
    }

    /// Prompts and answers side by side.
    pub(super) fn beside(&self, before: Vec<String>, after: Vec<String>) -> Vec<Sample> {
        let answers = before.into_iter().zip(after);
        let sample = |(example, (before, after)): (&Arc<Example>, _)| Sample {
            line: example.line,
            prompt: example.asked.clone(),
            expected: example.answer.clone(),
            before,
            after,
        };
        self.examples.iter().zip(answers).map(sample).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_that_leaves_no_room_is_passed_over() {
        let example = |prompt| {
            Arc::new(Example {
                line: prompt as u64,
                ids: vec![1; prompt + 1],
                prompt,
                asked: String::new(),
                answer: String::new(),
            })
        };
        let prompts = Prompts::of(&[example(30), example(3), example(4), example(5)], 2, 8, 16);
        let lines: Vec<u64> = prompts
            .examples
            .iter()
            .map(|example| example.line)
            .collect();
        assert_eq!(lines, [3, 4]);
    }
}
