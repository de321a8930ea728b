use burn::tensor::{Device, Tensor};
use candor_core::host;
use candor_models::causal_lm::generation::{Generator, SamplingConfig};
use candor_models::causal_lm::{CausalLm, LeftPadding, LmError};
use candor_testkit::devices;

use crate::{built, ids, toy};

fn model() -> CausalLm {
    built(&toy(), &Device::flex())
}

fn drawn() -> SamplingConfig {
    SamplingConfig::new()
        .with_max_new_tokens(12)
        .with_temperature(1.0)
        .with_seed(5)
}

fn continued(sampling: &SamplingConfig, prompts: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let generator = Generator::new(&model(), sampling).unwrap();
    generator.generate(prompts).unwrap()
}

fn prompts() -> Vec<Vec<u32>> {
    vec![vec![1, 2, 3, 4, 5], vec![6], vec![7, 8, 9]]
}

#[test]
fn a_row_becomes_the_same_alone_and_in_a_batch() {
    for named in devices() {
        let model = built(&toy(), &named.device);
        for sampling in [
            drawn(),
            drawn().with_temperature(0.0).with_repetition_penalty(1.3),
        ] {
            let generator = Generator::new(&model, &sampling).unwrap();
            let together = generator.generate(&prompts()).unwrap();
            for (row, prompt) in prompts().into_iter().enumerate() {
                let generator = generator.clone().numbered_from(row as u64);
                let alone = generator.generate(&[prompt]).unwrap();
                assert_eq!(alone[0], together[row], "{} row {row}", named.name);
            }
        }
    }
}

#[test]
fn the_seed_and_the_row_decide_what_is_drawn() {
    let once = continued(&drawn(), &prompts());
    assert_eq!(continued(&drawn(), &prompts()), once);
    assert_ne!(continued(&drawn().with_seed(6), &prompts()), once);
    let same_prompt = continued(&drawn(), &[vec![1, 2], vec![1, 2]]);
    assert_ne!(same_prompt[0], same_prompt[1]);
}

#[test]
fn greedy_follows_the_best_score_of_a_whole_forward() {
    let model = model();
    let mut text = vec![1, 2, 3];
    let new = continued(
        &SamplingConfig::new().with_max_new_tokens(8),
        &[text.clone()],
    )
    .remove(0);
    assert_eq!(new.len(), 8);
    for token in new {
        let (ids, _) = LeftPadding::pad(&[text.clone()], 0, &Device::flex());
        let scores = host::floats(&model.forward(ids).slice_dim(1, text.len() - 1..text.len()));
        let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert_eq!(scores[token as usize], best);
        text.push(token);
    }
}

#[test]
fn a_row_stops_with_its_stop_token_and_the_others_go_on() {
    let free = continued(&drawn(), &prompts());
    let stop = free[0][3];
    let stopped = continued(&drawn().with_stop_ids(vec![stop]), &prompts());
    for (free, stopped) in free.iter().zip(&stopped) {
        let until = free.iter().position(|&token| token == stop);
        let wanted = until.map_or(&free[..], |last| &free[..=last]);
        assert_eq!(stopped, wanted);
    }
    assert!(stopped[0].len() <= 4);
}

#[test]
fn steps_give_what_generation_collects_and_end_where_they_are_told() {
    let model = model();
    let generator = Generator::new(&model, &drawn()).unwrap();
    let whole = generator.generate(&prompts()).unwrap();
    let mut steps = generator.steps(&prompts()).unwrap();
    let mut rows = vec![Vec::new(); 3];
    while let Some(step) = steps.next() {
        for (row, token) in rows.iter_mut().zip(step.unwrap()) {
            row.extend(token);
        }
        if rows[1].len() == 2 {
            steps.finish(1);
        }
    }
    assert!(steps.is_finished());
    assert_eq!(rows[0], whole[0]);
    assert_eq!(rows[1], whole[1][..2]);
    assert_eq!(rows[2], whole[2]);
}

#[test]
fn no_budget_gives_nothing_and_no_prompts_no_rows() {
    assert_eq!(
        continued(&drawn().with_max_new_tokens(0), &prompts()),
        vec![Vec::<u32>::new(); 3]
    );
    assert!(continued(&drawn(), &[]).is_empty());
}

#[test]
fn prompts_that_cannot_be_continued_are_refused() {
    let model = model();
    let generator = Generator::new(&model, &drawn()).unwrap();
    let refused = |prompt: Vec<u32>| generator.generate(&[vec![1], prompt]).unwrap_err();
    assert!(matches!(refused(vec![]), LmError::EmptyPrompt));
    assert!(matches!(
        refused(vec![13]),
        LmError::TokenOutOfRange {
            token: 13,
            vocab_size: 13
        }
    ));
    assert!(matches!(
        refused(vec![1; 21]),
        LmError::ContextOverflow {
            prompt: 21,
            new: 12,
            limit: 32
        }
    ));
    assert!(generator.generate(&[vec![1; 20]]).is_ok());
    let error = Generator::new(&model, &drawn().with_stop_ids(vec![13])).unwrap_err();
    assert!(error.to_string().contains("stop_ids = 13"));
}

