//! What the contrastive losses hold beside their views and the gradients of these.
#![cfg(feature = "flex")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use burn::nn::loss::Reduction;
use burn::tensor::{Device, Int, Tensor};
use candor_core::MemoryBudget;
use candor_losses::contrastive::{
    HardInfoNceLossConfig, HardSimpleContrastiveLossConfig, InfoNceLossConfig, NtXentLossConfig,
    SupConLossConfig,
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

type Loss = Box<dyn Fn(Tensor<2>, Tensor<2>) -> Tensor<1>>;

const WIDTH: usize = 16;
const BUDGET: MemoryBudget = MemoryBudget::mib(2);

/// Bytes above what was live before a forward and a backward pass over so many rows a view.
fn peak(rows: usize, loss: &Loss) -> usize {
    let device = Device::flex();
    let view = |phase: f32| {
        let steps = Tensor::<1, Int>::arange(0..(rows * WIDTH) as i64, &device).float();
        (steps * 0.737 + phase)
            .sin()
            .reshape([rows, WIDTH])
            .autodiff()
            .require_grad()
    };
    let (first, second) = (view(0.1), view(0.4));
    // The first call fills what the matrix product keeps for itself.
    drop(loss(first.clone(), second.clone()).backward());
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let gradients = loss(first.clone(), second).backward();
    assert!(first.grad(&gradients).is_some());
    MEMORY.peak_usage() - before
}

/// One test, for the allocator counts the whole process.
#[test]
fn the_peak_grows_with_the_rows_and_not_with_their_pairs() {
    let info_nce = InfoNceLossConfig::new().with_two_sided(true);
    let info_nce = info_nce.with_budget(Some(BUDGET)).init().unwrap();
    let by_row = info_nce.clone();
    let nt_xent = NtXentLossConfig::new().with_budget(Some(BUDGET));
    let nt_xent = nt_xent.init().unwrap();
    let rows_of_nt_xent = nt_xent.clone();
    let hard = HardInfoNceLossConfig::new().with_budget(Some(BUDGET));
    let hard = hard.init().unwrap();
    let hard_simple = HardSimpleContrastiveLossConfig::new().with_budget(Some(BUDGET));
    let hard_simple = hard_simple.init().unwrap();
    let sup_con = SupConLossConfig::new().with_budget(Some(BUDGET));
    let sup_con = sup_con.init().unwrap();
    let losses: [(&str, Loss); 7] = [
        (
            "InfoNceLoss",
            Box::new(move |a, b| info_nce.forward(a, b, Reduction::Mean)),
        ),
        (
            "InfoNceLoss by row",
            Box::new(move |a, b| by_row.forward_no_reduction(a, b).mean()),
        ),
        (
            "NtXentLoss",
            Box::new(move |a, b| nt_xent.forward(a, b, Reduction::Mean)),
        ),
        (
            "NtXentLoss by row",
            Box::new(move |a, b| rows_of_nt_xent.forward_no_reduction(a, b).mean()),
        ),
        (
            "HardInfoNceLoss",
            Box::new(move |a, b| hard.forward(a, b, Reduction::Mean)),
        ),
        (
            "HardSimpleContrastiveLoss",
            Box::new(move |a, b| hard_simple.forward(a, b, Reduction::Mean)),
        ),
        (
            "SupConLoss",
            Box::new(move |a, b| {
                let [rows, _] = a.dims();
                let labels = Tensor::<1, Int>::arange(0..rows as i64, &Device::flex());
                let labels = labels.remainder_scalar(10);
                sup_con.forward(a + b, labels, Reduction::Mean)
            }),
        ),
    ];
    for (name, loss) in losses {
        let (few, many) = (peak(512, &loss), peak(2048, &loss));
        eprintln!("{name}: {few} bytes for 512 rows, {many} for 2048");
        // What a row takes: its views, normalised and scaled, their gradients, and what a row's statistics are.
        let of_rows = (2048 - 512) * WIDTH * 4 * 24;
        assert!(many < few + of_rows, "{name}: {few} bytes, then {many}");
        // All similarities of 2048 rows would be 16 MiB, and of the 4096 rows of NT-Xent 64 MiB.
        assert!(many < 6 << 20, "{name}: {many} bytes");
    }
}
