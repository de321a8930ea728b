//! Invariants of the formulas, their forms against one another and against the host, and bad input.

use burn::nn::loss::Reduction;
use burn::tensor::{DType, Device, Int, Tensor};
use candor_core::MemoryBudget;
use candor_core::host::floats;
use candor_losses::contrastive::{
    HardInfoNceLossConfig, HardSimpleContrastiveLossConfig, InfoNceLossConfig, NtXentLossConfig,
    PenaltyAnalysisConfig, SimilarityForm, SimpleContrastiveLossConfig, SupConLossConfig,
    high_temperature_limit, low_temperature_limit,
};
use proptest::prelude::*;

fn matrix(values: &[f64], width: usize) -> Tensor<2> {
    let options = (&Device::flex(), DType::F64);
    Tensor::<1>::from_data(values, options).reshape([values.len() / width, width])
}

fn vector(values: &[f64]) -> Tensor<1> {
    Tensor::from_data(values, (&Device::flex(), DType::F64))
}

/// Rows without pattern, in [-1, 1].
fn rows(count: usize, width: usize, phase: f64) -> Vec<f64> {
    (0..count * width)
        .map(|index| (index as f64 * 0.737 + phase).sin())
        .collect()
}

/// The rows of a matrix, divided by their length.
fn unit_rows(values: &[f64], width: usize) -> Vec<Vec<f64>> {
    let rows = values.chunks(width);
    rows.map(|row| {
        let length = row.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-12);
        row.iter().map(|x| x / length).collect()
    })
    .collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn log_sum_exp(values: &[f64]) -> f64 {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    values.iter().map(|x| (x - most).exp()).sum::<f64>().ln() + most
}

fn close(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{a} and {b}");
    }
}

/// A positive of each row, and the other columns as its negatives.
fn split(anchor: &[f64], positive: &[f64], width: usize) -> (Vec<f64>, Vec<f64>) {
    let (anchor, positive) = (unit_rows(anchor, width), unit_rows(positive, width));
    let mut pos = Vec::new();
    let mut neg = Vec::new();
    for (row, a) in anchor.iter().enumerate() {
        for (column, p) in positive.iter().enumerate() {
            if row == column { &mut pos } else { &mut neg }.push(dot(a, p));
        }
    }
    (pos, neg)
}

