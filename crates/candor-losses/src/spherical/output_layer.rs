use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor};
use candor_core::{ConfigError, DrawKey, InputError, check_shape, host};
use nalgebra::DMatrix;
use rand::RngExt;
use rand_distr::StandardNormal;

use super::factored_update::{Forward, Update};
use super::factored_weight::{FactoredDrift, FactoredWeight};
use super::{SparseTargets, SphericalLoss};

const CONFIG: &str = "SphericalOutputLayerConfig";
const LAYER: &str = "SphericalOutputLayer";

/// Configuration of [`SphericalOutputLayer`].
#[derive(Config, Debug)]
pub struct SphericalOutputLayerConfig {
    /// Step size η of the gradient descent, finite and > 0. No default.
    pub learning_rate: f64,
    /// How many steps lie between two stabilisations; 0 for never. Default: 100.
    #[config(default = 100)]
    pub stabilize_every: usize,
    /// The smallest singular value of U that a stabilisation accepts, > 0 and < 1. Default: 0.5.
    #[config(default = 0.5)]
    pub smallest_singular_value: f64,
    /// The largest singular value of U that a stabilisation accepts, finite and > 1. Default: 2.
    #[config(default = 2.0)]
    pub largest_singular_value: f64,
    /// Decay λ: after each step `W ← (1 - η λ) W`; >= 0 and < 1/η. Default: 0.
    #[config(default = 0.0)]
    pub weight_decay: f64,
    /// Standard deviation of the entries that [`init`](Self::init) draws, finite and > 0. Default: 1e-3.
    #[config(default = 1e-3)]
    pub initial_deviation: f64,
}

impl SphericalOutputLayerConfig {
    /// A layer with a normal random weight, `classes` x `width`.
    ///
    /// # Errors
    ///
    /// A setting outside its range, fewer than two classes, a width of zero.
    pub fn init<L: SphericalLoss>(
        &self,
        loss: L,
        classes: usize,
        width: usize,
        key: DrawKey,
    ) -> Result<SphericalOutputLayer<L>, ConfigError> {
        let settings = self.checked(classes, width)?;
        let mut rng = key.rng();
        let mut draw = || settings.initial_deviation * rng.sample::<f64, _>(StandardNormal);
        let rows = (0..classes * width).map(|_| draw()).collect();
        Ok(SphericalOutputLayer::new(settings, loss, rows, width))
    }

    /// A layer that starts from a weight, `[classes, width]`, read to the host.
    ///
    /// # Errors
    ///
    /// As [`init`](Self::init), and a weight that is not finite.
    pub fn init_with_weight<L: SphericalLoss>(
        &self,
        loss: L,
        weight: &Tensor<2>,
    ) -> Result<SphericalOutputLayer<L>, ConfigError> {
        let [classes, width] = weight.dims();
        let settings = self.checked(classes, width)?;
        let rows = host::floats(weight);
        for &entry in &rows {
            ConfigError::finite(CONFIG, "weight", entry)?;
        }
        Ok(SphericalOutputLayer::new(settings, loss, rows, width))
    }

    fn checked(&self, classes: usize, width: usize) -> Result<Self, ConfigError> {
        let refuse =
            |field, value: f64, legal| Err(ConfigError::out_of_range(CONFIG, field, value, legal));
        let rate = ConfigError::positive(CONFIG, "learning_rate", self.learning_rate)?;
        ConfigError::positive(CONFIG, "initial_deviation", self.initial_deviation)?;
        let (smallest, largest) = (self.smallest_singular_value, self.largest_singular_value);
        if !(smallest > 0.0 && smallest < 1.0) {
            return refuse("smallest_singular_value", smallest, "> 0 and < 1");
        }
        if !(largest > 1.0 && largest.is_finite()) {
            return refuse("largest_singular_value", largest, "finite and > 1");
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay * rate < 1.0) {
            return refuse(
                "weight_decay",
                self.weight_decay,
                ">= 0 and < 1/learning_rate",
            );
        }
        if classes < 2 {
            return refuse("classes", classes as f64, ">= 2");
        }
        ConfigError::at_least_one(CONFIG, "width", width)?;
        Ok(self.clone())
    }
}

