use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Bars of a run: one over its stages, one over the stage in hand, both with the time left.
///
/// Where standard error is not a terminal, or quiet was asked, nothing is drawn and the log lines remain.
#[derive(Debug, Clone)]
pub struct Progress {
    bars: MultiProgress,
    stages: ProgressBar,
    quiet: bool,
}

impl Progress {
    /// A run of so many stages.
    pub fn new(stages: usize, quiet: bool) -> Self {
        let target = if quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bars = MultiProgress::with_draw_target(target);
        let overall = bars.add(ProgressBar::new(stages as u64).with_style(style(
            "{prefix:>24} [{bar:30}] {pos}/{len} stages, {elapsed} so far, about {eta} left",
        )));
        overall.set_prefix("run");
        Self {
            bars,
            stages: overall,
            quiet,
        }
    }

    /// Whether nothing is drawn.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Starts a stage of so many steps; its bar goes when the handle is finished.
    pub fn stage(&self, name: &str, steps: usize) -> ProgressBar {
        let template = "{prefix:>24} [{bar:30}] {pos}/{len}, about {eta} left {msg}";
        let bar = ProgressBar::new(steps as u64).with_style(style(template));
        self.start(name, bar)
    }

    /// Starts a copy of so many bytes; its bar goes when the handle is finished.
    pub fn transfer(&self, name: &str, bytes: u64) -> ProgressBar {
        let template = "{prefix:>24} [{bar:30}] {bytes}/{total_bytes}, about {eta} left";
        self.start(name, ProgressBar::new(bytes).with_style(style(template)))
    }

    /// Starts something whose length nobody knows; its line goes when the handle is finished.
    pub fn waiting(&self, name: &str) -> ProgressBar {
        let template = "{spinner} {prefix}, {elapsed} so far";
        let bar = ProgressBar::new_spinner().with_style(
            ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        self.start(name, bar)
    }

    fn start(&self, name: &str, bar: ProgressBar) -> ProgressBar {
        tracing::info!(stage = name, "started");
        let bar = self.bars.add(bar);
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(250));
        bar
    }

    /// Counts a stage that is done, now or in an earlier session.
    pub fn advance(&self) {
        self.stages.inc(1);
    }

    /// Takes all bars away.
    pub fn finish(&self) {
        self.stages.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants of this file; a broken one falls back to the plain bar.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}
