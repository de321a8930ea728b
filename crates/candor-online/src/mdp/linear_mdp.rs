use candor_core::InputError;

use super::policy::dot;
use super::{ActionTable, InverseCovariance, Policy, TabularDynamics, occupancy};

/// How much longer than 1 a feature may be: what rounding to `f32` does.
const LENGTH_TOLERANCE: f64 = 1e-6;

/// Dynamics with features in which every policy's action values are linear.
///
/// ```text
/// Q^π[h, s, a] = φ(h, s, a) · θ_h,   ‖φ‖ ≤ 1
/// ```
///
/// True of linear MDPs (transitions and losses linear in φ) and of one-hot features, which is the tabular case. It is
/// an assumption on the losses as well, so it is not checked: where it fails, estimates have a bias.
///
/// ```
/// use candor_online::mdp::{LinearMdp, TabularDynamics};
///
/// let dynamics = TabularDynamics::new([1, 1, 2], vec![], vec![1.0])?;
/// let mdp = LinearMdp::new(dynamics, 2, vec![1.0, 0.0, 0.6, 0.8])?;
/// assert_eq!(mdp.feature(0, 0, 1), [0.6, 0.8]);
/// # Ok::<(), candor_core::InputError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LinearMdp {
    dynamics: TabularDynamics,
    width: usize,
    features: Vec<f64>,
}

impl LinearMdp {
    /// Joins dynamics and features of `[layers, states, actions, width]`, row-major.
    ///
    /// # Errors
    ///
    /// A width of zero, another number of features, a feature that is not finite or longer than 1 + 1e-6.
    pub fn new(
        dynamics: TabularDynamics,
        width: usize,
        features: Vec<f64>,
    ) -> Result<Self, InputError> {
        const NAME: &str = "LinearMdp";
        let pairs: usize = dynamics.shape().iter().product();
        InputError::check_not_empty(NAME, "width", width)?;
        InputError::check_dims(NAME, "features", &[features.len()], &[pairs * width])?;
        check_lengths(NAME, &features, width)?;
        Ok(Self {
            dynamics,
            width,
            features,
        })
    }

    /// The tabular case: the feature of a pair (state, action) is a unit vector of its own.
    ///
    /// ```
    /// use candor_online::mdp::{LinearMdp, TabularDynamics};
    ///
    /// let dynamics = TabularDynamics::new([1, 1, 2], vec![], vec![1.0])?;
    /// assert_eq!(LinearMdp::tabular(dynamics).feature(0, 0, 1), [0.0, 1.0]);
    /// # Ok::<(), candor_core::InputError>(())
    /// ```
    pub fn tabular(dynamics: TabularDynamics) -> Self {
        let [layers, states, actions] = dynamics.shape();
        let width = states * actions;
        let mut features = vec![0.0; layers * width * width];
        for pair in 0..layers * width {
            features[pair * width + pair % width] = 1.0;
        }
        Self {
            dynamics,
            width,
            features,
        }
    }

    /// The dynamics.
    pub fn dynamics(&self) -> &TabularDynamics {
        &self.dynamics
    }

    /// `[layers, states, actions]`.
    pub fn shape(&self) -> [usize; 3] {
        self.dynamics.shape()
    }

    /// The length of a feature.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The feature of a pair.
    ///
    /// # Panics
    ///
    /// On a layer, state or action that is not there.
    pub fn feature(&self, layer: usize, state: usize, action: usize) -> &[f64] {
        let [_, states, actions] = self.shape();
        assert!(
            state < states && action < actions,
            "(state {state}, action {action}) is not in {:?}",
            self.shape()
        );
        let start = ((layer * states + state) * actions + action) * self.width;
        &self.features[start..start + self.width]
    }

    /// The features of a layer, `[states * actions, width]`.
    ///
    /// # Panics
    ///
    /// On a layer that is not there.
    pub fn layer_features(&self, layer: usize) -> &[f64] {
        let [_, states, actions] = self.shape();
        let size = states * actions * self.width;
        &self.features[layer * size..(layer + 1) * size]
    }

    /// The covariance of each layer's features under a policy, `[width, width]` each.
    ///
    /// ```text
    /// Σ_h = Σ_{s, a} q[h, s, a] φ φᵀ
    /// ```
    ///
    /// # Errors
    ///
    /// A policy of another shape.
    pub fn covariances(&self, policy: &Policy) -> Result<Vec<Vec<f64>>, InputError> {
        let occupancy = occupancy(&self.dynamics, policy)?;
        let layers = 0..self.dynamics.horizon();
        Ok(layers
            .map(|layer| self.covariance(layer, &occupancy))
            .collect())
    }

    fn covariance(&self, layer: usize, occupancy: &ActionTable) -> Vec<f64> {
        let mut covariance = vec![0.0; self.width * self.width];
        let features = self.layer_features(layer).chunks(self.width);
        for (feature, &share) in features.zip(occupancy.layer(layer)) {
            for (row, &entry) in covariance.chunks_mut(self.width).zip(feature) {
                for (sum, &other) in row.iter_mut().zip(feature) {
                    *sum += share * entry * other;
                }
            }
        }
        covariance
    }

    /// The regularised inverse covariance of every layer under a policy, with the dynamics known.
    ///
    /// # Errors
    ///
    /// A policy of another shape; what [`InverseCovariance::regularised`] refuses.
    pub fn inverses(
        &self,
        policy: &Policy,
        gamma: f64,
    ) -> Result<Vec<InverseCovariance>, InputError> {
        let covariances = self.covariances(policy)?;
        covariances
            .iter()
            .map(|covariance| InverseCovariance::regularised(self.width, covariance, gamma))
            .collect()
    }
}

/// Refuses features that are not finite or too long.
pub(super) fn check_lengths(
    component: &'static str,
    features: &[f64],
    width: usize,
) -> Result<(), InputError> {
    InputError::check_finite(component, "features", features)?;
    let lengths: Vec<f64> = features
        .chunks(width)
        .map(|feature| dot(feature, feature).sqrt())
        .collect();
    InputError::check_values(
        component,
        "features",
        &lengths,
        "of length at most 1",
        |length| length <= 1.0 + LENGTH_TOLERANCE,
    )
}
