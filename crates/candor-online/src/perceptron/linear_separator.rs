use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::{InputError, host};

use super::{LogisticLoss, SignedRows};

/// Configuration of [`LinearSeparator::fit`]; every value is legal.
#[derive(Config, Debug)]
pub struct SeparationConfig {
    /// Updates after which an unfinished run stops. Default: 10000.
    #[config(default = 10_000)]
    pub max_iters: usize,
    /// Whether to keep a row a step in the report. Default: true.
    #[config(default = true)]
    pub keep_trace: bool,
}

/// One step of a run, before its update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TraceRow {
    /// The logistic loss: with large steps it rises and falls, and tells nothing of how near the end is.
    pub loss: f64,
    /// Norm of its gradient.
    pub grad_norm: f64,
    /// Rows whose margin is not above zero.
    pub misclassified: usize,
}

/// How a run of [`LinearSeparator::fit`] ended.
#[derive(Debug, Clone)]
pub struct SeparationReport {
    /// The weights, `[d]`.
    pub theta: Tensor<1>,
    /// The mean of the weights after each update, `[d]`; the weights themselves where there was none.
    ///
    /// With [`Perceptron`](super::Perceptron) this is the averaged perceptron: where rows cannot be separated, the last
    /// weights are those of the last mistake, and the mean is the better classifier.
    pub average: Tensor<1>,
    /// Whether the last weights separate all rows.
    pub solved: bool,
    /// Updates made.
    pub iterations: usize,
    /// One row a step, the last one included; empty if it was not to be kept.
    pub trace: Vec<TraceRow>,
}

/// A method that walks towards weights which separate all rows.
///
/// ```
/// use candor_online::perceptron::{LinearSeparator, NormalizedLrGdConfig, SeparationConfig, worst_case_rows};
/// use burn::tensor::Device;
///
/// let rows = worst_case_rows(1000, &Device::flex()).unwrap();
/// let method = NormalizedLrGdConfig::new().with_step(100.0).init().unwrap();
/// let report = method.fit(&rows, &SeparationConfig::new()).unwrap();
/// assert!(report.solved && report.iterations == 2); // plain gradient descent needs 308
/// ```
pub trait LinearSeparator {
    /// What a step adds to the weights is `Σ w y a`: the shares w `[n]`, from the rows' margins `[n]` and the number of
    /// the step, counted from 0.
    fn shares(&self, rows: &SignedRows, margins: Tensor<1>, step: usize) -> Tensor<1>;

    /// The weights after a step.
    ///
    /// # Panics
    ///
    /// When there is not one weight a feature.
    fn update(&self, rows: &SignedRows, theta: Tensor<1>, step: usize) -> Tensor<1> {
        let margins = rows.margins(theta.clone());
        theta + rows.combined(self.shares(rows, margins, step))
    }

    /// Steps from weights of zero until all margins are above zero, or `max_iters` updates are made.
    ///
    /// Rows that cannot be separated run to the end with `solved = false`.
    ///
    /// # Errors
    ///
    /// Weights that left the range of numbers.
    fn fit(
        &self,
        rows: &SignedRows,
        config: &SeparationConfig,
    ) -> Result<SeparationReport, InputError> {
        self.fit_from(rows, rows.zero_weights(), config)
    }

    /// The same from other weights, for which the bounds do not hold.
    ///
    /// # Errors
    ///
    /// As [`fit`](Self::fit); another number of weights than features.
    fn fit_from(
        &self,
        rows: &SignedRows,
        theta: Tensor<1>,
        config: &SeparationConfig,
    ) -> Result<SeparationReport, InputError> {
        InputError::check_dims("LinearSeparator", "theta", &theta.dims(), &[rows.width()])?;
        let theta = theta.cast(rows.rows().dtype());
        let mut report = SeparationReport {
            average: theta.clone(),
            theta,
            solved: false,
            iterations: 0,
            trace: Vec::new(),
        };
        loop {
            let margins = rows.margins(report.theta.clone());
            let row = look(rows, &margins, config.keep_trace)?;
            report.solved = row.misclassified == 0;
            if config.keep_trace {
                report.trace.push(row);
            }
            if report.solved || report.iterations == config.max_iters {
                return Ok(report);
            }
            let shares = self.shares(rows, margins, report.iterations);
            report.theta = report.theta + rows.combined(shares);
            report.iterations += 1;
            let distance = report.theta.clone() - report.average.clone();
            // From the first update on: the start does not count.
            report.average = report.average + distance / report.iterations as f64;
        }
    }
}

/// Reads what a step needs, in one transfer; loss and gradient only if they are asked for.
fn look(rows: &SignedRows, margins: &Tensor<1>, with_loss: bool) -> Result<TraceRow, InputError> {
    let wrong = SignedRows::misclassified(margins.clone()).float().sum();
    let mut numbers = vec![wrong.cast(margins.dtype()), margins.clone().sum()];
    if with_loss {
        let LogisticLoss { value, gradient } = rows.logistic_loss(margins.clone());
        numbers.extend([value, gradient.square().sum().sqrt()]);
    }
    let numbers = host::floats(&Tensor::cat(numbers, 0));
    InputError::check_finite("LinearSeparator", "margins", &numbers)?;
    let at = |place: usize| numbers.get(place).copied().unwrap_or(0.0);
    Ok(TraceRow {
        loss: at(2),
        grad_norm: at(3),
        misclassified: at(0) as usize,
    })
}
