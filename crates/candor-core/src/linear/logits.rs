#[cfg(feature = "cube")]
use burn::backend::DispatchDevice;
use burn::tensor::{Bool, DType, Device, FloatDType, Tensor};

use super::fused::{Plan, Wanted};
use crate::extensions::has_extensions;
use crate::numerics::LEFT_OUT;
use crate::{ConfigError, MemoryBudget, check_shape};

/// Logits in factored form: `softcap(hidden · weightᵀ + bias) / temperature`, not multiplied out.
///
/// ```text
/// softcap(u) = c tanh(u / c)
/// ```
///
/// | part | shape | default |
/// |---|---|---|
/// | hidden | `[rows, width]` | |
/// | weight | `[classes, width]` | |
/// | bias | `[classes]` | none |
/// | soft cap c | | none |
/// | temperature | | 1 |
/// | own class left out | | no |
/// | budget | bytes of a tile of logits | 48 MiB on processors, 256 MiB on others |
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::linear::LinearLogits;
///
/// let device = Device::flex();
/// let hidden = Tensor::<2>::from_floats([[1.0, 2.0]], &device);
/// let weight = Tensor::<2>::from_floats([[3.0, 4.0], [0.0, -1.0], [1.0, 1.0]], &device);
/// let logits = LinearLogits::new(hidden, weight).with_temperature(2.0)?;
/// assert_eq!(logits.dims(), [1, 3]);
/// assert_eq!(logits.materialize().into_data().to_vec::<f32>().unwrap(), [5.5, -1.0, 1.5]);
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct LinearLogits {
    pub(super) hidden: Tensor<2>,
    pub(super) weight: Tensor<2>,
    pub(super) bias: Option<Tensor<1>>,
    pub(super) map: LogitMap,
    budget: Option<MemoryBudget>,
}

/// What turns a product into a logit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LogitMap {
    pub(crate) temperature: f64,
    pub(crate) soft_cap: Option<f64>,
    /// Whether row i knows no class i.
    pub(crate) without_own_class: bool,
}

impl LogitMap {
    const IDENTITY: Self = Self {
        temperature: 1.0,
        soft_cap: None,
        without_own_class: false,
    };

    /// Whether there is a temperature to divide by.
    #[allow(clippy::float_cmp)] // the default, as it was set
    pub(crate) fn is_tempered(self) -> bool {
        self.temperature != 1.0
    }

    /// What multiplies a capped product.
    pub(crate) fn scale(self) -> f64 {
        1.0 / self.temperature
    }

    /// What makes a logit into `tanh(u / c)`, whose square is what the cap takes from the derivative; 0 without a cap.
    pub(crate) fn slope(self) -> f64 {
        self.soft_cap.map_or(0.0, |cap| self.temperature / cap)
    }
}

impl LinearLogits {
    /// Logits of `hidden` `[rows, width]` under `weight` `[classes, width]`.
    ///
    /// # Panics
    ///
    /// When the widths differ, or there is no class.
    pub fn new(hidden: Tensor<2>, weight: Tensor<2>) -> Self {
        let [_, width] = hidden.dims();
        check_shape!("LinearLogits", weight, [_, width]);
        assert!(
            weight.dims()[0] > 0,
            "LinearLogits: weight has shape [0, {width}], wanted at least one class"
        );
        Self {
            hidden,
            weight,
            bias: None,
            map: LogitMap::IDENTITY,
            budget: None,
        }
    }

    /// With one bias a class.
    ///
    /// # Panics
    ///
    /// When `bias` is not `[classes]`.
    pub fn with_bias(mut self, bias: Tensor<1>) -> Self {
        let [_, classes] = self.dims();
        check_shape!("LinearLogits", bias, [classes]);
        self.bias = Some(bias);
        self
    }

    /// Divided by a temperature.
    ///
    /// # Errors
    ///
    /// Unless it is finite and > 0.
    pub fn with_temperature(mut self, temperature: f64) -> Result<Self, ConfigError> {
        self.map.temperature = ConfigError::positive("LinearLogits", "temperature", temperature)?;
        Ok(self)
    }