proptest! {
    #[test]
    fn the_batch_is_the_similarities_off_the_diagonal(
        anchor in prop::collection::vec(-1.0..1.0f64, 15),
        positive in prop::collection::vec(-1.0..1.0f64, 15),
        temperature in 0.05..2.0f64,
        fraction in 0.05..1.0f64,
    ) {
        let (pos, neg) = split(&anchor, &positive, 3);
        let (pos, neg) = (vector(&pos), matrix(&neg, 4));
        let (anchor, positive) = (matrix(&anchor, 3), matrix(&positive, 3));
        let plain = InfoNceLossConfig::new().with_temperature(temperature).init().unwrap();
        let hard = HardInfoNceLossConfig::new().with_temperature(temperature)
            .with_hard_fraction(fraction).init().unwrap();
        let simple = SimpleContrastiveLossConfig::new().init().unwrap();
        let hard_simple = HardSimpleContrastiveLossConfig::new().with_hard_fraction(fraction).init().unwrap();
        for (batch, similarities) in [
            (
                plain.forward_no_reduction(anchor.clone(), positive.clone()),
                plain.forward_similarities_no_reduction(pos.clone(), neg.clone()),
            ),
            (
                hard.forward_no_reduction(anchor.clone(), positive.clone()),
                hard.forward_similarities_no_reduction(pos.clone(), neg.clone()),
            ),
            (
                simple.forward_no_reduction(anchor.clone(), positive.clone()),
                simple.forward_similarities_no_reduction(pos.clone(), neg.clone()),
            ),
            (
                hard_simple.forward_no_reduction(anchor.clone(), positive.clone()),
                hard_simple.forward_similarities_no_reduction(pos.clone(), neg.clone()),
            ),
        ] {
            close(&floats(&batch), &floats(&similarities), 1e-9);
        }
        // Fewer negatives, a smaller sum.
        let (all, some) = (floats(&plain.forward_no_reduction(anchor.clone(), positive.clone())),
            floats(&hard.forward_no_reduction(anchor, positive)));
        prop_assert!(all.iter().zip(&some).all(|(all, some)| *some <= all + 1e-12 && *some >= 0.0));
    }

    #[test]
    fn a_constant_added_to_all_similarities_changes_nothing(
        pos in prop::collection::vec(-1.0..1.0f64, 2),
        neg in prop::collection::vec(-1.0..1.0f64, 8),
        shift in -20.0..20.0f64,
    ) {
        let moved = |values: &[f64]| -> Vec<f64> { values.iter().map(|x| x + shift).collect() };
        let there = (vector(&pos), matrix(&neg, 4));
        let here = (vector(&moved(&pos)), matrix(&moved(&neg), 4));
        let plain = InfoNceLossConfig::new().init().unwrap();
        let simple = SimpleContrastiveLossConfig::new().init().unwrap(); // λ = 1/K
        for loss in [
            &|(pos, neg): (Tensor<1>, Tensor<2>)| plain.forward_similarities_no_reduction(pos, neg)
                as Tensor<1>,
            &|(pos, neg)| simple.forward_similarities_no_reduction(pos, neg),
        ] as [&dyn Fn((Tensor<1>, Tensor<2>)) -> Tensor<1>; 2] {
            close(&floats(&loss(here.clone())), &floats(&loss(there.clone())), 1e-9);
        }
    }

    #[test]
    fn only_directions_count_and_order_does_not(
        first in prop::collection::vec(0.1..1.0f64, 8),
        second in prop::collection::vec(-1.0..1.0f64, 8),
        scale in 0.01..100.0f64,
    ) {
        let loss = NtXentLossConfig::new().init().unwrap();
        let (first, second) = (matrix(&first, 2), matrix(&second, 2));
        let value = |a: Tensor<2>, b: Tensor<2>| floats(&loss.forward(a, b, Reduction::Mean))[0];
        let there = value(first.clone(), second.clone());
        prop_assert!((there - value(second.clone(), first.clone())).abs() < 1e-9);
        prop_assert!((there - value(first * scale, second)).abs() < 1e-9);
    }

    #[test]
    fn sup_con_is_the_host_s_sum(
        values in prop::collection::vec(-1.0..1.0f64, 14),
        labels in prop::collection::vec(-1i64..2, 7),
        temperature in 0.05..2.0f64,
    ) {
        let loss = SupConLossConfig::new().with_temperature(temperature).init().unwrap();
        let z = unit_rows(&values, 2);
        let mut wanted = Vec::new();
        let mut valid = 0.0;
        for i in 0..7 {
            let others: Vec<usize> = (0..7).filter(|&j| j != i).collect();
            let logits: Vec<f64> = others.iter().map(|&j| dot(&z[i], &z[j]) / temperature).collect();
            let own: Vec<f64> = others.iter().zip(&logits)
                .filter(|(j, _)| labels[**j] == labels[i]).map(|(_, logit)| *logit).collect();
            if own.is_empty() {
                wanted.push(0.0);
            } else {
                wanted.push(log_sum_exp(&logits) - own.iter().sum::<f64>() / own.len() as f64);
                valid += 1.0;
            }
        }
        let (embeddings, labels) = (matrix(&values, 2), Tensor::<1, Int>::from_data(labels.as_slice(), &Device::flex()));
        close(&floats(&loss.forward_no_reduction(embeddings.clone(), labels.clone())), &wanted, 1e-9);
        prop_assert_eq!(floats(&loss.num_valid(labels.clone())), vec![valid]);
        let mean = floats(&loss.forward(embeddings, labels, Reduction::Mean));
        close(&mean, &[wanted.iter().sum::<f64>() / valid.max(1.0)], 1e-9);
    }

    #[test]
    fn penalties_sum_to_one_and_their_entropy_grows_with_the_temperature(
        neg in prop::collection::vec(-1.0..1.0f64, 12),
        fraction in 0.1..1.0f64,
    ) {
        let entropies: Vec<Vec<f64>> = [0.05, 0.1, 0.3, 1.0, 3.0].into_iter().map(|temperature| {
            let config = PenaltyAnalysisConfig::new().with_temperature(temperature);
            let found = config.init().unwrap().penalties(matrix(&neg, 6)).unwrap();
            close(&floats(&found.penalty.sum_dim(1)), &[1.0, 1.0], 1e-12);
            let hard = config.with_hard_fraction(Some(fraction)).init().unwrap();
            let hard = hard.penalties(matrix(&neg, 6)).unwrap();
            close(&floats(&hard.penalty.sum_dim(1)), &[1.0, 1.0], 1e-12);
            let entropy = floats(&found.entropy);
            prop_assert!(floats(&hard.entropy).iter().zip(&entropy).all(|(hard, all)| *hard <= all + 1e-9));
            Ok(entropy)
        }).collect::<Result<_, TestCaseError>>()?;
        for pair in entropies.windows(2) {
            prop_assert!(pair[0].iter().zip(&pair[1]).all(|(cold, warm)| cold < warm));
        }
    }
}