/// An output layer for very many classes: exact gradient descent at a cost that does not depend on their number.
///
/// ```text
/// o = W h      W = V U + 1 ωᵀ      Q = Wᵀ W      w̄ = Wᵀ 1
/// a = (U h)·V[label] + ω·h         q = hᵀ Q h    s = w̄·h        the loss is L(a, q, s)
/// W ← W - η ∂L/∂o hᵀ, exactly:
/// U ← U (I - 2 η L_q h hᵀ)         ω ← ω - η (2 L_q ω·h + L_s) h         V[label] ← V[label] - η L_a U⁻ᵀ h
/// ```
///
/// A dense step of a batch of m takes about 6 m D d operations, this one about 16 m d²: it neither computes the D outputs nor
/// touches the D rows, only those of the targets. Nothing is sampled or approximated; the weight after a step is that
/// of plain SGD. Other optimizers do not fit: their state has a number for every weight.
///
/// # State
///
/// The state is on the host in `f64`, V in place: `8 (D d + 3 d²)` bytes. Hidden states are read to the host in a step, and
/// the gradient goes back to their device and precision. The layer is no burn module; [`save`](Self::save) and
/// [`load`](Self::load) keep it in a safetensors file. Making one, [`weight`](Self::weight), [`logits`](Self::logits),
/// [`drift`](Self::drift) and [`unfactorize`](Self::unfactorize) go through all rows.
///
/// # Safeguards
///
/// - Every [`stabilize_every`](SphericalOutputLayerConfig::stabilize_every) steps U⁻¹ is renewed, and singular values of U
///   outside the range are set to one and moved into V.
/// - A step that would make U singular is taken on W itself, exactly.
/// - A step whose loss or result is not finite is refused and leaves the layer as it was.
///
/// A bias is one more hidden unit with a constant value. Choose η such that `2 η |L_q| ‖h‖²` stays well below one.
///
/// # Source
///
/// Vincent, de Brébisson, Bouthillier, 2014, arXiv 1412.7091; the authors' code leaves Q and w̄ behind under weight decay,
/// here they are scaled too.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::spherical::{SphericalMse, SphericalOutputLayerConfig};
///
/// let device = Device::flex();
/// let (weight, hidden) = (Tensor::zeros([3, 1], &device), Tensor::<2>::ones([1, 1], &device));
/// let mut layer = SphericalOutputLayerConfig::new(0.1).init_with_weight(SphericalMse::new(), &weight).unwrap();
/// let labels = Tensor::<1, Int>::from_data([1], &device);
/// let step = layer.step(hidden.clone(), labels, Reduction::Mean).unwrap(); // outputs 0, 0, 0: loss (0 - 1)²
/// assert_eq!(step.losses.into_scalar::<f32>(), 1.0);
/// assert_eq!(layer.logits(hidden).into_data().to_vec::<f32>().unwrap(), [0.0, 0.2, 0.0]); // 0 + 0.1 · 2
/// ```
#[derive(Debug, Clone)]
pub struct SphericalOutputLayer<L> {
    settings: SphericalOutputLayerConfig,
    loss: L,
    pub(super) state: FactoredWeight,
    pub(super) steps: u64,
}

/// What a step of a [`SphericalOutputLayer`] gives to the rest of the network.
#[derive(Debug, Clone)]
pub struct SphericalStep {
    /// The loss of each row before the step, `[batch]`.
    pub losses: Tensor<1>,
    /// The gradient of the reduced loss by the hidden states, `[batch, width]`, without gradients of its own.
    pub hidden_gradient: Tensor<2>,
}

