use burn::data::dataloader::batcher::Batcher;
use burn::tensor::{Device, Int, Tensor, activation};
use candor_core::host;
use candor_data::ImageBatcher;
use candor_models::Cnn;

use super::rows::{EVALUATION_ROWS, Rows};

/// A model's answers on some rows.
pub(super) struct Evaluation {
    /// `[rows, classes]`.
    pub(super) logits: Tensor<2>,
    /// `[rows]`.
    pub(super) labels: Tensor<1, Int>,
}

/// Evaluates a model on rows, in parts.
pub(super) fn evaluate(model: &Cnn, rows: &Rows, device: &Device) -> Evaluation {
    let parts: Vec<_> = rows
        .items()
        .chunks(EVALUATION_ROWS)
        .map(|items| {
            let batch = ImageBatcher.batch(items.to_vec(), device);
            (model.logits(batch.inputs), batch.labels)
        })
        .collect();
    let (logits, labels) = parts.into_iter().unzip();
    Evaluation {
        logits: Tensor::cat(logits, 0),
        labels: Tensor::cat(labels, 0),
    }
}

impl Evaluation {
    /// Share of rows classified right.
    pub(super) fn accuracy(&self) -> f64 {
        candor_metrics::forgetting::accuracy(self.logits.clone(), self.labels.clone()).unwrap_or(f64::NAN)
    }

    /// Cross-entropy of each row.
    pub(super) fn losses(&self) -> Vec<f64> {
        let rows = self.labels.dims()[0];
        let log_probs = activation::log_softmax(self.logits.clone(), 1);
        let losses = -log_probs.gather(1, self.labels.clone().reshape([rows, 1]));
        host::floats(&losses)
    }
}
