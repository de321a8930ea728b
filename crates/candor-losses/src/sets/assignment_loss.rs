use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor, TensorData};
use candor_core::numerics::label_log_probs;
use candor_core::{InputError, check_shape, host, in_f32, reduce};

use super::hungarian::hungarian;
use super::slot_targets::{check_shapes, check_values, of_targets};

const NAME: &str = "AssignmentLoss";

/// Cross-entropy of slots that are predicted in parallel, under the cheapest matching of slots with targets.
///
/// ```text
/// C[t, j] = -log softmax(logits_t)_{target_j}        loss = min over permutations σ of Σ_t C[t, σ(t)]
/// ```
///
/// Two steps, for the matching is found on the host: [`assign`](Self::assign) reads the device once and finds it, in
/// `f64`; [`forward`](Self::forward) is differentiable and stays on the device. The matching is a constant: the gradient
/// flows through the matched entries only. Nothing to configure.
///
/// # Edge cases
///
/// Equal targets are different elements of the set. One slot: cross-entropy. Of equally cheap matchings any is right.
///
/// # Source
///
/// Kuhn 1955; as a loss of sets Carion et al.: End-to-End Object Detection with Transformers, 2020, arXiv 2005.12872.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::sets::AssignmentLoss;
///
/// let device = Device::flex();
/// let slot_logits = Tensor::<3>::from_floats([[[20.0, 0.0], [0.0, 20.0]]], &device);
/// let targets = Tensor::<2, Int>::from_data([[1, 0]], &device); // the slots have them in the other order
/// let matching = AssignmentLoss.assign(&slot_logits, &targets).unwrap();
/// assert!(AssignmentLoss.forward(slot_logits, targets, matching, Reduction::Mean).into_scalar::<f32>() < 1e-6);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct AssignmentLoss;

impl AssignmentLoss {
    /// The target that each slot is matched with, `[batch, slots]`; reads logits of the targets to the host.
    ///
    /// # Errors
    ///
    /// An empty batch, another number of targets than slots, a target outside the vocabulary, logits that are not
    /// finite.
    pub fn assign(
        &self,
        slot_logits: &Tensor<3>,
        targets: &Tensor<2, Int>,
    ) -> Result<Tensor<2, Int>, InputError> {
        let [batch, slots, vocabulary] = slot_logits.dims();
        InputError::check_dims(NAME, "targets", &targets.dims(), &[batch, slots])?;
        InputError::check_not_empty(NAME, "targets", batch * slots)?;
        InputError::check_labels(NAME, "targets", &host::ints(targets), vocabulary)?;
        // A slot's normaliser is the same for all targets, so it decides nothing.
        let gains = of_targets(slot_logits.clone().without_autodiff(), targets.clone());
        let costs: Vec<f64> = host::floats(&gains).into_iter().map(|gain| -gain).collect();
        let mut columns = Vec::with_capacity(batch * slots);
        for cost in costs.chunks(slots * slots) {
            let matched = hungarian(cost, slots, slots)?.columns;
            columns.extend(matched.into_iter().flatten().map(|column| column as i64));
        }
        let data = TensorData::new(columns, [batch, slots]);
        Ok(Tensor::from_data(data, &targets.device()))
    }

    /// The loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - slot_logits: `[batch, slots, vocabulary]`
    /// - targets: `[batch, slots]`, in `0..vocabulary`
    /// - matching: `[batch, slots]`, the target of each slot in `0..slots`, from [`assign`](Self::assign)
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn forward(
        &self,
        slot_logits: Tensor<3>,
        targets: Tensor<2, Int>,
        matching: Tensor<2, Int>,
        reduction: Reduction,
    ) -> Tensor<1> {
        let losses = self.forward_no_reduction(slot_logits, targets, matching);
        reduce(losses, &reduction)
    }

    /// The loss of each example, `[batch]`: the sum over its slots.
    ///
    /// # Panics
    ///
    /// When the shapes do not fit.
    pub fn forward_no_reduction(
        &self,
        slot_logits: Tensor<3>,
        targets: Tensor<2, Int>,
        matching: Tensor<2, Int>,
    ) -> Tensor<1> {
        let [batch, slots, vocabulary] = slot_logits.dims();
        check_shapes(NAME, &slot_logits, &targets);
        check_shape!("AssignmentLoss", matching, [batch, slots]);
        let labels = targets.gather(1, matching).reshape([batch * slots]);
        in_f32(slot_logits, |logits| {
            let rows = logits.reshape([batch * slots, vocabulary]);
            let log_probs = label_log_probs(rows, labels).reshape([batch, slots]);
            -log_probs.sum_dim(1).reshape([batch])
        })
    }

    /// Looks for values the loss is not defined for; reads both arguments to the host.
    ///
    /// # Errors
    ///
    /// As [`assign`](Self::assign).
    pub fn validate(
        &self,
        slot_logits: &Tensor<3>,
        targets: &Tensor<2, Int>,
    ) -> Result<(), InputError> {
        check_values(NAME, slot_logits, targets)
    }
}
