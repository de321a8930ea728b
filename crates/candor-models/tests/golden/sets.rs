//! The networks of the sheet on sets; its losses are mapped in candor-losses.

use burn::tensor::{Device, Tensor};
use candor_models::sets::{AdditiveAttention, LstmCell, PointerStep, ProcessBlock};
use candor_testkit::golden::{Case, OpResult, Outputs};

/// What candor-losses maps.
pub(crate) const IN_LOSSES: &[&str] = &[
    "om_order_losses",
    "om_exact_order_search",
    "om_ancestral_order",
    "om_assignment",
    "om_assignment_set_loss",
    "om_sort_metrics",
];

pub(crate) fn process_block(case: &Case, device: &Device) -> OpResult {
    let memory = case.tracked::<3>("memory", device);
    let device = &memory.device();
    let cell = LstmCell::from_weights(
        case.float("w_ih", device),
        case.float("w_hh", device),
        case.float("b_ih", device),
        case.float("b_hh", device),
    );
    let steps = case.count("steps").expect("a number of steps");
    let block = ProcessBlock::new(cell, steps);
    let mask = case.has("mask").then(|| case.bool::<2>("mask", device));
    if let Some(mask) = &mask {
        block.validate(&memory, mask)?;
    }
    let processed = block.forward(memory.clone(), mask);
    let outputs = Outputs::new()
        .tensor("q_star", &processed.embedding)
        .tensor("attention", &processed.attention);
    if steps == 0 {
        // Zeros, whatever the memory.
        let none = case.floats("memory").into_iter().map(|_| 0.0);
        return Ok(outputs.values("grad.memory", none));
    }
    let value = processed.embedding.square().sum();
    Ok(outputs.gradients(&value, &[("memory", &memory)]))
}

pub(crate) fn pointer_step(case: &Case, device: &Device) -> OpResult {
    let memory = case.tracked::<3>("memory", device);
    let query = case.tracked::<2>("query", device);
    let device = &memory.device();
    let attention = |name: &str| {
        let weight = |part: &str| -> Tensor<2> { case.float(&format!("{name}_{part}"), device) };
        let direction = case.float(&format!("{name}_v"), device);
        AdditiveAttention::from_weights(weight("wm"), weight("wq"), direction)
    };
    let glimpses = case.count("glimpses").expect("a number of glimpses");
    let step = PointerStep::new(attention("g"), attention("p"), glimpses);
    let available = case.bool::<2>("available", device);
    step.validate(&memory, &available)?;
    let output = step.forward(memory.clone(), query.clone(), available);
    let value = output.probs.clone().square().sum();
    let gradients = value.backward();
    let zeros = |name: &str| case.floats(name).into_iter().map(|_| 0.0).collect();
    let values = |gradient: Option<Vec<f64>>, name: &str| gradient.unwrap_or_else(|| zeros(name));
    let of_memory = memory.grad(&gradients);
    let of_query = query.grad(&gradients);
    Ok(Outputs::new()
        .tensor("prob", &output.probs)
        .tensor("log_prob", &output.log_probs)
        .tensor("query_out", &output.query)
        .values(
            "grad.memory",
            values(
                of_memory.map(|gradient| candor_core::host::floats(&gradient)),
                "memory",
            ),
        )
        .values(
            "grad.query",
            values(
                of_query.map(|gradient| candor_core::host::floats(&gradient)),
                "query",
            ),
        ))
}
