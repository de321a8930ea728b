//! The model's scores of many altered copies of a batch, a few hundred rows a call.

use std::ops::Range;

use burn::tensor::{DType, FloatDType, Tensor, activation};
use candor_core::{ExplainError, InputError, MemoryBudget, Predictor, Target, host};

/// More rows a call gain nothing on a processor and cost a model with wide layers much memory.
const MOST_ROWS: usize = 256;

/// What is read off the model's output for the target.
#[derive(Debug, Clone, Copy)]
enum Score {
    Logit,
    Probability,
}

/// How a measure asks a model: what it reads, for which output, within which memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ModelScores<'a, M> {
    component: &'static str,
    model: &'a M,
    target: &'a Target,
    score: Score,
    budget: MemoryBudget,
}

impl<'a, M> ModelScores<'a, M> {
    /// Logits of the target.
    pub(crate) fn logit(
        component: &'static str,
        model: &'a M,
        target: &'a Target,
        budget: MemoryBudget,
    ) -> Self {
        Self {
            component,
            model,
            target,
            score: Score::Logit,
            budget,
        }
    }

    /// Softmax probabilities of the target.
    pub(crate) fn probability(
        component: &'static str,
        model: &'a M,
        target: &'a Target,
        budget: MemoryBudget,
    ) -> Self {
        Self {
            score: Score::Probability,
            ..Self::logit(component, model, target, budget)
        }
    }

    /// Scores of `copies` inputs a row, `[row][copy]`.
    ///
    /// `altered(range)` builds the inputs of a range of copies, where copy `c` of row `r` has the number
    /// `r · copies + c`. Nothing is read back before the last call.
    pub(crate) fn of<const D: usize>(
        &self,
        inputs: &Tensor<D>,
        copies: usize,
        mut altered: impl FnMut(Range<usize>) -> Tensor<D>,
    ) -> Result<Vec<Vec<f64>>, ExplainError>
    where
        M: Predictor<D>,
    {
        let rows = inputs.dims()[0];
        self.target.check(rows, usize::MAX)?;
        let mut chosen = Vec::new();
        for range in self
            .budget
            .chunks(rows * copies, self.bytes_per_copy(inputs))
        {
            let outputs = self.outputs(altered(range.clone()), range.len())?;
            let target = range
                .map(|copy| self.target.of_row(copy / copies))
                .collect();
            chosen.push(Target::PerRow(target).select(outputs)?.without_autodiff());
        }
        let scores = host::floats(&Tensor::cat(chosen, 0));
        InputError::check_finite(self.component, "model score", &scores)?;
        Ok(scores.chunks(copies).map(<[f64]>::to_vec).collect())
    }

    /// Scores of the inputs themselves, one a row.
    pub(crate) fn of_inputs<const D: usize>(
        &self,
        inputs: &Tensor<D>,
    ) -> Result<Vec<f64>, ExplainError>
    where
        M: Predictor<D>,
    {
        let scores = self.of(inputs, 1, |range| inputs.clone().slice_dim(0, range))?;
        Ok(scores.concat())
    }

    fn outputs<const D: usize>(
        &self,
        inputs: Tensor<D>,
        wanted: usize,
    ) -> Result<Tensor<2>, ExplainError>
    where
        M: Predictor<D>,
    {
        let logits = self.model.predict(inputs);
        let seen = logits.dims()[0];
        if seen != wanted {
            return Err(ExplainError::PredictionRows { seen, wanted });
        }
        // Differences of scores are what is measured; half precision would round them away once more.
        let logits = match logits.dtype() {
            DType::F16 | DType::BF16 => logits.cast(FloatDType::F32),
            _ => logits,
        };
        Ok(match self.score {
            Score::Logit => logits,
            Score::Probability => activation::softmax(logits, 1),
        })
    }

    /// What one altered copy costs: itself, its source, its replacement and the mask between them. At least the
    /// 256th part of the budget, so that no call has more than 256 rows.
    fn bytes_per_copy<const D: usize>(&self, inputs: &Tensor<D>) -> usize {
        let features: usize = inputs.dims()[1..].iter().product();
        let copy = 4 * features * inputs.dtype().size();
        copy.max(self.budget.as_bytes().div_ceil(MOST_ROWS))
    }
}
