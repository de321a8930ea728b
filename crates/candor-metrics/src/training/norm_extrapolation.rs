use candor_core::InputError;

/// Beyond this no crossing is looked for.
const LARGEST_SIZE: f64 = 1e14;
const NAME: &str = "NormExtrapolation";

/// Which side of the threshold [`NormExtrapolation::crossing`] waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrossingDirection {
    /// The statistic reaches the threshold from below.
    Rises,
    /// The statistic reaches the threshold from above.
    Falls,
}

/// Predicts a statistic of training (largest attention logit, gradient's root mean square …) at a model size not yet trained.
///
/// ```text
/// log v = c₀ + c₁ x + c₂ x²,   x = log N - mean log N,   by least squares;   degree 1 is a power law
/// ```
///
/// Fit it over sizes at one learning rate, and ask where it crosses a limit. A quadratic extrapolated far is fragile: over
/// more than a decade or two trust degree 1, or neither.
///
/// Source: Wortsman et al., 2023, arXiv 2309.14322.
///
/// ```
/// use candor_metrics::training::{CrossingDirection, NormExtrapolation};
///
/// let law = NormExtrapolation::fit(&[1e6, 1e7, 1e8], &[10.0, 100.0, 1000.0], 1).unwrap();
/// assert!((law.predict(1e9).unwrap() / 1e4 - 1.0).abs() < 1e-9);
/// let crossing = law.crossing(1e5, CrossingDirection::Rises).unwrap();
/// assert!((crossing.unwrap() / 1e10 - 1.0).abs() < 1e-6);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NormExtrapolation {
    coefficients: Vec<f64>,
    /// Mean of log N.
    center: f64,
    /// The largest size seen, as x.
    last: f64,
}

impl NormExtrapolation {
    /// Fits positive values at positive sizes with a polynomial of degree 1 or 2.
    ///
    /// A size may come more than once, as from several seeds.
    ///
    /// # Errors
    ///
    /// Another degree, differing lengths, fewer distinct sizes than degree + 1, a size or value that is not finite and
    /// above zero.
    pub fn fit(sizes: &[f64], values: &[f64], degree: usize) -> Result<Self, InputError> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let wanted = "finite and > 0";
        if !(1..=2).contains(&degree) {
            return Err(InputError::OutOfRange {
                component: NAME,
                argument: "degree",
                index: 0,
                value: degree as f64,
                legal: "1 or 2",
            });
        }
        InputError::check_dims(NAME, "values", &[values.len()], &[sizes.len()])?;
        InputError::check_values(NAME, "sizes", sizes, wanted, positive)?;
        InputError::check_values(NAME, "values", values, wanted, positive)?;
        check_distinct(sizes, degree + 1)?;
        let logs: Vec<f64> = sizes.iter().map(|size| size.ln()).collect();
        let center = mean(&logs, |log| log);
        let x: Vec<f64> = logs.iter().map(|log| log - center).collect();
        let y: Vec<f64> = values.iter().map(|value| value.ln()).collect();
        Ok(Self {
            coefficients: least_squares(&x, &y, degree),
            center,
            last: x.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }

    /// c₀, c₁ and, of degree 2, c₂.
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// The mean of log N, which the powers are counted from.
    pub fn center(&self) -> f64 {
        self.center
    }

    /// The statistic at a size; infinite where it leaves the range of `f64`.
    ///
    /// # Errors
    ///
    /// A size that is not finite and above zero.
    pub fn predict(&self, size: f64) -> Result<f64, InputError> {
        InputError::check_values(NAME, "size", &[size], "finite and > 0", |size| {
            size.is_finite() && size > 0.0
        })?;
        Ok(self.log_value(size.ln() - self.center).exp())
    }

    /// The smallest size, from the largest fitted one on, at which the statistic has reached the threshold.
    ///
    /// `None` where it has not up to 1e14.
    ///
    /// # Errors
    ///
    /// A threshold that is not finite and above zero.
    pub fn crossing(
        &self,
        threshold: f64,
        direction: CrossingDirection,
    ) -> Result<Option<f64>, InputError> {
        InputError::check_values(NAME, "threshold", &[threshold], "finite and > 0", |value| {
            value.is_finite() && value > 0.0
        })?;
        let level = threshold.ln();
        let above = self.log_value(self.last) - level;
        let reached = match direction {
            CrossingDirection::Rises => above >= 0.0,
            CrossingDirection::Falls => above <= 0.0,
        };
        let place = if reached {
            Some(self.last)
        } else {
            // Continuous, and on the other side at `last`: the first root after it is where it is reached.
            self.roots(level)
                .into_iter()
                .filter(|&root| root >= self.last)
                .min_by(f64::total_cmp)
        };
        let size = place.map(|place| (place + self.center).exp());
        Ok(size.filter(|&size| size <= LARGEST_SIZE))
    }

    fn log_value(&self, x: f64) -> f64 {
        let powers = self.coefficients.iter().rev();
        powers.fold(0.0, |sum, coefficient| sum * x + coefficient)
    }

    /// Where the polynomial has this value.
    fn roots(&self, level: f64) -> Vec<f64> {
        let coefficient = |power: usize| self.coefficients.get(power).copied().unwrap_or(0.0);
        let (c, b, a) = (coefficient(0) - level, coefficient(1), coefficient(2));
        let discriminant = b * b - 4.0 * a * c;
        if discriminant < 0.0 {
            return Vec::new();
        }
        // The sum of two numbers of one sign: nothing cancels, also where a is almost 0.
        let q = -0.5 * (b + discriminant.sqrt().copysign(b));
        [q / a, c / q]
            .into_iter()
            .filter(|root| root.is_finite())
            .collect()
    }
}

fn check_distinct(sizes: &[f64], wanted: usize) -> Result<(), InputError> {
    let mut sorted = sizes.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    if sorted.len() >= wanted {
        return Ok(());
    }
    Err(InputError::Undefined {
        component: NAME,
        reason: "there are fewer distinct sizes than degree + 1",
    })
}

fn mean(values: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    values.iter().map(|&value| of(value)).sum::<f64>() / values.len() as f64
}

/// Coefficients of 1, x and, of degree 2, x², for x whose mean is 0: each power made orthogonal to those before it.
fn least_squares(x: &[f64], y: &[f64], degree: usize) -> Vec<f64> {
    let with_y = |of: &dyn Fn(f64) -> f64| {
        let products = x.iter().zip(y).map(|(&x, y)| of(x) * y);
        products.sum::<f64>() / x.len() as f64
    };
    let level = mean(y, |y| y);
    let variance = mean(x, |x| x * x);
    let slope = with_y(&|x| x) / variance;
    if degree == 1 {
        return vec![level, slope];
    }
    let skew = mean(x, |x| x.powi(3)) / variance;
    let square = |x: f64| x * x - skew * x - variance;
    let curvature = with_y(&square) / mean(x, |x| square(x).powi(2));
    vec![
        level - curvature * variance,
        slope - curvature * skew,
        curvature,
    ]
}
