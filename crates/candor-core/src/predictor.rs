use burn::tensor::Tensor;

/// A model as explainers and metrics see it: inputs of any rank, batch first, to scores `[batch, outputs]`.
///
/// Every closure `Fn(Tensor<D>) -> Tensor<2>` is one, and a module implements it in three lines. Pass a
/// trained module as [`Module::valid`](burn::module::Module::valid) gives it: on a plain device dropout would
/// still be active, and parameters that track gradients cost time for nothing.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::Predictor;
///
/// struct Doubler;
/// impl Predictor<2> for Doubler {
///     fn predict(&self, inputs: Tensor<2>) -> Tensor<2> {
///         inputs * 2.0
///     }
/// }
/// let inputs = Tensor::<2>::ones([1, 1], &Device::flex());
/// assert_eq!(Doubler.predict(inputs.clone()).into_scalar::<f32>(), 2.0);
/// assert_eq!((|x: Tensor<2>| x * 3.0).predict(inputs).into_scalar::<f32>(), 3.0);
/// ```
pub trait Predictor<const D: usize> {
    /// Scores `[batch, outputs]` of a batch of inputs; logits unless the model says otherwise.
    fn predict(&self, inputs: Tensor<D>) -> Tensor<2>;
}

impl<const D: usize, F: Fn(Tensor<D>) -> Tensor<2>> Predictor<D> for F {
    fn predict(&self, inputs: Tensor<D>) -> Tensor<2> {
        self(inputs)
    }
}