impl SphericalStep {
    /// `Σ hidden · hidden_gradient`: its backward pass gives the network below the gradient of the layer's loss.
    ///
    /// The value itself means nothing. `hidden` is the tracked tensor that the step was given.
    ///
    /// # Panics
    ///
    /// When the shapes differ.
    pub fn objective(&self, hidden: Tensor<2>) -> Tensor<1> {
        let [batch, width] = self.hidden_gradient.dims();
        check_shape!("SphericalStep", hidden, [batch, width]);
        let gradient = self.hidden_gradient.clone().to_device(&hidden.device());
        (hidden * gradient).sum()
    }
}

impl<L: SphericalLoss> SphericalOutputLayer<L> {
    fn new(settings: SphericalOutputLayerConfig, loss: L, rows: Vec<f64>, width: usize) -> Self {
        Self {
            settings,
            loss,
            state: FactoredWeight::new(rows, width),
            steps: 0,
        }
    }

    /// One step of gradient descent on a batch with one label a row.
    ///
    /// # Shapes
    ///
    /// - hidden: `[batch, width]`
    /// - labels: `[batch]`, in `0..classes`
    ///
    /// # Errors
    ///
    /// Other shapes, an empty batch, a label outside the classes, a hidden state, loss or new weight that is not finite.
    /// The layer is then as before.
    pub fn step(
        &mut self,
        hidden: Tensor<2>,
        labels: Tensor<1, Int>,
        reduction: Reduction,
    ) -> Result<SphericalStep, InputError> {
        let targets = SparseTargets::from_labels(&host::ints(&labels), self.classes())?;
        self.step_sparse(hidden, &targets, reduction)
    }

    /// One step of gradient descent on a batch whose rows have several weighted targets.
    ///
    /// # Errors
    ///
    /// As [`step`](Self::step), and targets of another number of classes.
    pub fn step_sparse(
        &mut self,
        hidden: Tensor<2>,
        targets: &SparseTargets,
        reduction: Reduction,
    ) -> Result<SphericalStep, InputError> {
        let share = match reduction {
            Reduction::Sum => 1.0,
            Reduction::Mean | Reduction::Auto | Reduction::BatchMean => {
                (targets.rows() as f64).recip()
            }
        };
        let entries = targets.entries();
        let forward = self.forward(&hidden, targets)?;
        let slopes = forward.slopes(&self.loss, targets, share);
        InputError::check_finite(LAYER, "losses", &slopes.losses)?;
        if !slopes.are_finite() {
            return Err(undefined("a derivative of the loss is not finite"));
        }
        let gradients = forward.hidden_gradient(&self.state, entries, &slopes);
        let hidden_gradient = gradients[0].as_slice().to_vec();
        let rate = self.settings.learning_rate;
        let update = Update::new(&self.state, forward, &slopes, gradients, entries, rate);
        if !update.is_finite() {
            return Err(undefined(
                "the new weight is not finite, the learning rate is too large",
            ));
        }
        update.apply(&mut self.state, entries);
        self.settle();
        Ok(SphericalStep {
            losses: host::tensor_like(slopes.losses, [targets.rows()], &hidden),
            hidden_gradient: host::tensor_like(hidden_gradient, hidden.dims(), &hidden),
        })
    }

    /// The loss of each row, `[batch]`, without a step.
    ///
    /// # Errors
    ///
    /// Other shapes, an empty batch, a label outside the classes, a hidden state that is not finite.
    pub fn evaluate(
        &self,
        hidden: Tensor<2>,
        labels: Tensor<1, Int>,
    ) -> Result<Tensor<1>, InputError> {
        let targets = SparseTargets::from_labels(&host::ints(&labels), self.classes())?;
        let forward = self.forward(&hidden, &targets)?;
        let losses = forward.slopes(&self.loss, &targets, 1.0).losses;
        Ok(host::tensor_like(losses, [targets.rows()], &hidden))
    }

