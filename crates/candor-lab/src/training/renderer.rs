use burn::train::LearnerSummary;
use burn::train::logger::{EvaluationProgressLogger, TrainingProgressLogger};
use burn::train::metric::MetricDefinition;
use burn::train::renderer::{
    EvaluationName, MetricState, MetricsRenderer, MetricsRendererEvaluation,
    MetricsRendererTraining,
};
use indicatif::ProgressBar;

/// burn-train's progress on one of our bars: training rows of all epochs, the last validation metric beside them.
pub(super) struct BarRenderer {
    bar: ProgressBar,
    epochs: usize,
    epochs_done: usize,
    /// Training rows of an epoch; 0 while others than training rows are counted.
    rows: usize,
}

impl BarRenderer {
    pub(super) fn new(bar: ProgressBar) -> Self {
        Self {
            bar,
            epochs: 0,
            epochs_done: 0,
            rows: 0,
        }
    }
}

impl MetricsRendererTraining for BarRenderer {
    fn update_train(&mut self, _state: MetricState) {}

    fn update_valid(&mut self, state: MetricState) {
        let (MetricState::Generic(entry) | MetricState::Numeric(entry, _)) = state;
        self.bar.set_message(entry.serialized_entry.formatted);
    }

    /// burn-train would print its summary; ours is the report.
    fn on_train_end(
        &mut self,
        _summary: Option<LearnerSummary>,
    ) -> Result<(), Box<dyn core::error::Error>> {
        Ok(())
    }
}

impl MetricsRendererEvaluation for BarRenderer {
    fn update_test(&mut self, _name: EvaluationName, _state: MetricState) {}
}

impl TrainingProgressLogger for BarRenderer {
    fn start(&mut self, total: usize, first: usize, _items: Option<usize>, _label: Option<&str>) {
        self.epochs = total;
        self.epochs_done = first.saturating_sub(1);
    }

    fn update_epoch(&mut self, epoch: usize) {
        self.epochs_done = epoch;
    }

    fn start_split(&mut self, split: &str, items: usize) {
        self.rows = if split == TRAIN { items } else { 0 };
        if self.rows > 0 && self.bar.length() != Some((self.epochs * items) as u64) {
            self.bar.set_length((self.epochs * items) as u64);
            self.bar.set_position((self.epochs_done * items) as u64);
            // Or what an earlier session did would count as done in no time.
            self.bar.reset_eta();
        }
    }

    fn update_split(&mut self, items: usize) {
        if self.rows > 0 {
            let done = self.epochs_done * self.rows + items;
            self.bar.set_position(done as u64);
        }
    }

    fn end_split(&mut self) {}
    fn end(&mut self) {}
    fn log_event_training(&mut self, _event: String) {}
}

impl EvaluationProgressLogger for BarRenderer {
    fn start_global_progress(&mut self, _tests: usize) {}
    fn start_test(&mut self, _name: &str, _items: usize) {}
    fn update_test_progress(&mut self, _items: usize) {}
    fn end_test(&mut self) {}
    fn end_global_progress(&mut self) {}
    fn log_event_evaluation(&mut self, _event: String) {}
}

/// What burn-train calls the split that is trained on.
const TRAIN: &str = "train";

impl MetricsRenderer for BarRenderer {
    fn manual_close(&mut self) {}
    fn register_metric(&mut self, _definition: MetricDefinition) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_counts_training_rows_of_all_epochs_and_goes_on_where_a_session_ended() {
        let bar = ProgressBar::hidden();
        let mut renderer = BarRenderer::new(bar.clone());
        renderer.start(3, 2, None, None);
        renderer.start_split(TRAIN, 10);
        assert_eq!((bar.length(), bar.position()), (Some(30), 10));
        renderer.update_split(4);
        assert_eq!(bar.position(), 14);
        renderer.start_split("valid", 5);
        renderer.update_split(5);
        assert_eq!(bar.position(), 14);
        renderer.update_epoch(2);
        renderer.start_split(TRAIN, 10);
        renderer.update_split(1);
        assert_eq!(bar.position(), 21);
    }
}
