use burn::lr_scheduler::LrSchedulerConfig;
use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::lr_scheduler::linear::LinearLrSchedulerConfig;
use burn::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::lr_scheduler::sequential::SequentialLrSchedulerConfig;
use burn::module::ParamGroup;
use burn::optim::{AdamWConfig, ModuleOptimizer};
use candor_core::ConfigError;

use super::settings::TrainSettings;

/// AdamW whose weight decay leaves the scales of the normalisations alone.
pub(super) fn optimizer(settings: &TrainSettings) -> ModuleOptimizer {
    // Burn's epsilon of 1e-5 is as large as many a gradient here.
    let adam = AdamWConfig::new().with_epsilon(1e-8);
    let decaying = adam.clone().with_weight_decay(settings.weight_decay as f32);
    let scales = ParamGroup::from_predicate("norm");
    decaying
        .init()
        .with_group(scales, adam.with_weight_decay(0.0).build(), None)
}

/// A learning rate that rises in equal steps, then falls along half a cosine to the end of all steps.
pub(super) fn schedule(
    settings: &TrainSettings,
    steps: usize,
) -> Result<ModuleLrScheduler, ConfigError> {
    let highest = settings.lr;
    // At least one step is left for the cosine.
    let rising = ((settings.warmup * steps as f64).ceil() as usize).min(steps.saturating_sub(1));
    let falling = CosineAnnealingLrSchedulerConfig::new(highest, (steps - rising).max(1))
        .with_min_lr(highest * settings.final_lr);
    let scheduler = if rising == 0 {
        falling.init()
    } else {
        let first = highest / (rising + 1) as f64;
        let risen = LinearLrSchedulerConfig::new(first, highest, rising);
        let both = [
            LrSchedulerConfig::Linear(risen),
            LrSchedulerConfig::Cosine(falling),
        ];
        SequentialLrSchedulerConfig::new(both.into(), vec![rising]).init()
    };
    scheduler.map_err(|problem| ConfigError::contradiction("finetune", problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(warmup: f64, steps: usize) -> Vec<f64> {
        let settings = TrainSettings {
            lr: 0.1,
            warmup,
            final_lr: 0.2,
            ..TrainSettings::default()
        };
        let mut schedule = schedule(&settings, steps).unwrap();
        (0..steps).map(|_| schedule.step().base()).collect()
    }

    fn assert_close(seen: &[f64], wanted: &[f64]) {
        assert_eq!(seen.len(), wanted.len());
        for (seen, wanted) in seen.iter().zip(wanted) {
            assert!((seen - wanted).abs() < 1e-12, "{seen} {wanted}");
        }
    }

    #[test]
    fn the_rate_rises_in_equal_steps_and_falls_along_a_cosine() {
        // Three steps up, then cos 0, cos 60°, cos 120° between 0.1 and 0.02.
        assert_close(&rates(0.5, 6), &[0.025, 0.05, 0.075, 0.1, 0.08, 0.04]);
    }

    #[test]
    fn a_single_step_has_the_highest_rate() {
        assert_close(&rates(0.05, 1), &[0.1]);
        assert_close(&rates(0.0, 2), &[0.1, 0.06]);
    }
}
