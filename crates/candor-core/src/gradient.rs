use burn::tensor::Tensor;

use crate::{ExplainError, Predictor, Target};

/// The chosen scores of a batch and their gradient with respect to the inputs.
#[derive(Debug, Clone)]
pub struct OutputGradient<const D: usize> {
    /// Gradient of each row's chosen score, of the shape of the inputs.
    pub gradient: Tensor<D>,
    /// The chosen scores, `[batch]`.
    pub scores: Tensor<1>,
}

/// Gradient of the chosen output with respect to the input, row by row, in one forward and one backward pass.
///
/// Rows must not influence one another inside the model (no batch statistics): the gradient is that of the sum
/// of the chosen scores. A model whose output does not depend on its input at all is refused as not
/// differentiable only if it left the graph; a constant term added inside the graph gives zeros.
///
/// # Errors
///
/// A target that does not exist, or a model that left the autodiff graph.
pub fn output_gradient<const D: usize>(
    model: &impl Predictor<D>,
    inputs: Tensor<D>,
    target: &Target,
) -> Result<OutputGradient<D>, ExplainError> {
    let rows = inputs.dims()[0];
    let inputs = inputs.without_autodiff().autodiff().require_grad();
    let scores = model.predict(inputs.clone());
    if scores.dims()[0] != rows {
        return Err(ExplainError::PredictionRows {
            seen: scores.dims()[0],
            wanted: rows,
        });
    }
    let chosen = target.select(scores)?;
    if !chosen.is_tracked() {
        return Err(ExplainError::NotDifferentiable);
    }
    let gradients = chosen.clone().sum().backward();
    // A tracked score that never met the input has no gradient entry for it: its derivative is zero.
    let gradient = inputs
        .grad(&gradients)
        .unwrap_or_else(|| inputs.clone().without_autodiff().zeros_like());
    Ok(OutputGradient {
        gradient,
        scores: chosen.without_autodiff(),
    })
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn a_model_that_leaves_the_graph_is_an_error_and_not_a_zero() {
        let model = |x: Tensor<2>| x.without_autodiff();
        let inputs = Tensor::<2>::ones([2, 3], &Device::flex());
        let result = output_gradient(&model, inputs, &Target::Output(0));
        assert!(matches!(result, Err(ExplainError::NotDifferentiable)));
    }

    #[test]
    fn an_output_that_does_not_exist_is_named() {
        let inputs = Tensor::<2>::ones([2, 3], &Device::flex());
        let result = output_gradient(&|x: Tensor<2>| x, inputs, &Target::Output(3));
        assert!(matches!(
            result,
            Err(ExplainError::TargetOutOfRange {
                target: 3,
                outputs: 3
            })
        ));
    }
}
