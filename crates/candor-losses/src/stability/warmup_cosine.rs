use burn::config::Config;
use candor_core::ConfigError;

/// Configuration of [`WarmupCosine`].
#[derive(Config, Debug)]
pub struct WarmupCosineConfig {
    /// Highest learning rate, finite and not below `end`.
    pub peak: f64,
    /// Steps W of the warm-up, fewer than `total`; 0 starts at the peak. Default: 5000.
    #[config(default = 5000)]
    pub warmup: usize,
    /// Steps T after which the rate stays at `end`. Default: 100000.
    #[config(default = 100_000)]
    pub total: usize,
    /// Last learning rate, finite and >= 0. Default: 1e-5.
    #[config(default = 1e-5)]
    pub end: f64,
}

impl WarmupCosineConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// Rates that are negative or not finite, a peak below the end, a warm-up that does not end before the schedule.
    pub fn init(&self) -> Result<WarmupCosine, ConfigError> {
        const CONFIG: &str = "WarmupCosineConfig";
        let peak = ConfigError::non_negative(CONFIG, "peak", self.peak)?;
        let end = ConfigError::non_negative(CONFIG, "end", self.end)?;
        if peak < end {
            let problem = format!("peak = {peak} must not be below end = {end}");
            return Err(ConfigError::contradiction(CONFIG, problem));
        }
        let (warmup, total) = (self.warmup, self.total);
        if warmup >= total {
            let problem = format!("warmup = {warmup} must be fewer steps than total = {total}");
            return Err(ConfigError::contradiction(CONFIG, problem));
        }
        Ok(WarmupCosine {
            peak,
            warmup,
            total,
            end,
        })
    }
}

/// A learning rate that rises linearly and falls along half a cosine.
///
/// ```text
/// step < W:       peak · step / W
/// W <= step < T:  end + ½ (peak - end) (1 + cos(π (step - W) / (T - W)))
/// T <= step:      end
/// ```
///
/// The first step, 0, has rate 0 when there is a warm-up.
///
/// Source: the runs of Wortsman et al., 2023, arXiv 2309.14322.
///
/// ```
/// use candor_losses::stability::WarmupCosineConfig;
///
/// let schedule = WarmupCosineConfig::new(0.1).with_warmup(10).with_total(30).with_end(0.0).init().unwrap();
/// assert_eq!([0, 5, 10, 30].map(|step| schedule.lr(step)), [0.0, 0.05, 0.1, 0.0]);
/// assert!((schedule.lr(20) - 0.05).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WarmupCosine {
    peak: f64,
    warmup: usize,
    total: usize,
    end: f64,
}

impl WarmupCosine {
    /// The learning rate of a step, counted from 0.
    pub fn lr(&self, step: usize) -> f64 {
        if step < self.warmup {
            return self.peak * step as f64 / self.warmup as f64;
        }
        if step >= self.total {
            return self.end;
        }
        let done = (step - self.warmup) as f64 / (self.total - self.warmup) as f64;
        self.end + 0.5 * (self.peak - self.end) * (1.0 + (std::f64::consts::PI * done).cos())
    }

    /// The rate as a share of the peak, in [0, 1]: what multiplies an independent weight decay. 0 of a peak of 0.
    pub fn multiplier(&self, step: usize) -> f64 {
        if self.peak > 0.0 {
            self.lr(step) / self.peak
        } else {
            0.0
        }
    }
}