    fn forward(&self, hidden: &Tensor<2>, targets: &SparseTargets) -> Result<Forward, InputError> {
        let (rows, width) = (targets.rows(), self.width());
        InputError::check_dims(LAYER, "hidden", &hidden.dims(), &[rows, width])?;
        if targets.classes() != self.classes() {
            return Err(undefined("the targets are of another number of classes"));
        }
        let values = host::floats(hidden);
        InputError::check_finite(LAYER, "hidden", &values)?;
        let hidden = DMatrix::from_vec(width, rows, values);
        Ok(Forward::new(&self.state, hidden, targets.entries()))
    }

    /// What follows a step: decay, the count, a stabilisation when it is due.
    fn settle(&mut self) {
        let settings = &self.settings;
        if settings.weight_decay > 0.0 {
            self.state
                .scale(1.0 - settings.learning_rate * settings.weight_decay);
        }
        self.steps += 1;
        let due = settings.stabilize_every as u64;
        if due > 0 && self.steps.is_multiple_of(due) {
            self.stabilize();
        }
    }

    /// Renews U⁻¹ and brings the singular values of U back into their range; the weight stays what it is.
    ///
    /// Steps do it by themselves every [`stabilize_every`](SphericalOutputLayerConfig::stabilize_every).
    pub fn stabilize(&mut self) {
        let settings = &self.settings;
        self.state.stabilize(
            settings.smallest_singular_value,
            settings.largest_singular_value,
        );
    }

    /// Writes U and ω into V and computes Q and w̄ anew: the weight stays what it is, all drift is gone. Costs D d².
    pub fn unfactorize(&mut self) {
        self.state.unfactorize();
    }

    /// How far rounding has taken the small matrices from the weight; costs D d².
    pub fn drift(&self) -> FactoredDrift {
        self.state.drift()
    }

    /// All outputs, `[batch, classes]`; costs D d a row. For evaluation.
    ///
    /// # Panics
    ///
    /// When the hidden states have another width.
    pub fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        let [rows, width] = [hidden.dims()[0], self.width()];
        check_shape!(LAYER, hidden, [rows, width]);
        let columns = DMatrix::from_vec(width, rows, host::floats(&hidden));
        let outputs = self.state.outputs(&columns);
        host::tensor_like(outputs, [rows, self.classes()], &hidden)
    }

    /// The weight, `[classes, width]`, on the device and in the precision of `like`.
    pub fn weight<const D: usize>(&self, like: &Tensor<D>) -> Tensor<2> {
        host::tensor_like(self.state.explicit(), [self.classes(), self.width()], like)
    }

    /// `Wᵀ W` as the layer keeps it, `[width, width]`.
    pub fn weight_squares<const D: usize>(&self, like: &Tensor<D>) -> Tensor<2> {
        let values = self.state.squares.as_slice().to_vec();
        host::tensor_like(values, [self.width(), self.width()], like)
    }

    /// `Wᵀ 1` as the layer keeps it, `[width]`.
    pub fn weight_sums<const D: usize>(&self, like: &Tensor<D>) -> Tensor<1> {
        host::tensor_like(self.state.sums.as_slice().to_vec(), [self.width()], like)
    }

    /// Goes on with another step size.
    ///
    /// # Errors
    ///
    /// One that [`SphericalOutputLayerConfig::init`] would refuse.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<(), ConfigError> {
        let settings = self.settings.clone();
        let settings = SphericalOutputLayerConfig {
            learning_rate,
            ..settings
        };
        self.settings = settings.checked(self.classes(), self.width())?;
        Ok(())
    }
}

impl<L> SphericalOutputLayer<L> {
    /// How many outputs there are.
    pub fn classes(&self) -> usize {
        self.state.classes()
    }

    /// How many hidden units there are.
    pub fn width(&self) -> usize {
        self.state.width()
    }

    /// How many steps have been taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }
}

fn undefined(reason: &'static str) -> InputError {
    InputError::Undefined {
        component: LAYER,
        reason,
    }
}
