use burn::module::Module;
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::Tensor;

/// The training loop of the claims: so many steps of an optimizer towards a loss.
///
/// Claims train models of a few thousand parameters for a few hundred steps. burn-train's threads, metrics and files
/// would take longer than that training, and a claim needs none of them: it is never resumed, it is run again.
#[derive(Clone)]
pub(super) struct Descent {
    optimizer: ModuleOptimizer,
    rate: Rate,
    steps: usize,
}

/// The learning rate over the steps.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rate {
    /// The same in every step.
    Constant(f64),
    /// Half a cosine, from this down to zero.
    Cosine(f64),
}

impl Descent {
    /// Plain gradient descent; it keeps no state, so two runs in a row are one longer run.
    pub(super) fn gradient(rate: f64, steps: usize) -> Self {
        Self {
            optimizer: SgdConfig::new().init(),
            rate: Rate::Constant(rate),
            steps,
        }
    }

    /// Adam with the constants that the sheets' PyTorch trials had: Burn's ε is 1e-5, PyTorch's 1e-8.
    pub(super) fn adam(rate: f64, steps: usize) -> Self {
        Self {
            optimizer: AdamConfig::new().with_epsilon(1e-8).init(),
            rate: Rate::Constant(rate),
            steps,
        }
    }

    /// [`adam`](Self::adam) with a weight decay that is added to the gradient.
    pub(super) fn adam_with_decay(rate: f64, weight_decay: f32, steps: usize) -> Self {
        let decay = WeightDecayConfig::new(weight_decay);
        Self {
            optimizer: AdamConfig::new()
                .with_epsilon(1e-8)
                .with_weight_decay(Some(decay))
                .init(),
            ..Self::adam(rate, steps)
        }
    }

    /// Nesterov's momentum as PyTorch has it: without the dampening that is Burn's default.
    pub(super) fn nesterov(momentum: f64, weight_decay: f32, rate: Rate, steps: usize) -> Self {
        let momentum = MomentumConfig::new()
            .with_momentum(momentum)
            .with_dampening(0.0)
            .with_nesterov(true);
        let optimizer = SgdConfig::new()
            .with_momentum(Some(momentum))
            .with_weight_decay(Some(WeightDecayConfig::new(weight_decay)))
            .init();
        Self {
            optimizer,
            rate,
            steps,
        }
    }

    /// Trains `start`; `loss` sees the model with gradients on and the number of the step, counted from zero.
    ///
    /// The result is in inference mode, without gradients, as `start` may be.
    pub(super) fn run<M: Module>(
        mut self,
        start: M,
        mut loss: impl FnMut(&M, usize) -> Tensor<1>,
    ) -> M {
        let trained = (0..self.steps).fold(start.train(), |model, step| {
            let gradients = GradientsParams::from_grads(loss(&model, step).backward(), &model);
            self.optimizer
                .step(self.rate.at(step, self.steps), model, gradients)
        });
        trained.valid()
    }
}

impl Rate {
    fn at(self, step: usize, steps: usize) -> f64 {
        match self {
            Self::Constant(rate) => rate,
            Self::Cosine(rate) => {
                let done = step as f64 / steps as f64;
                rate * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::module::Initializer;
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Device;

    use super::*;

    /// A single weight, started at zero.
    fn weight() -> Linear {
        LinearConfig::new(1, 1)
            .with_bias(false)
            .with_initializer(Initializer::Zeros)
            .init(&Device::flex())
    }

    /// (w - 1)² / 2, whose gradient is w - 1.
    fn bowl(model: &Linear) -> Tensor<1> {
        (model.weight.val() - 1.0).square().mean() * 0.5
    }

    fn reached(descent: Descent) -> f32 {
        descent
            .run(weight(), |model, _| bowl(model))
            .weight
            .val()
            .into_scalar()
    }

    #[test]
    fn a_gradient_step_covers_its_share_of_the_way() {
        assert!((reached(Descent::gradient(0.1, 2)) - 0.19).abs() < 1e-6);
    }

    #[test]
    fn adams_first_step_has_the_length_of_the_rate() {
        assert!((reached(Descent::adam(0.05, 1)) - 0.05).abs() < 1e-6);
    }

    #[test]
    fn nesterov_looks_ahead_by_the_momentum() {
        // PyTorch: the first step is rate (1 + momentum) times the gradient.
        let descent = Descent::nesterov(0.9, 0.0, Rate::Constant(0.1), 1);
        assert!((reached(descent) - 0.19).abs() < 1e-6);
    }

    #[test]
    fn a_cosine_ends_near_zero() {
        let rate = Rate::Cosine(0.2);
        assert!((rate.at(0, 10) - 0.2).abs() < 1e-12 && (rate.at(5, 10) - 0.1).abs() < 1e-12);
        assert!(rate.at(9, 10) < 0.006);
    }
}