#[test]
fn a_model_of_not_a_number_is_an_error_and_not_a_text() {
    let model = model();
    let broken = CausalLm::from_weights(
        &toy(),
        &NotANumber(&model),
        &Device::flex(),
        burn::tensor::FloatDType::F32,
    );
    let generator = Generator::new(&broken.unwrap(), &drawn()).unwrap();
    assert!(matches!(
        generator.generate(&[vec![1]]),
        Err(LmError::NoFiniteScore { row: 0 })
    ));
}

/// The weights of a model, all NaN.
struct NotANumber<'a>(&'a CausalLm);

impl candor_models::causal_lm::WeightSource for NotANumber<'_> {
    fn names(&self) -> Vec<String> {
        self.0.names()
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.0.shape(name)
    }

    fn read(&self, name: &str) -> Result<Vec<f32>, LmError> {
        let values = self.0.read(name)?;
        Ok(vec![f32::NAN; values.len()])
    }
}

#[test]
fn log_probabilities_are_those_of_the_softmax_of_each_position() {
    for named in devices() {
        let device = &named.device;
        let model = built(&toy(), device);
        let rows = [[1i64, 2, 3, 4], [5, 1, 12, 0]];
        let scored = host::rows(&model.sequence_log_probs(ids(rows, device), None));
        let logits = host::floats(&model.forward(ids(rows, device)));
        for (batch, row) in rows.iter().enumerate() {
            for position in 1..4 {
                let start = (batch * 4 + position - 1) * 13;
                let scores = &logits[start..start + 13];
                let sum: f64 = scores.iter().map(|score| score.exp()).sum();
                let wanted = scores[row[position] as usize] - sum.ln();
                let seen = scored[batch][position - 1];
                assert!(
                    (seen - wanted).abs() < 1e-5,
                    "{}: {seen} and {wanted}",
                    named.name
                );
            }
        }
    }
}

#[test]
fn padded_rows_have_the_likelihood_of_the_rows_alone() {
    let device = &Device::flex();
    let model = built(&toy(), device);
    let rows = [vec![1, 2, 3, 4, 5], vec![6, 7, 8]];
    let (padded, padding) = LeftPadding::pad(&rows, 0, device);
    let together = host::rows(&model.sequence_log_probs(padded, Some(&padding)));
    for (row, tokens) in rows.iter().enumerate() {
        let alone = model.token_log_likelihoods(tokens).unwrap();
        let padded = padding.lengths()[row];
        for (a, b) in alone.iter().zip(&together[row][padded..]) {
            assert!((a - b).abs() < 1e-5, "row {row}: {a} and {b}");
        }
    }
}

#[test]
fn a_likelihood_takes_two_tokens_of_the_vocabulary() {
    let model = model();
    let mean = model.mean_log_likelihood(&[1, 2, 3]).unwrap();
    let tokens = model.token_log_likelihoods(&[1, 2, 3]).unwrap();
    assert!((mean - f64::midpoint(tokens[0], tokens[1])).abs() < 1e-12);
    assert!(tokens.iter().all(|&token| token < 0.0));
    for few in [&[][..], &[1]] {
        assert!(matches!(
            model.mean_log_likelihood(few),
            Err(LmError::TooFewTokens { wanted: 2, .. })
        ));
    }
    assert!(matches!(
        model.mean_log_likelihood(&[1, 13]),
        Err(LmError::TokenOutOfRange { .. })
    ));
    assert!(matches!(
        model.mean_log_likelihood(&[1; 33]),
        Err(LmError::ContextOverflow { .. })
    ));
}

#[test]
fn many_rows_are_scored_as_few_are() {
    let device = &Device::flex();
    let model = built(&toy(), device);
    // 20 rows of 20 scored positions: more than are scored at once.
    let row: Vec<i64> = (0..21).map(|position| position * 5 % 13).collect();
    let one = Tensor::<2, _>::from_data(burn::tensor::TensorData::new(row, [1, 21]), device);
    let alone = host::rows(&model.sequence_log_probs(one.clone(), None)).remove(0);
    for row in host::rows(&model.sequence_log_probs(one.repeat_dim(0, 20), None)) {
        for (a, b) in row.iter().zip(&alone) {
            assert!((a - b).abs() < 1e-5);
        }
    }
}
