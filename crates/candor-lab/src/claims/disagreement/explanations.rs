use burn::tensor::{Tensor, TensorData};
use candor_core::{DrawKey, ExplainError, Predictor, Target, host, output_gradient};
use candor_explain::attribution::{
    Baseline, IntegratedGradientsConfig, LocalFunctionApproximationConfig, Noise, PerturbationSet,
    Quadrature, VanillaGradientConfig,
};
use candor_metrics::agreement::TokenReduce;
use rand::RngExt;
use rand_distr::StandardNormal;

use crate::run::RunError;

/// How many explainers there are.
pub(super) const EXPLAINERS: usize = 4;
/// Steps of integrated gradients.
const STEPS: usize = 12;
/// Draws of GradientSHAP.
const DRAWS: usize = 12;
/// Deviation of GradientSHAP's noise.
const NOISE: f64 = 0.09;
/// Masks of LIME.
const MASKS: usize = 120;
/// Width of LIME's kernel, in shares of the text taken away.
const KERNEL_WIDTH: f64 = 0.35;
/// LIME's penalty.
const RIDGE: f64 = 1.0;
/// Added to the seed for LIME's masks.
const MASK_DRAWS: u64 = 2 << 32;

/// Scores `[texts, tokens]`, not negative, of gradient × (x − PAD), integrated gradients, GradientSHAP and LIME, for embeddings and the embeddings of nothing (PAD).
pub(super) fn explain(
    model: &impl Predictor<3>,
    embedded: &Tensor<3>,
    nothing: &Tensor<3>,
    seed: u64,
) -> Result<Vec<Tensor<2>>, RunError> {
    let target = Target::predicted(&model.predict(embedded.clone()));
    let slope = VanillaGradientConfig::new()
        .init()?
        .explain(model, embedded.clone(), &target)?;
    let integrated = IntegratedGradientsConfig::new()
        .with_n_steps(STEPS)
        .with_rule(Quadrature::RiemannMiddle)
        .init()?
        .explain(
            model,
            embedded.clone(),
            &target,
            &Baseline::Rows(nothing.clone()),
        )?;
    let per_entry = [
        slope.values * (embedded.clone() - nothing.clone()),
        integrated.values,
        gradient_shap(model, embedded, nothing, &target, seed)?,
    ];
    let mut scores: Vec<Tensor<2>> = per_entry
        .map(|values| TokenReduce::AbsSum.reduce(values))
        .into();
    scores.push(lime(model, embedded, nothing, &target, seed + MASK_DRAWS)?.abs());
    Ok(scores)
}

/// GradientSHAP: the mean over draws of `∇f(r + a (x̃ − r)) ⊙ (x̃ − r)`, `x̃ = x + ε`, `a ~ U(0, 1)`.
fn gradient_shap(
    model: &impl Predictor<3>,
    embedded: &Tensor<3>,
    nothing: &Tensor<3>,
    target: &Target,
    seed: u64,
) -> Result<Tensor<3>, ExplainError> {
    let [texts, tokens, width] = embedded.dims();
    let mut total = embedded.zeros_like();
    for draw in 0..DRAWS as u64 {
        let (mut shares, mut noise) = (Vec::new(), Vec::new());
        for text in 0..texts as u64 {
            let mut rng = DrawKey::new(seed).row(text).draw(draw).rng();
            shares.push(rng.random::<f64>());
            noise.extend((0..tokens * width).map(|_| NOISE * rng.sample::<f64, _>(StandardNormal)));
        }
        let noise = host::tensor_like(noise, embedded.dims(), embedded);
        let shares = host::tensor_like(shares, [texts, 1, 1], embedded);
        let moved = embedded.clone() + noise - nothing.clone();
        let points = nothing.clone() + moved.clone() * shares;
        total = total + output_gradient(model, points, target)?.gradient * moved;
    }
    Ok(total / DRAWS as f64)
}

/// LIME on tokens, with the kernel `exp(−d²/2κ²)` of the share `d` of the text that a mask takes away.
///
/// Candor's own LIME measures distance in the input, not in tokens; the framework under it takes any weight. The regression
/// runs on a model of the mask: which tokens to keep.
fn lime(
    model: &impl Predictor<3>,
    embedded: &Tensor<3>,
    nothing: &Tensor<3>,
    target: &Target,
    seed: u64,
) -> Result<Tensor<2>, RunError> {
    let [texts, tokens, _] = embedded.dims();
    let fit = LocalFunctionApproximationConfig::new()
        .with_noise(Noise::Multiplicative)
        .with_ridge(RIDGE)
        .init()?;
    let everything = Tensor::<2>::ones([1, tokens], &embedded.device());
    let mut scores = Vec::with_capacity(texts * tokens);
    for text in 0..texts {
        let moved = embedded.clone().slice_dim(0, text..text + 1) - nothing.clone();
        let masked = |kept: Tensor<2>| {
            model.predict(nothing.clone() + moved.clone() * kept.unsqueeze_dim::<3>(2))
        };
        let masks = masks(tokens, DrawKey::new(seed).row(text as u64), &everything);
        let target = target.of_rows(text..text + 1);
        let fitted = fit.fit(
            &masked,
            everything.clone(),
            &target,
            &Baseline::Zeros,
            &masks,
        )?;
        scores.extend(fitted.into_iter().flat_map(|surrogate| surrogate.weights));
    }
    Ok(Tensor::from_data(
        TensorData::new(scores, [texts, tokens]),
        &embedded.device(),
    ))
}

/// Masks that keep each token with probability one half, weighted by what they keep.
fn masks(tokens: usize, key: DrawKey, like: &Tensor<2>) -> PerturbationSet {
    let mut rng = key.rng();
    let kept: Vec<f64> = (0..MASKS * tokens)
        .map(|_| f64::from(u8::from(rng.random::<bool>())))
        .collect();
    let weight = |mask: &[f64]| {
        let gone = 1.0 - mask.iter().sum::<f64>() / tokens as f64;
        (-gone.powi(2) / (2.0 * KERNEL_WIDTH.powi(2))).exp()
    };
    let weights = kept.chunks(tokens).map(weight).collect();
    PerturbationSet::new(host::tensor_like(kept, [MASKS, tokens], like))
        .with_weights(host::tensor_like(weights, [MASKS], like))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn all_explainers_agree_on_a_linear_model() {
        // Embeddings of width 1 whose sum is the score: each token is worth itself, less 1 for the PAD.
        let device = Device::flex();
        let model = |embedded: Tensor<3>| embedded.sum_dim(1).squeeze_dim::<2>(2);
        let embedded = Tensor::<3>::from_floats([[[3.0], [-1.0], [1.0]]], &device);
        let nothing = Tensor::<3>::ones([1, 3, 1], &device);
        let scores = explain(&model, &embedded, &nothing, 0).unwrap();
        assert_eq!(scores.len(), EXPLAINERS);
        for (scores, tolerance) in scores.iter().zip([1e-6, 1e-6, 0.1, 0.2]) {
            for (score, wanted) in host::floats(scores).iter().zip([2.0, 2.0, 0.0]) {
                assert!((score - wanted).abs() < tolerance, "{score} {wanted}");
            }
        }
    }
}