#[test]
fn a_bank_of_negatives_is_the_similarities_to_it() {
    let (anchor, positive, bank) = (rows(4, 3, 0.1), rows(4, 3, 1.1), rows(6, 3, 2.3));
    let [a, p, b] = [&anchor, &positive, &bank].map(|rows| unit_rows(rows, 3));
    let pos: Vec<f64> = a.iter().zip(&p).map(|(a, p)| dot(a, p)).collect();
    let neg: Vec<f64> = a.iter().flat_map(|a| b.iter().map(|b| dot(a, b))).collect();
    let loss = InfoNceLossConfig::new().init().unwrap();
    let of_similarities = loss.forward_similarities_no_reduction(vector(&pos), matrix(&neg, 6));
    let of_bank = loss.forward_memory_bank_no_reduction(
        matrix(&anchor, 3),
        matrix(&positive, 3),
        matrix(&bank, 3),
    );
    close(&floats(&of_bank), &floats(&of_similarities), 1e-10);
}

#[test]
fn two_sides_are_the_mean_of_both_directions() {
    let (a, b) = (matrix(&rows(5, 3, 0.4), 3), matrix(&rows(5, 3, 2.0), 3));
    let one = InfoNceLossConfig::new().init().unwrap();
    let two = InfoNceLossConfig::new()
        .with_two_sided(true)
        .init()
        .unwrap();
    let there = one.forward_no_reduction(a.clone(), b.clone());
    let back = one.forward_no_reduction(b.clone(), a.clone());
    let both = floats(&two.forward_no_reduction(a.clone(), b.clone()));
    close(&both, &floats(&((there + back) * 0.5)), 1e-12);
    close(&both, &floats(&two.forward_no_reduction(b, a)), 1e-12);
}

/// The temperature at which a row's similarity to itself is e^100 times and more that to any other.
#[test]
fn nt_xent_is_exact_where_a_row_is_far_nearer_to_itself_than_to_any_other() {
    let (first, second) = (rows(6, 16, 0.2), rows(6, 16, 3.0));
    let z: Vec<Vec<f64>> = [unit_rows(&first, 16), unit_rows(&second, 16)].concat();
    let temperature = 0.002;
    let wanted: Vec<f64> = (0..12)
        .map(|row| {
            let to = |other: usize| dot(&z[row], &z[other]) / temperature;
            let logits: Vec<f64> = (0..12).filter(|&other| other != row).map(to).collect();
            log_sum_exp(&logits) - to((row + 6) % 12)
        })
        .collect();
    let config = NtXentLossConfig::new().with_temperature(temperature);
    for budget in [None, Some(MemoryBudget::bytes(1))] {
        let loss = config.clone().with_budget(budget).init().unwrap();
        let seen = loss.forward_no_reduction(matrix(&first, 16), matrix(&second, 16));
        close(&floats(&seen), &wanted, 1e-9);
    }
}

#[test]
fn one_row_a_view_has_nobody_but_its_partner() {
    let loss = NtXentLossConfig::new().init().unwrap();
    let (a, b) = (matrix(&[0.3, 0.4], 2), matrix(&[-1.0, 2.0], 2));
    loss.validate(&a, &b).unwrap();
    close(
        &floats(&loss.forward_no_reduction(a, b)),
        &[0.0, 0.0],
        1e-12,
    );
}

type Views = fn(Tensor<2>, Tensor<2>, Option<MemoryBudget>, bool) -> Tensor<1>;

