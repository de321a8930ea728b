use std::sync::Arc;

use burn::module::Module;
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};
use candor_models::Cnn;

use super::average::update_average;
use super::guard::Guard;
use super::{Objective, StepBatch, cross_entropy};

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
}

impl TrainStep for Trainee {
    type Input = StepBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: StepBatch) -> TrainOutput<ClassificationOutput> {
        let (total, logits) = match self.objective.terms(&self.model, &batch) {
            Ok(step) => (step.terms.total(), step.logits),
            Err(error) => {
                self.guard.stop(error);
                (None, self.model.logits(batch.main.inputs.clone()))
            }
        };
        // No terms, or an error: a zero that moves nothing until the loop sees the stop.
        let loss = total.unwrap_or_else(|| logits.clone().sum() * 0.0);
        self.guard.watch(&loss, &batch);
        let gradients = loss.backward();
        let (loss, logits) = (loss.without_autodiff(), logits.without_autodiff());
        let output = ClassificationOutput::new(loss, logits, batch.main.labels);
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
        let logits = self.model.logits(batch.main.inputs);
        let loss = cross_entropy(logits.clone(), &batch.main.labels);
        ClassificationOutput::new(loss, logits, batch.main.labels)
    }
}
