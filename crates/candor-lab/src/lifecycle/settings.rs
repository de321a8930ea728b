use candor_core::ConfigError;
use serde::{Deserialize, Serialize};

/// Settings of the lifecycle pipeline; every field has a default, unknown ones are refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LifecycleSettings {
    /// Seed of splits, weights, shuffles and draws.
    pub seed: u64,
    /// Share of each class that is held out for testing.
    pub test_fraction: f64,
    /// The teacher.
    pub train: TrainSettings,
    /// The students.
    pub distill: DistillSettings,
    /// Forgetting.
    pub unlearn: UnlearnSettings,
    /// Explanations and their scores.
    pub explain: ExplainSettings,
}

/// How the teacher, and every model retrained from scratch, is trained.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainSettings {
    /// Passes over the training rows.
    pub epochs: usize,
    /// Rows a step.
    pub batch_size: usize,
    /// AdamW's learning rate.
    pub lr: f64,
    /// AdamW's weight decay.
    pub weight_decay: f64,
    /// Decay of the weights' moving average, which is the model that is kept.
    pub ema_decay: f64,
    /// Channels of the two convolutions.
    pub channels: [usize; 2],
    /// Width of the penultimate layer, of teacher and students.
    pub hidden: usize,
}

/// How students are distilled.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DistillSettings {
    /// Students a method, each with its own weights and rows.
    pub seeds: usize,
    /// Training rows a student sees.
    pub rows: usize,
    /// Passes over them.
    pub epochs: usize,
    /// Rows a step.
    pub batch_size: usize,
    /// AdamW's learning rate.
    pub lr: f64,
    /// Channels of a student's two convolutions.
    pub channels: [usize; 2],
    /// Softmax temperature of the distillation losses.
    pub temperature: f64,
    /// Weight of Hinton's loss beside cross-entropy.
    pub kd_weight: f64,
    /// Weight of DKD's target-class term.
    pub dkd_alpha: f64,
    /// Weight of DKD's non-target-class term.
    pub dkd_beta: f64,
    /// Weight of the feature norm-and-direction term.
    pub nd_weight: f64,
}

/// What is forgotten, and how.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UnlearnSettings {
    /// Share of the training rows that is forgotten in the first scenario.
    pub forget_fraction: f64,
    /// The class that is forgotten in the second scenario.
    pub forget_class: usize,
    /// Passes over the rows to retain; every method runs as long.
    pub epochs: usize,
    /// Rows to forget, and rows to retain, a step.
    pub batch_size: usize,
    /// AdamW's learning rate.
    pub lr: f64,
    /// Inverse temperature of NPO.
    pub beta: f64,
    /// Weight of the retain term of NPO+RT.
    pub retain_weight: f64,
}

/// What is explained, and how finely.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExplainSettings {
    /// Test images explained before and after forgetting, the forgotten class among them.
    pub images: usize,
    /// Draws of the sampling methods.
    pub samples: usize,
    /// Steps of integrated gradients.
    pub steps: usize,
    /// Standard deviation of the additive noise, of pixels in 0..=1.
    pub sigma: f64,
    /// Memory that explainers and measures may hold at once, in MiB.
    pub memory_mib: usize,
}

impl Default for LifecycleSettings {
    fn default() -> Self {
        Self {
            seed: 0,
            test_fraction: 0.2,
            train: TrainSettings::default(),
            distill: DistillSettings::default(),
            unlearn: UnlearnSettings::default(),
            explain: ExplainSettings::default(),
        }
    }
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            epochs: 16,
            batch_size: 64,
            lr: 3e-3,
            weight_decay: 1e-4,
            ema_decay: 0.98,
            channels: [16, 32],
            hidden: 64,
        }
    }
}

impl Default for DistillSettings {
    fn default() -> Self {
        Self {
            seeds: 5,
            rows: 100,
            epochs: 40,
            batch_size: 20,
            lr: 3e-3,
            channels: [4, 8],
            temperature: 4.0,
            kd_weight: 1.0,
            dkd_alpha: 1.0,
            dkd_beta: 1.0,
            nd_weight: 0.5,
        }
    }
}

impl Default for UnlearnSettings {
    fn default() -> Self {
        Self {
            forget_fraction: 0.05,
            forget_class: 7,
            epochs: 3,
            batch_size: 64,
            lr: 2e-4,
            beta: 1.0,
            retain_weight: 2.0,
        }
    }
}

impl Default for ExplainSettings {
    fn default() -> Self {
        Self {
            images: 8,
            samples: 500,
            steps: 64,
            sigma: 0.1,
            memory_mib: 64,
        }
    }
}

impl LifecycleSettings {
    /// Refuses what no stage could run with, before any work.
    ///
    /// # Errors
    ///
    /// The first field that is out of range, by its key.
    pub fn check(&self) -> Result<(), ConfigError> {
        const NAME: &str = "lifecycle";
        let fraction = |field, value: f64| {
            if value > 0.0 && value < 1.0 {
                Ok(())
            } else {
                Err(ConfigError::out_of_range(NAME, field, value, "in (0, 1)"))
            }
        };
        fraction("test_fraction", self.test_fraction)?;
        fraction("unlearn.forget_fraction", self.unlearn.forget_fraction)?;
        for (field, count) in [
            ("train.epochs", self.train.epochs),
            ("train.batch_size", self.train.batch_size),
            ("distill.seeds", self.distill.seeds),
            ("distill.rows", self.distill.rows),
            ("distill.epochs", self.distill.epochs),
            ("distill.batch_size", self.distill.batch_size),
            ("unlearn.epochs", self.unlearn.epochs),
            ("unlearn.batch_size", self.unlearn.batch_size),
            ("explain.images", self.explain.images),
            ("explain.samples", self.explain.samples),
            ("explain.steps", self.explain.steps),
            ("explain.memory_mib", self.explain.memory_mib),
        ] {
            ConfigError::at_least_one(NAME, field, count)?;
        }
        for (field, value) in [
            ("train.lr", self.train.lr),
            ("distill.lr", self.distill.lr),
            ("unlearn.lr", self.unlearn.lr),
        ] {
            ConfigError::positive(NAME, field, value)?;
        }
        if !(0.0..1.0).contains(&self.train.ema_decay) {
            return Err(ConfigError::out_of_range(
                NAME,
                "train.ema_decay",
                self.train.ema_decay,
                "in [0, 1)",
            ));
        }
        if self.unlearn.forget_class >= 10 {
            return Err(ConfigError::out_of_range(
                NAME,
                "unlearn.forget_class",
                self.unlearn.forget_class,
                "0 to 9",
            ));
        }
        Ok(())
    }

    /// The same settings with the smallest amount of every kind of work.
    pub fn dry(mut self) -> Self {
        self.train.epochs = 1;
        self.distill.seeds = 1;
        self.distill.epochs = 1;
        self.unlearn.epochs = 1;
        // Draws and steps stay: they cost little for two images, and an estimate needs their time.
        self.explain.images = 2;
        self
    }
}
