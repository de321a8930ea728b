use candor_core::{ConfigError, InputError};

use super::phi::is_cross_entropy;

/// The consistency bounds of one member of the comp-sum family.
///
/// ```text
/// a = 1/(2-τ)     m = (((1+β)^a + (1-β)^a) / 2)^(1/a)     k = number of classes
/// T(β) = 2^(1-τ)/(1-τ) (1 - m)               0 <= τ < 1
///        ½ [(1+β) ln(1+β) + (1-β) ln(1-β)]   τ = 1
///        (m - 1) / ((τ-1) k^(τ-1))           1 < τ < 2
///        β / ((τ-1) k^(τ-1))                 τ >= 2
/// ```
///
/// Within 1e-6 of τ = 1 the middle line holds.
///
/// ```
/// use candor_losses::classification::consistency::CompSumBounds;
///
/// let cross_entropy = CompSumBounds::new(1.0, 10)?;
/// let t = cross_entropy.t_transform(1.0)?;
/// assert!((t - 2f64.ln()).abs() < 1e-12);
/// assert!((cross_entropy.gamma(t)? - 1.0).abs() < 1e-12);
/// assert!((cross_entropy.gamma_tilde(0.02)? - 0.2).abs() < 1e-12); // √(2 t)
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CompSumBounds {
    tau: f64,
    classes: f64,
}

impl CompSumBounds {
    /// The bounds for a τ and a number of classes.
    ///
    /// # Errors
    ///
    /// A τ that is negative or not finite, fewer than two classes.
    pub fn new(tau: f64, classes: usize) -> Result<Self, ConfigError> {
        if classes < 2 {
            return Err(ConfigError::out_of_range(
                "CompSumBounds",
                "classes",
                classes,
                ">= 2",
            ));
        }
        Ok(Self {
            tau: ConfigError::non_negative("CompSumBounds", "tau", tau)?,
            classes: classes as f64,
        })
    }

    /// T_τ(β): the least excess comp-sum risk of a conditional zero-one regret of β in [0, 1].
    ///
    /// # Errors
    ///
    /// A β outside [0, 1].
    pub fn t_transform(&self, beta: f64) -> Result<f64, InputError> {
        let legal = |beta: f64| (0.0..=1.0).contains(&beta);
        InputError::check_values("CompSumBounds", "beta", &[beta], "in [0, 1]", legal)?;
        Ok(self.transform(beta))
    }

    /// Γ_τ(t): the largest zero-one regret that an excess comp-sum risk of t allows; the inverse of T_τ, at most 1.
    ///
    /// # Errors
    ///
    /// A t that is negative or NaN.
    pub fn gamma(&self, t: f64) -> Result<f64, InputError> {
        check_excess(t)?;
        if t >= self.transform(1.0) {
            return Ok(1.0);
        }
        // Sixty halvings of [0, 1] leave less than the last digit.
        let (low, high) = (0..60).fold((0.0, 1.0), |(low, high), _| {
            let middle = f64::midpoint(low, high);
            if self.transform(middle) < t {
                (middle, high)
            } else {
                (low, middle)
            }
        });
        Ok(f64::midpoint(low, high))
    }

    /// Γ̃_τ(t), a simple upper bound of Γ_τ: a square root below τ = 2, linear from there on. Not capped at 1.
    ///
    /// # Errors
    ///
    /// A t that is negative or NaN.
    pub fn gamma_tilde(&self, t: f64) -> Result<f64, InputError> {
        check_excess(t)?;
        let tau = self.tau;
        Ok(if tau < 1.0 {
            (2f64.powf(tau) * (2.0 - tau) * t).sqrt()
        } else if tau < 2.0 {
            (2.0 * self.classes.powf(tau - 1.0) * t).sqrt()
        } else {
            (tau - 1.0) * self.classes.powf(tau - 1.0) * t
        })
    }

    fn transform(&self, beta: f64) -> f64 {
        let tau = self.tau;
        let price = (tau - 1.0) * self.classes.powf(tau - 1.0);
        if is_cross_entropy(tau) {
            0.5 * (x_ln_x(1.0 + beta) + x_ln_x(1.0 - beta))
        } else if tau < 1.0 {
            2f64.powf(1.0 - tau) / (1.0 - tau) * -log_power_mean(beta, tau).exp_m1()
        } else if tau < 2.0 {
            log_power_mean(beta, tau).exp_m1() / price
        } else {
            beta / price
        }
    }
}

fn check_excess(t: f64) -> Result<(), InputError> {
    InputError::check_values("CompSumBounds", "t", &[t], ">= 0", |t| t >= 0.0)
}

/// x ln x, 0 at 0.
fn x_ln_x(x: f64) -> f64 {
    if x > 0.0 { x * x.ln() } else { 0.0 }
}

/// ln m, with the larger of the two powers taken out: (1+β)^a overflows as τ comes near 2.
fn log_power_mean(beta: f64, tau: f64) -> f64 {
    let power = 1.0 / (2.0 - tau);
    let log_ratio = (-beta).ln_1p() - beta.ln_1p();
    beta.ln_1p() + (0.5 * (power * log_ratio).exp_m1()).ln_1p() / power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_power_overflows_next_to_two() {
        let near = CompSumBounds::new(2.0 - 1e-5, 3)
            .unwrap()
            .t_transform(0.5)
            .unwrap();
        let at = CompSumBounds::new(2.0, 3)
            .unwrap()
            .t_transform(0.5)
            .unwrap();
        assert!((near - at).abs() < 1e-3, "{near} and {at}");
    }

    #[test]
    fn small_regrets_do_not_cancel() {
        // T(β) = β²/2 + O(β⁴) at τ = 1; both neighbours must agree with it.
        for tau in [1.0 - 1e-4, 1.0, 1.0 + 1e-4] {
            let t = CompSumBounds::new(tau, 2)
                .unwrap()
                .t_transform(1e-4)
                .unwrap();
            assert!((t / 5e-9 - 1.0).abs() < 1e-3, "tau {tau}: {t}");
        }
    }

    #[test]
    fn bad_arguments_are_refused() {
        assert!(CompSumBounds::new(-0.1, 3).is_err());
        assert!(CompSumBounds::new(f64::NAN, 3).is_err());
        assert!(CompSumBounds::new(1.0, 1).is_err());
        let bounds = CompSumBounds::new(1.0, 3).unwrap();
        for bad in [-0.1, f64::NAN] {
            assert!(bounds.t_transform(bad).is_err());
            assert!(bounds.gamma(bad).is_err());
            assert!(bounds.gamma_tilde(bad).is_err());
        }
        assert!(bounds.t_transform(1.1).is_err());
        assert_eq!(bounds.gamma(f64::INFINITY), Ok(1.0));
    }
}
