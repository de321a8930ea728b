use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::module::Module;
use burn::store::ModuleRecord;
use burn::train::logger::FileMetricLogger;
use burn::train::{
    Interrupter, Learner, LearnerModel, SupervisedTraining, TrainLoader, ValidLoader,
};
use indicatif::ProgressBar;

use super::guard::Guard;
use super::renderer::BarRenderer;
use super::tensorboard::TensorBoardLogger;
use crate::run::{RunError, RunFolder};

/// A training in its folder, new or continued: what every training through burn-train shares, whatever it trains.
pub(crate) struct Session {
    name: String,
    directory: PathBuf,
    epochs: usize,
    done: usize,
    interrupter: Interrupter,
    guard: Guard,
}

/// A training that ended, and where its files are.
pub(crate) struct Ended<M> {
    /// The last state, in inference mode.
    pub(crate) model: M,
    /// Wall time of this session, in seconds.
    pub(crate) seconds: f64,
}

impl Session {
    /// Finds out what an earlier session has done, and takes away what it had not finished.
    pub(crate) fn open(name: &str, epochs: usize, folder: &RunFolder) -> Result<Self, RunError> {
        let directory = folder.path(name);
        std::fs::create_dir_all(&directory)
            .map_err(|error| RunError::file("create", &directory, error))?;
        let done = last_complete_epoch(&directory, epochs);
        drop_logs_after(&directory, done)?;
        let interrupter = Interrupter::new();
        Ok(Self {
            guard: Guard::new(name, folder.clone(), interrupter.clone()),
            name: name.to_owned(),
            directory,
            epochs,
            done,
            interrupter,
        })
    }

    /// How many epochs earlier sessions have done.
    pub(crate) fn epochs_done(&self) -> usize {
        self.done
    }

    /// Where the training's files are.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// What watches the losses, counting on from the steps that earlier sessions have done.
    pub(crate) fn guard(&self, steps_an_epoch: usize) -> Guard {
        self.guard.count_from(self.done * steps_an_epoch);
        self.guard.clone()
    }

    /// Trains from the last complete epoch on; `adapt` adds metrics and the strategy for checkpoints.
    pub(crate) fn launch<M: LearnerModel>(
        &self,
        learner: Learner<M>,
        train: TrainLoader<M>,
        valid: ValidLoader<M>,
        adapt: impl FnOnce(SupervisedTraining<M>) -> SupervisedTraining<M>,
        bar: ProgressBar,
    ) -> Result<Ended<M>, RunError> {
        let directory = &self.directory;
        let mut training = adapt(SupervisedTraining::new(directory, train, valid))
            .with_metric_logger(FileMetricLogger::new(directory))
            .with_metric_logger(TensorBoardLogger::create(&directory.join("tensorboard"))?)
            .with_default_checkpointers()
            .with_application_logger(None)
            .with_interrupter(self.interrupter.clone())
            .renderer(Box::new(BarRenderer::new(bar)))
            .num_epochs(self.epochs);
        if self.done > 0 {
            tracing::info!(stage = self.name, epoch = self.done, "resumed");
            training = training.checkpoint(self.done);
        }
        let started = Instant::now();
        let result = training.launch(learner);
        let seconds = started.elapsed().as_secs_f64();

        if let Some(cause) = self.guard.cause() {
            return Err(cause);
        }
        if let Some(error) = result.error {
            return Err(RunError::Training {
                stage: self.name.clone(),
                reason: error.to_string(),
            });
        }
        Ok(Ended {
            model: result.model,
            seconds,
        })
    }

    /// The state after an epoch whose checkpoint was kept.
    pub(crate) fn restore<M: Module>(&self, model: M, epoch: usize) -> Result<M, RunError> {
        let path = checkpoint(&self.directory, "model", epoch);
        ModuleRecord::load(&path)
            .and_then(|record| model.try_load_record(record))
            .map_err(|error| RunError::file("read", &path, error))
    }
}

fn checkpoint(directory: &Path, kind: &str, epoch: usize) -> PathBuf {
    directory.join(format!("checkpoint/{kind}-{epoch}.bpk"))
}

/// The last epoch whose three files are all there: they are written by separate threads, so a kill may leave one.
fn last_complete_epoch(directory: &Path, epochs: usize) -> usize {
    let complete = |epoch: &usize| {
        ["model", "optim", "scheduler"]
            .iter()
            .all(|kind| checkpoint(directory, kind, *epoch).is_file())
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