    /// Kept within ±`soft_cap` by a hyperbolic tangent, before the temperature.
    ///
    /// # Errors
    ///
    /// Unless it is finite and > 0.
    pub fn with_soft_cap(mut self, soft_cap: f64) -> Result<Self, ConfigError> {
        self.map.soft_cap = Some(ConfigError::positive("LinearLogits", "soft_cap", soft_cap)?);
        Ok(self)
    }

    /// Without class i in row i: where rows and classes are the same things, none is compared with itself.
    ///
    /// Log-probabilities, log-sum-exp, entropy and the top-1 hit are of the other classes; the mean logit, and with it
    /// label smoothing, means nothing. A row that has no other class has no distribution either.
    pub fn without_own_class(mut self) -> Self {
        self.map.without_own_class = true;
        self
    }

    /// With another budget for a tile of logits.
    pub fn with_budget(mut self, budget: MemoryBudget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Rows and classes.
    pub fn dims(&self) -> [usize; 2] {
        [self.hidden.dims()[0], self.weight.dims()[0]]
    }

    /// The logits themselves, `[rows, classes]`, in `f32` for half-precision operands.
    pub fn materialize(self) -> Tensor<2> {
        let [_, classes] = self.dims();
        let (hidden, weight) = (sum_precision(self.hidden), sum_precision(self.weight));
        let mut logits = hidden.matmul(weight.transpose());
        if let Some(bias) = self.bias {
            logits = logits + sum_precision(bias).reshape([1, classes]);
        }
        if let Some(cap) = self.map.soft_cap {
            // Autodiff divides by an `f32`, whatever the tensors are.
            logits = (logits * (1.0 / cap)).tanh() * cap;
        }
        if self.map.is_tempered() {
            logits = logits * self.map.scale();
        }
        if self.map.without_own_class {
            let device = logits.device().without_autodiff();
            let others = Tensor::<2, Bool>::diag_mask(logits.dims(), 0, &device);
            logits = logits.mask_fill(others.bool_not(), LEFT_OUT);
        }
        logits
    }

    /// Divides by a temperature that was checked, on top of the one that is there.
    pub(super) fn tempered(mut self, temperature: f64) -> Self {
        self.map.temperature *= temperature;
        self
    }

    pub(super) fn device(&self) -> Device {
        self.hidden.device()
    }

    /// The same number for each row, in the type that sums are kept in.
    pub(super) fn row_constants(&self, value: f64) -> Tensor<1> {
        let [rows, _] = self.dims();
        let dtype = match self.weight.dtype() {
            DType::F64 => DType::F64,
            _ => DType::F32,
        };
        Tensor::full([rows], value, (&self.device().without_autodiff(), dtype))
    }

    pub(super) fn budget(&self) -> MemoryBudget {
        self.budget
            .unwrap_or_else(|| default_budget(&self.device()))
    }

    pub(super) fn plan(&self) -> Plan {
        Plan {
            map: self.map,
            budget: self.budget(),
            wanted: Wanted::default(),
        }
    }

    /// The bias, or one without entries.
    pub(super) fn bias_or_empty(&self) -> Tensor<1> {
        self.bias.clone().unwrap_or_else(|| {
            let device = self.device().without_autodiff();
            Tensor::empty([0], (&device, self.weight.dtype()))
        })
    }

    /// Whether the operators are registered for this backend.
    pub(super) fn is_fused(&self) -> bool {
        has_extensions(&self.device())
    }
}

/// A tile should stay near a processor's caches, and fill a graphics processor.
fn default_budget(device: &Device) -> MemoryBudget {
    match device.clone().without_autodiff().as_dispatch() {
        #[cfg(feature = "cube")]
        DispatchDevice::Cube(_) => MemoryBudget::mib(256),
        #[allow(unreachable_patterns)]
        _ => MemoryBudget::mib(48),
    }
}

/// The type that sums are kept in.
pub(super) fn sum_precision<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    match tensor.dtype() {
        DType::F16 | DType::BF16 => tensor.cast(FloatDType::F32),
        _ => tensor,
    }
}
