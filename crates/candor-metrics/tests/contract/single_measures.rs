//! What single measures promise beside that.

use burn::tensor::{Device, Tensor};
use candor_core::{Attribution, DrawKey, ExplainError, InputError, Target};
use candor_metrics::faithfulness::InfidelityConfig;
use candor_metrics::randomisation::MprtConfig;
use candor_metrics::robustness::SensitivityConfig;
use candor_testkit::devices;

use super::close;
use super::measures::Batch;

#[test]
fn drawn_and_given_draws_measure_the_same() {
    // On a linear model infidelity of its own gradient is zero for any draws.
    let device = Device::flex();
    let inputs = Tensor::<2>::from_floats([[0.3, -0.7], [1.0, 2.0]], &device);
    let model = |x: Tensor<2>| x.sum_dim(1);
    let infidelity = InfidelityConfig::new().init().unwrap();
    let gradient = inputs.ones_like();
    let drawn = infidelity
        .evaluate(
            &model,
            inputs.clone(),
            &gradient,
            &Target::Output(0),
            DrawKey::new(2),
        )
        .unwrap();
    let given = infidelity
        .evaluate_with(
            &model,
            inputs,
            &gradient,
            &Target::Output(0),
            Tensor::ones([6, 2], &device),
        )
        .unwrap();
    for value in drawn.into_iter().chain(given) {
        assert!(value < 1e-10);
    }
}

#[test]
fn sensitivity_depends_on_the_row_and_not_on_its_batch() {
    let sensitivity = SensitivityConfig::new().init().unwrap();
    // Input times gradient of Σ x²: 2x², twice as steep in relative terms as x.
    let explain =
        |x: Tensor<3>, target: &Target| Ok(Attribution::new(x.square() * 2.0, target.clone(), 1));
    for device in devices() {
        let batch = Batch::new(&device.device);
        let run = |b: Batch| {
            sensitivity
                .evaluate(b.inputs.clone(), &b.target, b.key(), explain)
                .unwrap()
        };
        let together = run(batch.clone());
        for (row, together) in together.iter().enumerate() {
            let alone = run(batch.row(row))[0];
            close(
                "sensitivity",
                &[alone.max, alone.mean],
                &[together.max, together.mean],
                1e-6,
            );
            assert!(together.max >= together.mean && together.mean > 0.0);
        }
    }
}

#[test]
fn an_explanation_of_zeros_has_no_sensitivity() {
    let b = Batch::new(&Device::flex());
    let sensitivity = SensitivityConfig::new().init().unwrap();
    let explain =
        |x: Tensor<3>, target: &Target| Ok(Attribution::new(x.zeros_like(), target.clone(), 1));
    let result = sensitivity.evaluate(b.inputs.clone(), &b.target, b.key(), explain);
    assert!(matches!(
        result,
        Err(ExplainError::Input(InputError::Undefined { .. }))
    ));
}

#[test]
fn randomising_the_weights_of_a_weight_dependent_explanation_lowers_mprt() {
    let device = Device::flex();
    let weights = Tensor::<1>::from_floats([1.0, 2.0, 3.0, 4.0], &device);
    let inputs = Tensor::<2>::ones([2, 4], &device);
    let explain = |weights: &Tensor<1>, x: Tensor<2>, target: &Target| {
        Ok(Attribution::new(
            x * weights.clone().unsqueeze(),
            target.clone(),
            1,
        ))
    };
    let mprt = MprtConfig::new(2).init().unwrap();
    let reports = mprt
        .evaluate(
            &weights,
            inputs,
            &Target::Output(0),
            |weights, _| weights.flip([0]),
            explain,
        )
        .unwrap();
    // Flipped once the ranks are reversed, flipped twice they are back.
    assert_eq!(reports.len(), 2);
    close("mprt", &reports[1].spearman, &[-1.0, 1.0], 1e-12);
}