/// Mean losses with their own gradients, or as means of the rows' losses.
const LOSSES: [(&str, Views); 4] = [
    ("InfoNceLoss", |a, b, budget, rows| {
        let config = InfoNceLossConfig::new().with_two_sided(true);
        let loss = config.with_budget(budget).init().unwrap();
        if rows {
            return loss.forward_no_reduction(a, b).mean();
        }
        loss.forward(a, b, Reduction::Mean)
    }),
    ("NtXentLoss", |a, b, budget, rows| {
        let loss = NtXentLossConfig::new().with_budget(budget).init().unwrap();
        if rows {
            return loss.forward_no_reduction(a, b).mean();
        }
        loss.forward(a, b, Reduction::Mean)
    }),
    ("HardInfoNceLoss", |a, b, budget, rows| {
        let config = HardInfoNceLossConfig::new().with_hard_fraction(0.4);
        let loss = config.with_budget(budget).init().unwrap();
        if rows {
            return loss.forward_no_reduction(a, b).mean();
        }
        loss.forward(a, b, Reduction::Mean)
    }),
    ("HardSimpleContrastiveLoss", |a, b, budget, rows| {
        let config = HardSimpleContrastiveLossConfig::new().with_hard_fraction(0.4);
        let loss = config.with_budget(budget).init().unwrap();
        if rows {
            return loss.forward_no_reduction(a, b).mean();
        }
        loss.forward(a, b, Reduction::Mean)
    }),
];

#[test]
fn no_budget_changes_a_value_or_a_gradient() {
    let tracked = |phase| matrix(&rows(9, 4, phase), 4).autodiff().require_grad();
    for (name, loss) in LOSSES {
        let results = [
            (None, true),
            (None, false),
            (Some(1), false),
            (Some(1), true),
            (Some(300), false),
        ];
        let results = results.map(|(bytes, by_rows)| {
            let (a, b) = (tracked(0.3), tracked(1.7));
            let budget = bytes.map(MemoryBudget::bytes);
            let value = loss(a.clone(), b.clone(), budget, by_rows) * 3.0;
            let gradients = value.backward();
            let gradients = [&a, &b].map(|input| floats(&input.grad(&gradients).unwrap()));
            [floats(&value), gradients.concat()].concat()
        });
        for result in &results {
            eprintln!("{name}");
            close(result, &results[0], 1e-9);
        }
    }
}

#[test]
fn a_view_without_gradients_is_a_constant() {
    for (name, loss) in LOSSES {
        let a = matrix(&rows(5, 4, 0.3), 4).autodiff().require_grad();
        let b = matrix(&rows(5, 4, 1.7), 4);
        let gradients = loss(a.clone(), b, None, false).backward();
        let gradient = floats(&a.grad(&gradients).unwrap());
        assert!(gradient.iter().any(|entry| entry.abs() > 1e-6), "{name}");
    }
}

#[test]
fn the_parts_of_the_gradient_are_those_of_the_backward_pass_and_balance() {
    let loss = InfoNceLossConfig::new()
        .with_temperature(0.2)
        .init()
        .unwrap();
    let pos = vector(&rows(3, 1, 0.2)).autodiff().require_grad();
    let neg = matrix(&rows(3, 5, 1.2), 5).autodiff().require_grad();
    let losses = loss.forward_similarities_no_reduction(pos.clone(), neg.clone());
    let gradients = losses.sum().backward();
    let parts = loss.gradient_parts(pos.clone().inner(), neg.clone().inner());
    let (pull, push) = (
        floats(&parts.positive_gradient),
        floats(&parts.negative_gradients),
    );
    close(&pull, &floats(&pos.grad(&gradients).unwrap()), 1e-10);
    close(&push, &floats(&neg.grad(&gradients).unwrap()), 1e-10);
    for (pull, push) in pull.iter().zip(push.chunks(5)) {
        assert!((pull + push.iter().sum::<f64>()).abs() < 1e-12);
    }
}

#[test]
fn both_limits_are_the_loss_at_their_end() {
    let (pos, neg) = (vector(&rows(4, 1, 0.9)), matrix(&rows(4, 6, 0.1), 6));
    let scaled = |temperature: f64, less: f64| {
        let config = InfoNceLossConfig::new().with_temperature(temperature);
        let losses = config
            .init()
            .unwrap()
            .forward_similarities_no_reduction(pos.clone(), neg.clone());
        floats(&((losses - less) * temperature))
    };
    let low = floats(&low_temperature_limit(pos.clone(), neg.clone()));
    close(&scaled(1e-4, 0.0), &low, 1e-3);
    let high = floats(&high_temperature_limit(pos.clone(), neg.clone()));
    close(&scaled(1e4, 7f64.ln()), &high, 1e-3);
    let simple = SimpleContrastiveLossConfig::new().init().unwrap();
    let simple = simple.forward_similarities_no_reduction(pos.clone(), neg.clone());
    close(&floats(&(simple * (6.0 / 7.0))), &high, 1e-12);
}

