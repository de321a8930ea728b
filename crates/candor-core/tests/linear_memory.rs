//! What the fused operators hold beside their operands and the gradients they return.
#![cfg(feature = "flex")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use burn::nn::loss::Reduction;
use burn::tensor::{Device, Int, Tensor};
use candor_core::MemoryBudget;
use candor_core::linear::{
    LinearCrossEntropyConfig, LinearKlConfig, LinearLogits, linear_log_probs,
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

type Loss = Box<dyn Fn(LinearLogits) -> Tensor<1>>;

const CLASSES: usize = 16_384;
const WIDTH: usize = 64;

/// Bytes beside a small head, of which a tile may take 4 MiB.
fn beside(rows: usize, loss: impl Fn(LinearLogits) -> Tensor<1>) -> usize {
    beside_head([rows, CLASSES, WIDTH], |logits| {
        loss(logits.with_budget(MemoryBudget::mib(4)))
    })
}

/// Bytes above what was live before, less the gradients of hidden states and weight.
fn beside_head(
    [rows, classes, width]: [usize; 3],
    loss: impl Fn(LinearLogits) -> Tensor<1>,
) -> usize {
    let device = Device::flex().autodiff();
    let hidden = Tensor::<2>::ones([rows, width], &device).require_grad();
    let weight = Tensor::<2>::ones([classes, width], &device).require_grad();
    let logits = LinearLogits::new(hidden.clone(), weight.clone());
    // The first call fills what the matrix product keeps for itself.
    drop(loss(logits.clone()).backward());
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let gradients = loss(logits).backward();
    let kept = 4 * width * (rows + classes);
    assert!(weight.grad(&gradients).is_some() && hidden.grad(&gradients).is_some());
    (MEMORY.peak_usage() - before).saturating_sub(kept)
}

/// One test, for the allocator counts the whole process.
#[test]
fn the_peak_does_not_grow_with_the_number_of_rows() {
    let targets =
        |logits: &LinearLogits| Tensor::<1, Int>::zeros([logits.dims()[0]], &Device::flex());
    let cross_entropy = LinearCrossEntropyConfig::new().init().unwrap();
    let kl = LinearKlConfig::new().init().unwrap();
    let losses: [(&str, Loss); 3] = [
        (
            "linear_log_probs",
            Box::new(move |logits| {
                let targets = targets(&logits);
                linear_log_probs(logits, targets).mean()
            }),
        ),
        (
            "LinearCrossEntropy",
            Box::new(move |logits| {
                let targets = targets(&logits);
                cross_entropy.forward(logits, targets, Reduction::Mean)
            }),
        ),
        (
            "LinearKl",
            Box::new(move |logits| {
                let teacher = Tensor::ones([logits.dims()[0], 2], &Device::flex());
                let teacher =
                    LinearLogits::new(teacher, Tensor::ones([CLASSES, 2], &Device::flex()));
                kl.forward(logits, teacher, Reduction::Mean)
            }),
        ),
    ];
    // Under the default budget: the head of a small language model, whose logits are 96 MiB, and 4 GiB of logits.
    for head in [[512, 49_152, 576], [8192, 131_072, 16]] {
        let bytes = beside_head(head, &losses[1].1);
        eprintln!("LinearCrossEntropy: {bytes} bytes beside a head of {head:?}");
        assert!(bytes < 64 << 20, "{head:?}: {bytes} bytes");
    }
    for (name, loss) in losses {
        let (few, many) = (beside(128, &loss), beside(2048, &loss));
        eprintln!("{name}: {few} bytes beside 128 rows, {many} beside 2048");
        // Rows times classes would be 8 MiB and 128 MiB. Hidden states, targets and statistics grow with the rows.
        let per_row = 4 * (2048 - 128) * (4 * WIDTH + 64);
        assert!(many < few + per_row, "{name}: {few} bytes, then {many}");
        assert!(many < 6 << 20, "{name}: {many} bytes");
    }
}
