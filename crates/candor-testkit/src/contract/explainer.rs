use burn::tensor::{Device, Tensor};
use candor_core::host::floats;
use candor_core::{Attribution, ExplainError, Predictor, Target};

use crate::devices;

/// A model of two inputs rows at a time, behind a pointer, so that one table holds many methods.
type Model = Box<dyn Fn(Tensor<2>) -> Tensor<2>>;
type Explain<'a> =
    Box<dyn Fn(&Model, Tensor<2>, &Target) -> Result<Attribution<2>, ExplainError> + 'a>;

/// An attribution method as its contract sees it.
///
/// Sampling methods are given with a fixed key for their draws: the contract asks that a row's explanation is
/// the same alone and in a batch.
pub struct Explainer<'a> {
    name: &'static str,
    explain: Explain<'a>,
    linear: Linear,
}

/// What a method must give on a linear model `w·x + c` with a baseline of zero.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Linear {
    Weights,
    WeightsTimesInput,
    Unchecked,
}

impl<'a> Explainer<'a> {
    /// A method by its `explain`.
    pub fn new(
        name: &'static str,
        explain: impl Fn(&Model, Tensor<2>, &Target) -> Result<Attribution<2>, ExplainError> + 'a,
    ) -> Self {
        Self {
            name,
            explain: Box::new(explain),
            linear: Linear::Unchecked,
        }
    }

    /// On a linear model it gives the weights (gradient-like methods).
    pub fn gives_weights(mut self) -> Self {
        self.linear = Linear::Weights;
        self
    }

    /// On a linear model it gives weight times input (methods that attribute a difference to a zero baseline).
    pub fn gives_weights_times_input(mut self) -> Self {
        self.linear = Linear::WeightsTimesInput;
        self
    }

    /// Holds every promise, on every device.
    pub fn check(&self) {
        for device in devices() {
            self.has_the_shape_of_its_input(&device.device);
            self.a_constant_model_needs_no_explanation(&device.device);
            self.a_linear_model_is_explained_exactly(&device.device);
            self.a_row_is_explained_alike_alone_and_in_a_batch(&device.device);
            self.a_missing_output_is_an_error(&device.device);
            self.extreme_scores_stay_finite(&device.device);
        }
    }

    fn has_the_shape_of_its_input(&self, device: &Device) {
        let inputs = inputs(device);
        let attribution = self.explain(&curved(), inputs.clone(), &Target::PerRow(vec![0, 1, 0]));
        assert_eq!(
            attribution.values.dims(),
            inputs.dims(),
            "{}: shape of the input",
            self.name
        );
        assert!(
            attribution.model_calls > 0,
            "{}: says what it cost",
            self.name
        );
    }

    fn a_constant_model_needs_no_explanation(&self, device: &Device) {
        let constant: Model = Box::new(|x: Tensor<2>| x.clone() * 0.0 + 3.0);
        let values = self
            .explain(&constant, inputs(device), &Target::Output(1))
            .values;
        self.close(&floats(&values), &[0.0; 9], 1e-6, "a constant model");
    }

    fn a_linear_model_is_explained_exactly(&self, device: &Device) {
        if self.linear == Linear::Unchecked {
            return;
        }
        let weights = [[2.0, -1.0], [0.5, 3.0], [-4.0, 0.25]];
        let linear: Model = Box::new(move |x: Tensor<2>| {
            let weights = Tensor::<2>::from_floats(weights, &x.device().without_autodiff());
            x.matmul(weights) + 0.7
        });
        let inputs = inputs(device);
        let seen = self
            .explain(&linear, inputs.clone(), &Target::Output(0))
            .values;
        let wanted: Vec<f64> = floats(&inputs)
            .iter()
            .enumerate()
            .map(|(index, input)| {
                let weight = weights[index % 3][0];
                if self.linear == Linear::Weights {
                    weight
                } else {
                    weight * input
                }
            })
            .collect();
        self.close(&floats(&seen), &wanted, 1e-3, "a linear model");
    }

    fn a_row_is_explained_alike_alone_and_in_a_batch(&self, device: &Device) {
        let inputs = inputs(device);
        let together = self.explain(&curved(), inputs.clone(), &Target::Output(1));
        let first = self.explain(&curved(), inputs.slice_dim(0, 0..1), &Target::Output(1));
        self.close(
            &first.row(0),
            &together.row(0),
            1e-4,
            "a row alone and in a batch",
        );
    }

    fn a_missing_output_is_an_error(&self, device: &Device) {
        let result = (self.explain)(&curved(), inputs(device), &Target::Output(2));
        assert!(
            matches!(
                result,
                Err(ExplainError::TargetOutOfRange {
                    target: 2,
                    outputs: 2
                })
            ),
            "{}: output 2 of 2 is an error",
            self.name
        );
    }

    fn extreme_scores_stay_finite(&self, device: &Device) {
        let steep: Model = Box::new(|x: Tensor<2>| x * 1e4);
        for value in floats(
            &self
                .explain(&steep, inputs(device), &Target::Output(0))
                .values,
        ) {
            assert!(
                value.is_finite(),
                "{}: scores of ±1e4 gave {value}",
                self.name
            );
        }
    }

    fn explain(&self, model: &Model, inputs: Tensor<2>, target: &Target) -> Attribution<2> {
        (self.explain)(model, inputs, target)
            .unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    fn close(&self, seen: &[f64], wanted: &[f64], tolerance: f64, what: &str) {
        for (index, (seen, wanted)) in seen.iter().zip(wanted).enumerate() {
            assert!(
                (seen - wanted).abs() <= tolerance * (1.0 + wanted.abs()),
                "{}: {what}: entry {index} is {seen}, wanted {wanted}",
                self.name
            );
        }
    }
}

fn inputs(device: &Device) -> Tensor<2> {
    Tensor::from_floats(
        [[0.5, -1.0, 2.0], [1.5, 0.25, -0.75], [-0.3, 0.9, 1.1]],
        device,
    )
}

/// A smooth model of three inputs and two outputs.
fn curved() -> Model {
    Box::new(|x: Tensor<2>| {
        let total = x.clone().tanh().sum_dim(1);
        let product = x.clone().slice_dim(1, 0..1) * x.slice_dim(1, 1..2);
        Tensor::cat(vec![total.clone() + product.clone(), total * product], 1)
    })
}

// The contract's models are themselves predictors, by the blanket implementation for closures.
const _: fn(&Model) = |model| {
    fn predictor(_: &impl Predictor<2>) {}
    predictor(model);
};
