use std::fmt;
use std::sync::Arc;

use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Module, ModuleMapper, ModuleVisitor, ParamGroup};
use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::store::{ModuleRecord, RecordError};
use burn::tensor::{Device, Tensor};
use burn::train::{InferenceStep, TrainOutput, TrainStep};
use candor_models::causal_lm::CausalLm;

use super::answer_loss::{AnswerLoss, Score};
use super::batches::{Part, Step};
use super::cast::ADAPTER;
use super::settings::{Method, TrainSettings};
use crate::training::{Guard, clip_global_norm, update_average};

/// A language model in training: its weights, their moving average, and what a step does with them.
///
/// Its records hold what is trained. Of a model with adapters these are the adapters: a checkpoint does not repeat the
/// weights that the training began with and leaves as they are.
#[derive(Debug, Clone)]
pub(super) struct Trainee {
    models: Models,
    training: Arc<Training>,
    guard: Guard,
}

#[derive(Module, Debug)]
struct Models {
    weights: CausalLm,
    /// Where an average is asked for, it is what is measured and kept.
    average: Option<CausalLm>,
}

/// What the steps of a training share.
#[derive(Debug)]
pub(super) struct Training {
    pub(super) loss: AnswerLoss,
    pub(super) method: Method,
    pub(super) settings: TrainSettings,
}

impl Trainee {
    /// A model that is to be trained; whatever of it is frozen stays as it is.
    pub(super) fn new(weights: CausalLm, training: Arc<Training>, guard: Guard) -> Self {
        let averaged = training.settings.ema_decay > 0.0;
        let weights = weights.train();
        Self {
            models: Models {
                average: averaged.then(|| weights.clone().no_grad()),
                weights,
            },
            training,
            guard,
        }
    }

    /// The weights that are measured and kept.
    pub(super) fn kept(&self) -> &CausalLm {
        let Models { weights, average } = &self.models;
        average.as_ref().unwrap_or(weights)
    }

    /// The gradient of one part's share of a step's mean, and the share.
    fn part(&self, part: &Part, tokens: usize) -> (GradientsParams, Tensor<1>) {
        let weights = &self.models.weights;
        let loss = self.training.loss.sum(weights, part) / tokens as f64;
        let gradients = GradientsParams::from_grads(loss.backward(), weights);
        (gradients, loss.without_autodiff())
    }

    fn with(self, models: Models) -> Self {
        Self { models, ..self }
    }
}

impl TrainStep for Trainee {
    type Input = Step;
    type Output = Score;

    fn step(&self, step: Step) -> TrainOutput<Score> {
        let mut gradients = GradientsAccumulator::new();
        let mut mean: Option<Tensor<1>> = None;
        for part in &step.parts {
            let (of_part, share) = self.part(part, step.tokens);
            gradients.accumulate(&self.models.weights, of_part);
            mean = Some(match mean {
                Some(mean) => mean + share,
                None => share,
            });
        }
        let mean = mean.map_or(0.0, |mean| self.guard.watch(&mean, &step));
        TrainOutput {
            grads: gradients.grads(),
            item: Score {
                sum: mean * step.tokens as f64,
                tokens: step.tokens,
            },
        }
    }

    fn optimize(
        self,
        optimizer: &mut ModuleOptimizer,
        rate: ModuleLearningRate,
        gradients: GradientsParams,
    ) -> Self {
        let TrainSettings {
            clip, ema_decay, ..
        } = self.training.settings;
        let Models { weights, average } = self.models;
        let gradients = if clip > 0.0 {
            clip_global_norm(&weights, gradients, clip)
        } else {
            gradients
        };
        let weights = optimizer.step(rate, weights, gradients);
        // A long memory is allowed only once there is something to remember.
        let steps = self.guard.steps() as f64;
        let decay = ema_decay.min((1.0 + steps) / (10.0 + steps));
        Self {
            models: Models {
                average: average.map(|average| update_average(average, &weights, decay)),
                weights,
            },
            ..self
        }
    }
}

impl InferenceStep for Trainee {
    type Input = Step;
    type Output = Score;

    fn step(&self, step: Step) -> Score {
        Score {
            sum: self.training.loss.read_sum(self.kept(), &step.parts),
            tokens: step.tokens,
        }
    }
}

/// The paths of what is trained.
fn trained(method: Method) -> ParamGroup {
    match method {
        Method::Full => ParamGroup::all(),
        Method::Lora => ParamGroup::from_predicate(format!(".{ADAPTER}.")),
    }
}

// Not derived: a derived record would hold everything.
impl Module for Trainee {
    fn into_record(self) -> ModuleRecord {
        self.models.into_record_group(trained(self.training.method))
    }

    fn try_load_record(self, record: ModuleRecord) -> Result<Self, RecordError> {
        // What is frozen may be missing; nothing of the record may be left over.
        let record = record.allow_partial(self.training.method == Method::Lora);
        let models = self.models.clone().try_load_record(record)?;
        Ok(self.with(models))
    }

    fn collect_devices(&self, devices: Vec<Device>) -> Vec<Device> {
        self.models.collect_devices(devices)
    }

    fn fork(self, device: &Device) -> Self {
        let models = self.models.clone().fork(device);
        self.with(models)
    }

    fn to_device(self, device: &Device) -> Self {
        let models = self.models.clone().to_device(device);
        self.with(models)
    }

    fn train(self) -> Self {
        let models = self.models.clone().train();
        self.with(models)
    }

    fn valid(&self) -> Self {
        self.clone().with(self.models.valid())
    }

    fn materialize(self) -> Self {
        let models = self.models.clone().materialize();
        self.with(models)
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        self.models.visit(visitor);
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        let models = self.models.clone().map(mapper);
        self.with(models)
    }
}

