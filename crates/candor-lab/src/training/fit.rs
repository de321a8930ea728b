use std::sync::Arc;

use burn::data::dataloader::DataLoader;
use burn::module::Module;
use burn::optim::AdamWConfig;
use burn::train::checkpoint::KeepLastNCheckpoints;
use burn::train::metric::{AccuracyMetric, LossMetric};
use burn::train::{Learner, SupervisedTraining};
use candor_core::ConfigError;
use candor_metrics::training::burn_train::LogZMetric;
use candor_models::Cnn;
use indicatif::ProgressBar;

use super::{Curves, Objective, Session, StepBatch, Trainee};
use crate::run::{RunError, RunFolder};

/// One training: its name in the run's folder, how long, how fast, and towards what.
#[derive(Debug, Clone)]
pub struct Fit {
    /// The stage's name and its folder under the run's.
    pub name: String,
    /// Passes over the data.
    pub epochs: usize,
    /// Rows a step, as the loader gives them.
    pub batch_size: usize,
    /// AdamW's learning rate.
    pub learning_rate: f64,
    /// AdamW's weight decay.
    pub weight_decay: f64,
    /// Decay of the weights' moving average; 0 keeps the last weights only.
    pub ema_decay: f64,
    /// What is minimised.
    pub objective: Arc<dyn Objective>,
}

/// What a training leaves behind.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// The last weights, in inference mode.
    pub model: Cnn,
    /// The weights' moving average, in inference mode.
    pub average: Cnn,
    /// Learning curves, over all sessions of a resumed training.
    pub curves: Curves,
    /// Wall time of this session, in seconds.
    pub seconds: f64,
}

/// A loader of training steps.
pub(crate) type StepLoader = Arc<dyn DataLoader<StepBatch>>;

impl Fit {
    /// Trains `start`, or continues from the last checkpoint in the stage's folder.
    ///
    /// `train` builds the loader for the epochs done so far, so that a resumed training shuffles as the
    /// uninterrupted one would have.
    ///
    /// # Errors
    ///
    /// A loss that is not a number, data or files that cannot be read, a training that burn-train stopped.
    pub fn run(
        &self,
        start: Cnn,
        train: impl FnOnce(usize) -> Result<StepLoader, ConfigError>,
        valid: StepLoader,
        folder: &RunFolder,
        bar: ProgressBar,
    ) -> Result<Fitted, RunError> {
        let session = Session::open(&self.name, self.epochs, folder)?;
        let train = train(session.epochs_done())?;
        let guard = session.guard(train.num_items().div_ceil(self.batch_size));
        let trainee = Trainee::new(start.train(), self.objective.clone(), guard, self.ema_decay);
        let optimizer = AdamWConfig::new()
            .with_weight_decay(self.weight_decay as f32)
            .init();
        let learner = Learner::new(trainee, optimizer, self.learning_rate);
        let adapt = |training: SupervisedTraining<Trainee>| {
            training
                .metrics((LossMetric::new(), AccuracyMetric::new(), LogZMetric::new()))
                .with_checkpointing_strategy(KeepLastNCheckpoints::new(2))
        };
        let ended = session.launch(learner, train, valid, adapt, bar)?;
        let (model, average) = ended.model.into_models();
        Ok(Fitted {
            model: model.valid(),
            average: average.valid(),
            curves: Curves::read(session.directory(), &["Loss", "Accuracy"]),
            seconds: ended.seconds,
        })
    }
}
