use burn::config::Config;
use burn::tensor::Tensor;
use candor_core::numerics::safe_sqrt;
use candor_core::{ConfigError, DrawKey, host, shape};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// The norm that bounds a perturbation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PerturbationNorm {
    /// The largest change of an entry.
    LInf,
    /// The Euclidean length of a row's change.
    L2,
}

/// Configuration of [`PgdAttack`].
#[derive(Config, Debug)]
pub struct PgdAttackConfig {
    /// The norm of the ball. Default: `LInf`.
    #[config(default = "PerturbationNorm::LInf")]
    pub norm: PerturbationNorm,
    /// Radius γ of the ball, finite and > 0. Default: 8/255.
    #[config(default = "8.0 / 255.0")]
    pub radius: f64,
    /// Length of a step, finite and > 0. Default: 2/255.
    #[config(default = "2.0 / 255.0")]
    pub step_size: f64,
    /// Number of steps, >= 1. Default: 10; evaluate with 20 or more, from two random starts.
    #[config(default = 10)]
    pub steps: usize,
    /// Smallest legal input. Default: 0.
    #[config(default = 0.0)]
    pub lower: f64,
    /// Largest legal input. Default: 1.
    #[config(default = 1.0)]
    pub upper: f64,
}

impl PgdAttackConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A radius or step that is not finite and above zero, no step, bounds that are NaN or crossed.
    pub fn init(&self) -> Result<PgdAttack, ConfigError> {
        const NAME: &str = "PgdAttackConfig";
        if self.lower.is_nan() || self.upper.is_nan() || self.lower >= self.upper {
            let problem = format!(
                "lower = {} must be below upper = {}",
                self.lower, self.upper
            );
            return Err(ConfigError::contradiction(NAME, problem));
        }
        Ok(PgdAttack {
            norm: self.norm,
            radius: ConfigError::positive(NAME, "radius", self.radius)?,
            step_size: ConfigError::positive(NAME, "step_size", self.step_size)?,
            steps: ConfigError::at_least_one(NAME, "steps", self.steps)?,
            lower: self.lower,
            upper: self.upper,
        })
    }
}

/// Projected gradient ascent within a ball around the inputs.
///
/// ```text
/// LInf: x ← x + s sign(g),            clamped to x₀ ± γ
/// L2:   x ← x + s g / max(‖g‖, 1e-12), pulled back to ‖x - x₀‖ <= γ, row by row
/// then clipped to [lower, upper]
/// ```
///
/// # Edge cases
///
/// An entry (LInf) or a row (L2) of gradient 0 stays where it is. Memory is that of one forward and backward pass,
/// whatever the number of steps.
///
/// # Source
///
/// Madry et al.: Towards Deep Learning Models Resistant to Adversarial Attacks, 2018, arXiv 1706.06083, as used in
/// arXiv 2304.07288.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::classification::PgdAttackConfig;
///
/// let inputs = Tensor::<2>::from_floats([[0.5, 0.5]], &Device::flex());
/// let attack = PgdAttackConfig::new().with_radius(0.1).with_step_size(0.04).init().unwrap();
/// // Maximising x₀ - x₁ moves both entries to the edge of the ball.
/// let slope = Tensor::<2>::from_floats([[1.0, -1.0]], &Device::flex());
/// let moved = attack.run(inputs.clone(), inputs, |x| (x * slope.clone()).sum_dim(1).squeeze_dim(1));
/// assert!((moved.into_data().to_vec::<f32>().unwrap()[0] - 0.6).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct PgdAttack {
    norm: PerturbationNorm,
    radius: f64,
    step_size: f64,
    steps: usize,
    lower: f64,
    upper: f64,
}

impl PgdAttack {
    /// Takes all steps from `start` and returns inputs without gradient.
    ///
    /// `objective` gives one value a row, `[batch]`, to be maximised; rows must not influence one another (put a
    /// model with batch norm or dropout in evaluation mode).
    ///
    /// # Panics
    ///
    /// When `start` has another shape than `inputs`, or the objective leaves the autodiff graph.
    pub fn run<const D: usize>(
        &self,
        inputs: Tensor<D>,
        start: Tensor<D>,
        objective: impl Fn(Tensor<D>) -> Tensor<1>,
    ) -> Tensor<D> {
        shape::check(
            "PgdAttack",
            "start",
            &start.dims(),
            &inputs.dims().map(Some),
        );
        let inputs = inputs.without_autodiff();
        (0..self.steps).fold(start.without_autodiff(), |current, _| {
            let tracked = current.clone().autodiff().require_grad();
            let gradients = objective(tracked.clone()).sum().backward();
            match tracked.grad(&gradients) {
                Some(gradient) => self.step(current, gradient, inputs.clone()),
                None => current,
            }
        })
    }

    /// One step from `current` along `gradient`, back into the ball around `inputs` and the legal range.
    ///
    /// # Panics
    ///
    /// When the shapes differ.
    pub fn step<const D: usize>(
        &self,
        current: Tensor<D>,
        gradient: Tensor<D>,
        inputs: Tensor<D>,
    ) -> Tensor<D> {
        let wanted = inputs.dims().map(Some);
        shape::check("PgdAttack", "current", &current.dims(), &wanted);
        shape::check("PgdAttack", "gradient", &gradient.dims(), &wanted);
        let moved = match self.norm {
            PerturbationNorm::LInf => {
                let change = current + gradient.sign() * self.step_size - inputs.clone();
                change.clamp(-self.radius, self.radius)
            }
            PerturbationNorm::L2 => {
                let length = row_lengths(gradient.clone()).clamp_min(1e-12);
                let change = current + gradient * self.step_size / length - inputs.clone();
                let length = row_lengths(change.clone()).clamp_min(1e-12);
                change * (length.recip() * self.radius).clamp_max(1.0)
            }
        };
        (inputs + moved).clamp(self.lower, self.upper)
    }

    /// Inputs moved by a uniform draw from ±radius an entry, clipped to the legal range.
    ///
    /// Row `i` of the batch draws from `key.row(first + i)` with `first` the key's row: the same example gets the same
    /// start in any batch.
    pub fn random_start<const D: usize>(&self, inputs: &Tensor<D>, key: DrawKey) -> Tensor<D> {
        let dims = inputs.dims();
        let width: usize = dims[1..].iter().product();
        let noise: Vec<f64> = (0..dims[0] as u64)
            .flat_map(|row| {
                let mut rng = key.row(key.row + row).rng();
                (0..width)
                    .map(move |_| rng.random_range(-self.radius..=self.radius))
                    .collect::<Vec<_>>()
            })
            .collect();
        let noise = host::tensor_like::<D, D>(noise, dims, inputs);
        (inputs.clone().without_autodiff() + noise).clamp(self.lower, self.upper)
    }
}

/// Euclidean length of each row of a batch of any rank; all axes but the first keep size one.
fn row_lengths<const D: usize>(batch: Tensor<D>) -> Tensor<D> {
    let axes: Vec<usize> = (1..D).collect();
    safe_sqrt(batch.square().sum_dims(&axes), 0.0)
}