impl fmt::Display for Trainee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.models.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use burn::data::dataloader::batcher::Batcher;
    use burn::module::Param;
    use burn::optim::SgdConfig;
    use burn::tensor::FloatDType;
    use candor_core::host::floats;
    use candor_models::causal_lm::CausalLmConfig;

    use super::super::batches::StepBatcher;
    use super::super::examples::Example;
    use super::super::settings::LoraSettings;
    use super::*;
    use crate::run::{RunError, RunFolder};
    use crate::training::Session;

    fn model() -> CausalLm {
        CausalLmConfig::new(16, 8, 16, 2, 2, 1, 4)
            .init_seeded(&Device::flex(), 1)
            .unwrap()
    }

    fn trainee(model: CausalLm, method: Method, settings: TrainSettings) -> (Trainee, Session) {
        let place = tempfile::tempdir().unwrap().keep();
        let folder = RunFolder::open(&place, &settings, false).unwrap();
        let session = Session::open("training", 1, &folder).unwrap();
        let training = Training {
            loss: AnswerLoss::new(FloatDType::F32).unwrap(),
            method,
            settings,
        };
        let trainee = Trainee::new(model, Arc::new(training), session.guard(1));
        (trainee, session)
    }

    fn step(micro_batch: usize) -> Step {
        let example = |ids: &[u32], prompt| {
            Arc::new(Example {
                line: 3,
                ids: ids.to_vec(),
                prompt,
                asked: String::new(),
                answer: String::new(),
            })
        };
        let rows = vec![
            example(&[1, 2, 3, 4, 5, 6], 1),
            example(&[7, 8], 1),
            example(&[9, 10, 11, 12], 2),
        ];
        let batcher = StepBatcher {
            micro_batch,
            filler: 0,
        };
        batcher.batch(rows, &Device::flex())
    }

    /// All parameters, one after the other.
    #[derive(Default)]
    struct Values(Vec<f64>);

    impl ModuleVisitor for Values {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.extend(floats(&param.val()));
        }
    }

    fn values(module: &impl Module) -> Vec<f64> {
        let mut values = Values::default();
        module.visit(&mut values);
        values.0
    }

    #[test]
    fn a_step_does_not_depend_on_the_parts_it_is_computed_in() {
        let after = |micro_batch| {
            let (trainee, _) = trainee(model(), Method::Full, TrainSettings::default());
            let output = TrainStep::step(&trainee, step(micro_batch));
            let stepped = trainee.optimize(&mut SgdConfig::new().init(), 0.1.into(), output.grads);
            (output.item, values(stepped.kept()))
        };
        let ((score, whole), (same_score, parts)) = (after(3), after(1));
        assert_eq!((score.tokens, same_score.tokens), (8, 8));
        assert!((score.sum - same_score.sum).abs() < 1e-4);
        assert!(whole != values(&model()), "nothing was learned");
        for (whole, parts) in whole.iter().zip(&parts) {
            assert!((whole - parts).abs() < 1e-5, "{whole} {parts}");
        }
    }

    #[test]
    fn adapters_alone_are_trained_and_recorded() {
        let plan = LoraSettings::default().plan(0).unwrap();
        let settings = TrainSettings {
            ema_decay: 0.5,
            ..TrainSettings::default()
        };
        let (trainee, _) = trainee(plan.attach(model()), Method::Lora, settings.clone());
        let output = TrainStep::step(&trainee, step(3));
        let before = trainee.clone();
        let trained = trainee.optimize(&mut SgdConfig::new().init(), 0.1.into(), output.grads);
        assert_eq!(
            values(&trained.kept().clone().without_adapters()),
            values(&model())
        );
        assert!(values(trained.kept()) != values(before.kept()));
        // A and B of two weights of two layers, of the model and of its average.
        let record = trained.clone().into_record();
        assert_eq!(record.len(), 2 * 2 * 2 * 2);
        let restored = before.try_load_record(record).unwrap();
        assert_eq!(values(&restored), values(&trained));
    }

    #[test]
    fn the_average_is_what_is_kept() {
        let settings = TrainSettings {
            ema_decay: 0.999,
            ..TrainSettings::default()
        };
        let (trainee, _) = trainee(model(), Method::Full, settings);
        let output = TrainStep::step(&trainee, step(3));
        let old = values(trainee.kept());
        let stepped = trainee.optimize(&mut SgdConfig::new().init(), 1.0.into(), output.grads);
        // After one step the average remembers 2/11, whatever its decay.
        let (new, kept) = (values(&stepped.models.weights), values(stepped.kept()));
        for ((old, new), kept) in old.iter().zip(new).zip(kept) {
            assert!((kept - (2.0 * old + 9.0 * new) / 11.0).abs() < 1e-5);
        }
    }

    #[test]
    fn a_loss_that_is_not_a_number_stops_the_training_and_saves_the_lines() {
        struct Break;
        impl ModuleMapper for Break {
            fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
                param.map(|value| value * f64::NAN)
            }
        }
        let broken = model().map(&mut Break);
        let (trainee, session) = trainee(broken, Method::Full, TrainSettings::default());
        TrainStep::step(&trainee, step(3));
        let cause = session.guard(1).cause();
        let Some(RunError::NonFiniteLoss { saved, .. }) = cause else {
            panic!("{cause:?}")
        };
        let saved = std::fs::read_to_string(saved).unwrap();
        let saved: serde_json::Value = serde_json::from_str(&saved).unwrap();
        assert_eq!(saved["lines"], serde_json::json!([3, 3, 3]));
        assert_eq!(saved["prompt_tokens"], serde_json::json!([1, 2, 1]));
    }
}
