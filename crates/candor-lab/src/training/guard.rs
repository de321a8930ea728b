use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use burn::tensor::Tensor;
use burn::train::Interrupter;
use serde::Serialize;

use super::StepBatch;
use crate::run::{RunError, RunFolder};

/// Stops a training at the first loss that is not a number, and saves the batch that caused it.
#[derive(Clone)]
pub(super) struct Guard {
    stage: String,
    folder: RunFolder,
    interrupter: Interrupter,
    steps: Arc<AtomicUsize>,
    /// The cause, for the caller: burn-train hands back a text only.
    cause: Arc<Mutex<Option<RunError>>>,
}

#[derive(Serialize)]
struct SavedBatch {
    step: usize,
    loss: String,
    rows: Vec<usize>,
    labels: Vec<i64>,
    shape: Vec<usize>,
    inputs: Vec<f64>,
}

impl Guard {
    pub(super) fn new(
        stage: &str,
        folder: RunFolder,
        interrupter: Interrupter,
        steps_done: usize,
    ) -> Self {
        Self {
            stage: stage.to_owned(),
            folder,
            interrupter,
            steps: Arc::new(AtomicUsize::new(steps_done)),
            cause: Arc::default(),
        }
    }

    /// Looks at a step's loss. This reads one number from the device, which burn-train's loss metric does anyway.
    pub(super) fn watch(&self, loss: &Tensor<1>, batch: &StepBatch) {
        let step = self.steps.fetch_add(1, Ordering::Relaxed) + 1;
        let value: f64 = loss.to_data().iter::<f64>().sum();
        if !value.is_finite() && !self.interrupter.should_stop() {
            self.stop(self.save(step, value, batch));
        }
    }

    /// How many steps have begun, those before a resume included.
    pub(super) fn steps(&self) -> usize {
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
    pub(super) fn cause(&self) -> Option<RunError> {
        self.cause.lock().ok().and_then(|mut slot| slot.take())
    }

    fn save(&self, step: usize, value: f64, batch: &StepBatch) -> RunError {
        let name = PathBuf::from(&self.stage).join("non-finite-batch.json");
        let saved = SavedBatch {
            step,
            loss: value.to_string(),
            rows: batch.main.rows.clone(),
            labels: candor_core::host::ints(&batch.main.labels),
            shape: batch.main.inputs.dims().to_vec(),
            inputs: candor_core::host::floats(&batch.main.inputs),
        };
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
