use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use burn::data::dataloader::DataLoader;
use burn::module::Module;
use burn::optim::AdamWConfig;
use burn::train::checkpoint::KeepLastNCheckpoints;
use burn::train::logger::FileMetricLogger;
use burn::train::metric::{AccuracyMetric, LossMetric};
use burn::train::{Interrupter, Learner, SupervisedTraining};
use candor_core::ConfigError;
use candor_models::Cnn;
use indicatif::ProgressBar;

use super::guard::Guard;
use super::renderer::BarRenderer;
use super::tensorboard::TensorBoardLogger;
use super::{Curves, Objective, StepBatch, Trainee};
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
        let directory = folder.path(&self.name);
        std::fs::create_dir_all(&directory)
            .map_err(|error| RunError::file("create", &directory, error))?;
        let done = last_complete_epoch(&directory, self.epochs);
        drop_logs_after(&directory, done)?;

        let interrupter = Interrupter::new();
        let train = train(done)?;
        let steps_done = done * train.num_items().div_ceil(self.batch_size);
        let guard = Guard::new(&self.name, folder.clone(), interrupter.clone(), steps_done);
        let trainee = Trainee::new(
            start.train(),
            self.objective.clone(),
            guard.clone(),
            self.ema_decay,
        );
        let optimizer = AdamWConfig::new()
            .with_weight_decay(self.weight_decay as f32)
            .init();

        let mut training = SupervisedTraining::new(&directory, train, valid)
            .metrics((LossMetric::new(), AccuracyMetric::new()))
            .with_metric_logger(FileMetricLogger::new(&directory))
            .with_metric_logger(TensorBoardLogger::create(&directory.join("tensorboard"))?)
            .with_default_checkpointers()
            .with_checkpointing_strategy(KeepLastNCheckpoints::new(2))
            .with_application_logger(None)
            .with_interrupter(interrupter)
            .renderer(Box::new(BarRenderer(bar)))
            .num_epochs(self.epochs);
        if done > 0 {
            tracing::info!(stage = self.name, epoch = done, "resumed");
            training = training.checkpoint(done);
        }
        let started = Instant::now();
        let result = training.launch(Learner::new(trainee, optimizer, self.learning_rate));
        let seconds = started.elapsed().as_secs_f64();

        if let Some(cause) = guard.cause() {
            return Err(cause);
        }
        if let Some(error) = result.error {
            return Err(RunError::Training {
                stage: self.name.clone(),
                reason: error.to_string(),
            });
        }
        let (model, average) = result.model.into_models();
        Ok(Fitted {
            model: model.valid(),
            average: average.valid(),
            curves: Curves::read(&directory),
            seconds,
        })
    }
}

/// The last epoch whose three files are all there: they are written by separate threads, so a kill may leave one.
fn last_complete_epoch(directory: &Path, epochs: usize) -> usize {
    let file = |kind: &str, epoch: usize| -> PathBuf {
        directory.join(format!("checkpoint/{kind}-{epoch}.bpk"))
    };
    let complete = |epoch: &usize| {
        ["model", "optim", "scheduler"]
            .iter()
            .all(|kind| file(kind, *epoch).is_file())
    };
    (1..=epochs).rev().find(complete).unwrap_or(0)
}

/// Takes away the logs of epochs that will be done again, or their entries would be counted twice.
fn drop_logs_after(directory: &Path, done: usize) -> Result<(), RunError> {
    for split in ["train", "valid"] {
        let Ok(entries) = std::fs::read_dir(directory.join(split)) else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let epoch = name
                .to_str()
                .and_then(|name| name.strip_prefix("epoch-")?.parse().ok());
            if epoch.is_some_and(|epoch: usize| epoch > done) {
                let path = entry.path();
                std::fs::remove_dir_all(&path)
                    .map_err(|error| RunError::file("remove", &path, error))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_counts_only_when_all_three_files_are_there() {
        let place = tempfile::tempdir().unwrap();
        let checkpoints = place.path().join("checkpoint");
        std::fs::create_dir_all(&checkpoints).unwrap();
        let touch = |name: &str| std::fs::write(checkpoints.join(name), "").unwrap();
        assert_eq!(last_complete_epoch(place.path(), 9), 0);
        for name in [
            "model-1.bpk",
            "optim-1.bpk",
            "scheduler-1.bpk",
            "model-2.bpk",
            "optim-2.bpk",
        ] {
            touch(name);
        }
        assert_eq!(last_complete_epoch(place.path(), 9), 1);
        touch("scheduler-2.bpk");
        assert_eq!(last_complete_epoch(place.path(), 9), 2);
    }

    #[test]
    fn logs_of_epochs_to_be_done_again_go_and_the_others_stay() {
        let place = tempfile::tempdir().unwrap();
        for epoch in 1..=3 {
            std::fs::create_dir_all(place.path().join(format!("train/epoch-{epoch}"))).unwrap();
        }
        drop_logs_after(place.path(), 1).unwrap();
        let left = std::fs::read_dir(place.path().join("train"))
            .unwrap()
            .count();
        assert_eq!(
            (left, place.path().join("train/epoch-1").is_dir()),
            (1, true)
        );
    }
}
