use burn::tensor::{Bool, FloatDType, Int, Tensor};
use candor_core::numerics::softplus;
use candor_core::{InputError, check_shape, host};

/// Rows of two classes, each multiplied by its label: a hyperplane separates them when all margins are above zero.
///
/// ```text
/// rows y a of features a [n, d] and labels y in {-1, +1};   margins m = y aᵀθ of weights θ [d]
/// ```
///
/// A margin of exactly 0 counts as wrong, so weights of zero separate nothing. Half precision is widened to `f32`.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_online::perceptron::SignedRows;
///
/// let device = Device::flex();
/// let features = Tensor::<2>::from_floats([[1.0, 0.0], [0.0, 2.0]], &device);
/// let rows = SignedRows::new(features, Tensor::<1, Int>::from_data([1, -1], &device)).unwrap();
/// let margins = rows.margins(Tensor::from_floats([3.0, 3.0], &device));
/// assert_eq!(margins.into_data().to_vec::<f32>().unwrap(), [3.0, -6.0]);
/// assert_eq!(rows.radius(), 2.0);
/// ```
#[derive(Debug, Clone)]
pub struct SignedRows {
    rows: Tensor<2>,
}

/// The logistic loss at some weights, and its slope.
#[derive(Debug, Clone)]
pub struct LogisticLoss {
    /// `(1/n) Σ softplus(-m)`, `[1]`.
    pub value: Tensor<1>,
    /// `-(1/n) Σ σ(-m) y a`, `[d]`.
    pub gradient: Tensor<1>,
}

impl SignedRows {
    const NAME: &str = "SignedRows";

    /// From features `[n, d]` and labels `[n]` in {-1, +1}; reads both to look at them once.
    ///
    /// # Errors
    ///
    /// No row, no feature, another number of labels than rows, another label, a feature that is not finite.
    pub fn new(features: Tensor<2>, labels: Tensor<1, Int>) -> Result<Self, InputError> {
        let [count, _] = features.dims();
        InputError::check_dims(Self::NAME, "labels", &labels.dims(), &[count])?;
        InputError::check_not_empty(Self::NAME, "features", features.shape().num_elements())?;
        InputError::check_finite(Self::NAME, "features", &host::floats(&features))?;
        let values = host::floats(&labels.clone().float());
        InputError::check_values(Self::NAME, "labels", &values, "-1 or 1", |label| {
            [-1.0, 1.0].contains(&label)
        })?;
        let features = features.without_autodiff();
        let features = if features.dtype().size() < 4 {
            features.cast(FloatDType::F32)
        } else {
            features
        };
        let signs = labels.float().cast(features.dtype()).unsqueeze_dim::<2>(1);
        Ok(Self {
            rows: features * signs,
        })
    }

    /// The same with a last feature of 1, so that the hyperplane need not go through the origin.
    pub fn with_bias(features: Tensor<2>, labels: Tensor<1, Int>) -> Result<Self, InputError> {
        let [count, _] = features.dims();
        let ones = Tensor::ones([count, 1], (&features.device(), features.dtype()));
        Self::new(Tensor::cat(vec![features, ones], 1), labels)
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.rows.dims()[0]
    }

    /// How many weights a hyperplane has.
    pub fn width(&self) -> usize {
        self.rows.dims()[1]
    }

    /// The rows y a, `[n, d]`.
    pub fn rows(&self) -> &Tensor<2> {
        &self.rows
    }

    /// Weights of zero, from which the theorems count.
    pub fn zero_weights(&self) -> Tensor<1> {
        Tensor::zeros([self.width()], (&self.rows.device(), self.rows.dtype()))
    }

    /// Margins `[n]` of weights `[d]`.
    ///
    /// # Panics
    ///
    /// When there is not one weight a feature.
    pub fn margins(&self, weights: Tensor<1>) -> Tensor<1> {
        let [_, width] = self.rows.dims();
        check_shape!("SignedRows", weights, [width]);
        let weights = weights.cast(self.rows.dtype()).unsqueeze_dim::<2>(1);
        self.rows.clone().matmul(weights).squeeze_dim(1)
    }

    /// `Σ w y a`, `[d]`, of shares w `[n]`.
    ///
    /// # Panics
    ///
    /// When there is not one share a row.
    pub fn combined(&self, shares: Tensor<1>) -> Tensor<1> {
        let [count, _] = self.rows.dims();
        check_shape!("SignedRows", shares, [count]);
        let shares = shares.unsqueeze_dim::<2>(0);
        shares.matmul(self.rows.clone()).squeeze_dim(0)
    }

    /// The logistic loss and its gradient at margins `[n]`; finite for margins of any size.
    pub fn logistic_loss(&self, margins: Tensor<1>) -> LogisticLoss {
        let costs = softplus(-margins.clone());
        LogisticLoss {
            value: costs.mean(),
            gradient: -self.combined(slopes(margins)) * (self.count() as f64).recip(),
        }
    }

    /// Which rows are not on their side, `[n]`.
    pub fn misclassified(margins: Tensor<1>) -> Tensor<1, Bool> {
        margins.lower_equal_scalar(0.0)
    }

    /// Share of rows on their side.
    pub fn accuracy(&self, weights: Tensor<1>) -> f64 {
        let wrong = Self::misclassified(self.margins(weights)).int().sum();
        let wrong: i64 = host::ints(&wrong).iter().sum();
        1.0 - wrong as f64 / self.count() as f64
    }

    /// The smallest margin over the weights' norm: a lower bound on μ, the largest that any weights reach.
    ///
    /// # Errors
    ///
    /// Weights that are zero or not finite.
    pub fn margin_of(&self, weights: Tensor<1>) -> Result<f64, InputError> {
        let values = host::floats(&weights);
        InputError::check_finite(Self::NAME, "weights", &values)?;
        let norm = values
            .iter()
            .fold(0.0, |norm: f64, value| norm.hypot(*value));
        if norm <= 0.0 {
            return Err(InputError::Undefined {
                component: "SignedRows::margin_of",
                reason: "weights of zero have no direction",
            });
        }
        let smallest = host::floats(&self.margins(weights))
            .into_iter()
            .fold(f64::INFINITY, f64::min);
        Ok(smallest / norm)
    }

    /// R, the largest norm of a row.
    pub fn radius(&self) -> f64 {
        host::rows(&self.rows)
            .iter()
            .map(|row| row.iter().fold(0.0, |norm: f64, value| norm.hypot(*value)))
            .fold(0.0, f64::max)
    }
}

/// σ(-m) = exp(-softplus(m)), which is exact in both tails.
pub(super) fn slopes(margins: Tensor<1>) -> Tensor<1> {
    (-softplus(margins)).exp()
}
