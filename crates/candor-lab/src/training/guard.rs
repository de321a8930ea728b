use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use burn::tensor::Tensor;
use burn::train::Interrupter;
use serde_json::{Map, Value};

use crate::run::{RunError, RunFolder};

/// Stops a training at the first loss that is not a number, and saves the batch that caused it.
#[derive(Clone)]
pub(crate) struct Guard {
    stage: String,
    folder: RunFolder,
    interrupter: Interrupter,
    steps: Arc<AtomicUsize>,
    /// The cause, for the caller: burn-train hands back a text only.
    cause: Arc<Mutex<Option<RunError>>>,
}

/// What a step was made of, as it is saved beside the loss that it gave.
pub(crate) trait Evidence {
    /// Named values, enough to look into the step.
    fn evidence(&self) -> Map<String, Value>;
}

impl Guard {
    pub(super) fn new(stage: &str, folder: RunFolder, interrupter: Interrupter) -> Self {
        Self {
            stage: stage.to_owned(),
            folder,
            interrupter,
            steps: Arc::default(),
            cause: Arc::default(),
        }
    }

    /// Begins to count after so many steps.
    pub(super) fn count_from(&self, steps: usize) {
        self.steps.store(steps, Ordering::Relaxed);
    }

    /// Looks at a step's loss and gives it. This reads one number from the device, which a metric does anyway.
    pub(crate) fn watch(&self, loss: &Tensor<1>, batch: &impl Evidence) -> f64 {
        let step = self.steps.fetch_add(1, Ordering::Relaxed) + 1;
        let value: f64 = loss.to_data().iter::<f64>().sum();
        if !value.is_finite() && !self.interrupter.should_stop() {
            self.stop(self.save(step, value, batch));
        }
        value
    }

    /// How many steps have begun, those before a resume included.
    pub(crate) fn steps(&self) -> usize {
        self.steps.load(Ordering::Relaxed)
    }

    /// Stops the training for a reason that the caller will get back.
    pub(super) fn stop(&self, cause: RunError) {
        self.interrupter.stop(Some(&cause.to_string()));
        if let Ok(mut slot) = self.cause.lock() {
            slot.get_or_insert(cause);
        }
    }

    /// Why the training was stopped, if it was.
    pub(crate) fn cause(&self) -> Option<RunError> {
        self.cause.lock().ok().and_then(|mut slot| slot.take())
    }

    fn save(&self, step: usize, value: f64, batch: &impl Evidence) -> RunError {
        let name = PathBuf::from(&self.stage).join("non-finite-batch.json");
        let mut saved = Map::new();
        saved.insert("step".to_owned(), step.into());
        // As text: JSON has no NaN.
        saved.insert("loss".to_owned(), value.to_string().into());
        saved.extend(batch.evidence());
        match self.folder.write_json(&name, &saved) {
            Err(error) => error,
            Ok(()) => RunError::NonFiniteLoss {
                stage: self.stage.clone(),
                step,
                value,
                saved: self.folder.path(name),
            },
        }
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard")
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}
