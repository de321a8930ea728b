use std::sync::Arc;

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::Tensor;
use burn::train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};
use candor_models::Cnn;

use super::average::update_average;
use super::guard::Guard;
use super::{Objective, StepBatch};

/// A classifier in training: its weights, their moving average, and the objective that drives them.
///
/// The average is a part of the module so that burn-train's checkpoints hold it and a resumed run continues it.
#[derive(Module, Debug)]
pub struct Trainee {
    model: Cnn,
    average: Cnn,
    #[module(skip)]
    objective: Arc<dyn Objective>,
    #[module(skip)]
    guard: Guard,
    #[module(skip)]
    decay: f64,
}

impl Trainee {
    pub(super) fn new(model: Cnn, objective: Arc<dyn Objective>, guard: Guard, decay: f64) -> Self {
        Self {
            average: model.clone().no_grad(),
            model,
            objective,
            guard,
            decay,
        }
    }

    /// The weights, and their moving average.
    pub(super) fn into_models(self) -> (Cnn, Cnn) {
        (self.model, self.average)
    }

    fn output(&self, loss: Tensor<1>, batch: StepBatch) -> ClassificationOutput {
        let logits = self.model.logits(batch.main.inputs);
        ClassificationOutput::new(loss, logits, batch.main.labels)
    }
}

impl TrainStep for Trainee {
    type Input = StepBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: StepBatch) -> TrainOutput<ClassificationOutput> {
        let total = match self.objective.terms(&self.model, &batch) {
            Ok(terms) => terms.total(),
            Err(error) => {
                self.guard.stop(error);
                None
            }
        };
        // No terms, or an error: a zero that moves nothing until the loop sees the stop.
        let loss = total.unwrap_or_else(|| Tensor::zeros([1], &batch.main.inputs.device()).autodiff().require_grad());
        self.guard.watch(&loss, &batch);
        let gradients = loss.backward();
        let output = self.output(loss.without_autodiff(), batch);
        TrainOutput::new(self, gradients, output)
    }

    fn optimize(
        self,
        optimizer: &mut ModuleOptimizer,
        rate: ModuleLearningRate,
        gradients: GradientsParams,
    ) -> Self {
        let stepped = optimizer.step(rate, self, gradients);
        // The first weights are random: a long memory is allowed only once there is something to remember.
        let steps = stepped.guard.steps() as f64;
        let decay = stepped.decay.min((1.0 + steps) / (10.0 + steps));
        let average = update_average(stepped.average, &stepped.model, decay);
        Self { average, ..stepped }
    }
}

impl InferenceStep for Trainee {
    type Input = StepBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: StepBatch) -> ClassificationOutput {
        let logits = self.model.logits(batch.main.inputs.clone());
        let loss = CrossEntropyLossConfig::new()
            .init(&logits.device())
            .forward(logits.clone(), batch.main.labels.clone());
        ClassificationOutput::new(loss, logits, batch.main.labels)
    }
}
