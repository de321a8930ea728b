use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{FloatDType, Tensor};

/// Scales all gradients of a module by one number, so that their norm taken together is at most `limit`.
///
/// ```text
/// g ← g · min(1, limit / ‖(g₁, g₂, …)‖)
/// ```
///
/// Burn's own clipping takes the norm of each parameter apart, which turns the step. Nothing is read from the device.
pub(crate) fn clip_global_norm(
    module: &impl Module,
    mut gradients: GradientsParams,
    limit: f64,
) -> GradientsParams {
    let mut squares = Squares {
        gradients: &gradients,
        sum: None,
    };
    module.visit(&mut squares);
    let Some(sum) = squares.sum else {
        return gradients;
    };
    // The smallest number beside the norm: gradients of zero stay zero.
    let factor = (sum.sqrt() + f64::from(f32::MIN_POSITIVE)).recip() * limit;
    module.visit(&mut Scaling {
        gradients: &mut gradients,
        factor: factor.clamp_max(1.0),
    });
    gradients
}

/// The sum of squares of all gradients, `[1]`, in `f32`.
struct Squares<'a> {
    gradients: &'a GradientsParams,
    sum: Option<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            let squares = gradient.cast(FloatDType::F32).square().sum();
            self.sum = Some(match self.sum.take() {
                Some(sum) => sum + squares,
                None => squares,
            });
        }
    }
}

struct Scaling<'a> {
    gradients: &'a mut GradientsParams,
    factor: Tensor<1>,
}

impl ModuleVisitor for Scaling<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            let factor = self.factor.clone().cast(gradient.dtype());
            let scaled = gradient * factor.reshape([1; D]);
            self.gradients.register(param.id, scaled);
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Device;
    use candor_core::host::floats;

    use super::*;

    /// Gradients of 3 for the weight and 4 for the bias: a norm of 5.
    fn gradients() -> (Linear, GradientsParams) {
        let linear = LinearConfig::new(1, 1).init(&Device::flex().autodiff());
        let input = Tensor::<2>::from_floats([[0.75]], &Device::flex());
        let gradients = (linear.forward(input).sum() * 4.0).backward();
        let gradients = GradientsParams::from_grads(gradients, &linear);
        (linear, gradients)
    }

    fn read(linear: &Linear, gradients: &GradientsParams) -> [f64; 2] {
        let weight = gradients.get::<2>(linear.weight.id).unwrap();
        let bias = gradients
            .get::<1>(linear.bias.as_ref().unwrap().id)
            .unwrap();
        [floats(&weight)[0], floats(&bias)[0]]
    }

    #[test]
    fn a_long_step_is_shortened_and_not_turned() {
        let (linear, gradients) = gradients();
        let clipped = clip_global_norm(&linear, gradients, 1.0);
        let [weight, bias] = read(&linear, &clipped);
        assert!((weight - 0.6).abs() < 1e-6 && (bias - 0.8).abs() < 1e-6);
    }

    #[test]
    fn a_short_step_stays() {
        let (linear, gradients) = gradients();
        let clipped = clip_global_norm(&linear, gradients, 5.5);
        let [weight, bias] = read(&linear, &clipped);
        assert!((weight - 3.0).abs() < 1e-6 && (bias - 4.0).abs() < 1e-6);
    }
}
