use burn::tensor::{DType, Device, Distribution, FloatDType, Int, Tensor};
use candor_core::linear::LinearLogits;

/// Hidden states and an output matrix with random entries, as a language model ends with.
#[derive(Debug, Clone)]
pub struct RandomHead {
    /// `[rows, width]`, normal.
    pub hidden: Tensor<2>,
    /// `[classes, width]`, normal with a deviation of 1/√width: that of the logits is 1.
    pub weight: Tensor<2>,
}

impl RandomHead {
    /// Constants of a precision; rows, classes and width in this order.
    pub fn new([rows, classes, width]: [usize; 3], precision: FloatDType, device: &Device) -> Self {
        let device = device.clone().without_autodiff();
        let normal = |shape: [usize; 2], deviation| {
            // Drawn in `f32`: not every device draws in every type.
            let distribution = Distribution::Normal(0.0, deviation);
            let drawn = Tensor::<2>::random(shape, distribution, (&device, DType::F32));
            drawn.cast(precision)
        };
        Self {
            hidden: normal([rows, width], 1.0),
            weight: normal([classes, width], (width as f64).sqrt().recip()),
        }
    }

    /// The same with gradients asked of both.
    pub fn tracked(self) -> Self {
        Self {
            hidden: self.hidden.autodiff().require_grad(),
            weight: self.weight.autodiff().require_grad(),
        }
    }

    /// As logits that are not multiplied out.
    pub fn logits(&self) -> LinearLogits {
        LinearLogits::new(self.hidden.clone(), self.weight.clone())
    }

    /// One target a row, spread over the classes.
    pub fn targets(&self) -> Tensor<1, Int> {
        let ([rows, _], [classes, _]) = (self.hidden.dims(), self.weight.dims());
        let device = self.hidden.device().without_autodiff();
        (Tensor::<1, Int>::arange(0..rows as i64, &device) * 7).remainder_scalar(classes as i64)
    }
}