#[test]
fn a_sweep_tells_how_many_negatives_matter() {
    let analysis = PenaltyAnalysisConfig::new().init().unwrap();
    let neg = matrix(&[0.9, 0.9, -0.9, -0.9], 4);
    let effects = analysis.sweep(&neg, &[0.01, 1e6]).unwrap();
    assert!((effects[0].effective_negatives - 2.0).abs() < 1e-9);
    assert!((effects[0].mean_max_penalty - 0.5).abs() < 1e-9);
    assert!((effects[1].effective_negatives - 4.0).abs() < 1e-5);
    assert!((effects[1].mean_entropy - 4f64.ln()).abs() < 1e-6);
    assert!(analysis.sweep(&neg, &[0.0]).is_err() && analysis.sweep(&neg, &[f64::NAN]).is_err());
    let one = analysis.penalties(matrix(&[0.3], 1)).unwrap();
    assert_eq!(
        (floats(&one.penalty), floats(&one.entropy)),
        (vec![1.0], vec![0.0])
    );
}

#[test]
fn rows_of_zeros_and_huge_similarities_stay_finite() {
    let zeros = Tensor::<2>::zeros([3, 2], &Device::flex());
    for (name, loss) in LOSSES {
        let a = zeros.clone().autodiff().require_grad();
        let value = loss(a.clone(), zeros.clone(), None, false);
        let gradient = floats(&a.grad(&value.backward()).unwrap());
        assert!(gradient.iter().all(|entry| entry.is_finite()), "{name}");
    }
    let info_nce = InfoNceLossConfig::new()
        .with_temperature(1.0)
        .init()
        .unwrap();
    let options = (&Device::flex(), DType::F32);
    let pos = Tensor::<1>::from_data([-1e4, 1e4], options);
    let neg = Tensor::<2>::from_data([[1e4, -1e4], [-1e4, -1e4]], options);
    assert_eq!(
        floats(&info_nce.forward_similarities_no_reduction(pos, neg)),
        [2e4, 0.0]
    );
}

#[test]
fn validation_names_what_is_wrong() {
    let info_nce = InfoNceLossConfig::new().init().unwrap();
    let hard = HardInfoNceLossConfig::new().init().unwrap();
    let nt_xent = NtXentLossConfig::new().init().unwrap();
    let sup_con = SupConLossConfig::new().init().unwrap();
    let of = |count, width| matrix(&rows(count, width, 0.0), width);
    assert!(info_nce.validate(&of(2, 3), &of(2, 3)).is_ok());
    assert!(info_nce.validate(&of(1, 3), &of(1, 3)).is_err());
    assert!(info_nce.validate(&of(2, 3), &of(3, 3)).is_err());
    assert!(hard.validate(&of(1, 3), &of(1, 3)).is_err());
    assert!(nt_xent.validate(&of(2, 3), &of(2, 4)).is_err());
    let empty = Tensor::<2>::zeros([0, 3], &Device::flex());
    assert!(nt_xent.validate(&empty, &empty).is_err());
    assert!(
        info_nce
            .validate_memory_bank(&of(1, 3), &of(1, 3), &of(4, 3))
            .is_ok()
    );
    assert!(
        info_nce
            .validate_memory_bank(&of(1, 3), &of(1, 3), &of(4, 2))
            .is_err()
    );
    assert!(
        info_nce
            .validate_memory_bank(&of(1, 3), &of(1, 3), &empty)
            .is_err()
    );
    let no_negatives = Tensor::<2>::zeros([1, 0], &Device::flex());
    assert!(
        info_nce
            .validate_similarities(&vector(&[0.5]), &no_negatives)
            .is_err()
    );
    let labels = Tensor::<1, Int>::from_data([1, 2], &Device::flex());
    assert!(sup_con.validate(&of(2, 3), &labels).is_ok());
    assert!(sup_con.validate(&of(3, 3), &labels).is_err());
    let analysis = PenaltyAnalysisConfig::new().init().unwrap();
    assert!(analysis.penalties(no_negatives).is_err());
}

#[test]
#[should_panic(expected = "NtXentLoss: second_view has shape [3, 2], wanted [2, 2]")]
fn a_wrong_shape_panics_in_one_line() {
    let loss = NtXentLossConfig::new().init().unwrap();
    let of = |count| matrix(&rows(count, 2, 0.0), 2);
    loss.forward(of(2), of(3), Reduction::Mean);
}
