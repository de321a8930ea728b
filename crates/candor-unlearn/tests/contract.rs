//! Every objective of the crate through the promises that all of them make, for classifiers and for token logits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use burn::tensor::{Device, Int, Tensor, TensorData};
use candor_testkit::contract::{Objective, check_config, check_refused, check_send_sync};
use candor_unlearn::{
    DpoUnlearn, DpoUnlearnConfig, GaKl, GaKlConfig, GradDiff, GradDiffConfig, GradientAscent,
    IGNORE_INDEX, Idk, IdkConfig, KtoUnlearn, KtoUnlearnConfig, Npo, NpoConfig, NpoKl, NpoKlConfig,
    NpoRt, NpoRtConfig, SequenceLogProbs, SimNpo, SimNpoConfig, UnlearnTerms, class_log_probs,
    class_retain_kl, retain_kl,
};

/// What the frozen reference gave, made from the rows' numbers alone.
fn reference(rows: &[usize], offset: f64, like: &Tensor<2>) -> Tensor<1> {
    let values = rows
        .iter()
        .map(|&row| -2.0 + (row as f64 * 1.3 + offset).sin())
        .collect();
    candor_core::host::tensor_like(values, [rows.len()], like)
}

fn labels(rows: &[usize], classes: usize, device: &Device) -> Tensor<1, Int> {
    let labels: Vec<i64> = rows.iter().map(|row| (row % classes) as i64).collect();
    Tensor::from_data(labels.as_slice(), device)
}

fn column(scores: &Tensor<2>, index: usize) -> Tensor<1> {
    scores.clone().slice_dim(1, index..index + 1).squeeze_dim(1)
}

/// One total of the whole batch, written once a row and in the input's precision, as the contract wants it.
fn repeated(total: Tensor<1>, scores: &Tensor<2>) -> Tensor<1> {
    total.repeat_dim(0, scores.dims()[0]).cast(scores.dtype())
}

/// Columns as the logits `[rows, 3 tokens, 4 words]` of a language model, every row with its own ignored label.
fn scored_tokens(scores: &Tensor<2>, rows: &[usize], first: usize) -> SequenceLogProbs {
    let logits = scores
        .clone()
        .slice_dim(1, first..first + 12)
        .reshape([rows.len(), 3, 4]);
    let label = |row: usize, token: usize| {
        if token == 1 + row % 2 {
            IGNORE_INDEX
        } else {
            ((row + token) % 4) as i64
        }
    };
    let labels: Vec<i64> = rows
        .iter()
        .flat_map(|&row| (0..3).map(move |token| label(row, token)))
        .collect();
    let labels = Tensor::from_data(TensorData::new(labels, [rows.len(), 3]), &scores.device());
    SequenceLogProbs::of_tokens(logits, labels, IGNORE_INDEX)
}

#[test]
fn npo_keeps_the_contract_at_every_beta() {
    for beta in [0.01, 0.1, 5.0] {
        let npo = NpoConfig::new().with_beta(beta).init().unwrap();
        Objective::new("Npo", 1, |scores, rows| {
            npo.forward_no_reduction(column(&scores, 0), reference(rows, 0.0, &scores))
        })
        .reduced(|scores, rows, reduction| {
            npo.forward(column(&scores, 0), reference(rows, 0.0, &scores), reduction)
        })
        .inputs(3.0, 1e4)
        .check();
    }
}

#[test]
fn npo_on_a_classifiers_logits_keeps_the_contract() {
    let npo = NpoConfig::new().init().unwrap();
    Objective::new("Npo of classes", 4, |scores, rows| {
        let logps = class_log_probs(scores.clone(), labels(rows, 4, &scores.device()));
        npo.forward_no_reduction(logps, reference(rows, 0.0, &scores))
            .cast(scores.dtype())
    })
    .check();
}

#[test]
fn npo_on_token_logits_keeps_the_contract() {
    let npo = NpoConfig::new().init().unwrap();
    Objective::new("Npo of tokens", 12, |scores, rows| {
        let logps = scored_tokens(&scores, rows, 0).sum();
        npo.forward_no_reduction(logps, reference(rows, 0.0, &scores))
            .cast(scores.dtype())
    })
    .check();
}

#[test]
fn sim_npo_keeps_the_contract() {
    let sim_npo = SimNpoConfig::new().with_gamma(0.4).init().unwrap();
    let counts = |rows: &[usize], device: &Device| labels(rows, 4, device); // 0 among them
    Objective::new("SimNpo", 1, |scores, rows| {
        sim_npo.forward_no_reduction(column(&scores, 0), counts(rows, &scores.device()))
    })
    .reduced(|scores, rows, reduction| {
        sim_npo.forward(
            column(&scores, 0),
            counts(rows, &scores.device()),
            reduction,
        )
    })
    .inputs(3.0, 1e4)
    .check();
}

#[test]
fn dpo_unlearn_keeps_the_contract() {
    let dpo = DpoUnlearnConfig::new().with_beta(0.5).init().unwrap();
    Objective::new("DpoUnlearn", 2, |scores, rows| {
        let [answer, refusal] = [0.0, 1.0].map(|offset| reference(rows, offset, &scores));
        dpo.forward_no_reduction(column(&scores, 0), answer, column(&scores, 1), refusal)
    })
    .reduced(|scores, rows, reduction| {
        let [answer, refusal] = [0.0, 1.0].map(|offset| reference(rows, offset, &scores));
        dpo.forward(
            column(&scores, 0),
            answer,
            column(&scores, 1),
            refusal,
            reduction,
        )
    })
    .inputs(3.0, 1e4)
    .check();
}

#[test]
fn kto_unlearn_keeps_the_contract() {
    let kto = KtoUnlearnConfig::new().with_beta(0.5).init().unwrap();
    // The refusals are constants: their mean is detached, and finite differences would see it.
    Objective::new("KtoUnlearn", 1, |scores, rows| {
        let [answer, refusal, idk] = [0.0, 1.0, 2.0].map(|offset| reference(rows, offset, &scores));
        kto.forward_no_reduction(column(&scores, 0), answer, idk, refusal)
    })
    .reduced(|scores, rows, reduction| {
        let [answer, refusal, idk] = [0.0, 1.0, 2.0].map(|offset| reference(rows, offset, &scores));
        kto.forward(column(&scores, 0), answer, idk, refusal, reduction)
    })
    .inputs(3.0, 1e4)
    .batch_dependent()
    .check();
}

/// A combined objective of a forget and a retain batch.
type Combined<'a> =
    Box<dyn Fn(SequenceLogProbs, Tensor<1>, SequenceLogProbs, Tensor<1>) -> UnlearnTerms + 'a>;

fn combined<'a>() -> Vec<(&'static str, Combined<'a>)> {
    let npo_rt = NpoRtConfig::new().init().unwrap();
    let npo_kl = NpoKlConfig::new().init().unwrap();
    let grad_diff = GradDiffConfig::new()
        .with_retain_weight(0.5)
        .init()
        .unwrap();
    let ga_kl = GaKlConfig::new().init().unwrap();
    let idk = IdkConfig::new().init().unwrap();
    vec![
        (
            "NpoRt",
            Box::new(move |forget, reference, retain, _| {
                npo_rt.forward(&forget, reference, &retain)
            }),
        ),
        (
            "NpoKl",
            Box::new(move |forget, reference, _, kl| npo_kl.forward(&forget, reference, kl)),
        ),
        (
            "GradDiff",
            Box::new(move |forget, _, retain, _| grad_diff.forward(&forget, &retain)),
        ),
        (
            "GaKl",
            Box::new(move |forget, _, _, kl| ga_kl.forward(&forget, kl)),
        ),
        (
            "Idk",
            Box::new(move |refusals, _, retain, _| idk.forward(&refusals, &retain)),
        ),
    ]
}

#[test]
fn combined_objectives_keep_the_contract_on_classes() {
    for (name, objective) in combined() {
        Objective::new(name, 6, |scores, rows| {
            let (forget, retain) = (
                scores.clone().slice_dim(1, 0..3),
                scores.clone().slice_dim(1, 3..6),
            );
            let labels = labels(rows, 3, &scores.device());
            let kl = class_retain_kl(retain.clone(), retain.zeros_like());
            let terms = objective(
                SequenceLogProbs::of_classes(forget, labels.clone()),
                reference(rows, 0.0, &scores),
                SequenceLogProbs::of_classes(retain, labels),
                kl,
            );
            repeated(terms.total, &scores)
        })
        .batch_dependent()
        .check();
    }
}

#[test]
fn combined_objectives_keep_the_contract_on_tokens() {
    for (name, objective) in combined() {
        Objective::new(name, 24, |scores, rows| {
            let retain = scores
                .clone()
                .slice_dim(1, 12..24)
                .reshape([rows.len(), 3, 4]);
            let mask = retain
                .clone()
                .detach()
                .slice_dim(2, 0..1)
                .squeeze_dim::<2>(2)
                .ones_like();
            let kl = retain_kl(
                retain.clone(),
                retain.zeros_like(),
                Some(mask.greater_scalar(0.5)),
            );
            let terms = objective(
                scored_tokens(&scores, rows, 0),
                reference(rows, 0.0, &scores),
                scored_tokens(&scores, rows, 12),
                kl,
            );
            repeated(terms.total, &scores)
        })
        .batch_dependent()
        .check();
    }
}

#[test]
fn gradient_ascent_keeps_the_contract() {
    Objective::new("GradientAscent", 4, |scores, rows| {
        let labels = labels(rows, 4, &scores.device());
        repeated(
            GradientAscent.forward(&SequenceLogProbs::of_classes(scores.clone(), labels)),
            &scores,
        )
    })
    .batch_dependent()
    .check();
}

#[test]
fn configurations_survive_json_and_types_cross_threads() {
    check_config(&NpoConfig::new(), NpoConfig::init);
    check_config(&NpoRtConfig::new(), NpoRtConfig::init);
    check_config(&NpoKlConfig::new(), NpoKlConfig::init);
    check_config(&GradDiffConfig::new(), GradDiffConfig::init);
    check_config(&GaKlConfig::new(), GaKlConfig::init);
    check_config(&IdkConfig::new(), IdkConfig::init);
    check_config(&DpoUnlearnConfig::new(), DpoUnlearnConfig::init);
    check_config(&KtoUnlearnConfig::new(), KtoUnlearnConfig::init);
    check_config(&SimNpoConfig::new(), SimNpoConfig::init);
    check_send_sync::<(
        Npo,
        NpoRt,
        NpoKl,
        GradDiff,
        GaKl,
        Idk,
        DpoUnlearn,
        KtoUnlearn,
        SimNpo,
    )>();
    check_send_sync::<(GradientAscent, SequenceLogProbs, UnlearnTerms)>();
}

#[test]
fn illegal_settings_are_refused_by_name() {
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        check_refused(NpoConfig::new().with_beta(bad).init(), "beta");
        check_refused(NpoRtConfig::new().with_beta(bad).init(), "beta");
        check_refused(
            NpoRtConfig::new().with_forget_weight(bad).init(),
            "forget_weight",
        );
        check_refused(
            NpoRtConfig::new().with_retain_weight(bad).init(),
            "retain_weight",
        );
        check_refused(NpoKlConfig::new().with_beta(bad).init(), "beta");
        check_refused(
            NpoKlConfig::new().with_forget_weight(bad).init(),
            "forget_weight",
        );
        check_refused(
            NpoKlConfig::new().with_retain_weight(bad).init(),
            "retain_weight",
        );
        check_refused(
            GradDiffConfig::new().with_forget_weight(bad).init(),
            "forget_weight",
        );
        check_refused(
            GradDiffConfig::new().with_retain_weight(bad).init(),
            "retain_weight",
        );
        check_refused(
            GaKlConfig::new().with_forget_weight(bad).init(),
            "forget_weight",
        );
        check_refused(
            GaKlConfig::new().with_retain_weight(bad).init(),
            "retain_weight",
        );
        check_refused(
            IdkConfig::new().with_forget_weight(bad).init(),
            "forget_weight",
        );
        check_refused(
            IdkConfig::new().with_retain_weight(bad).init(),
            "retain_weight",
        );
        check_refused(DpoUnlearnConfig::new().with_beta(bad).init(), "beta");
        check_refused(KtoUnlearnConfig::new().with_beta(bad).init(), "beta");
        check_refused(SimNpoConfig::new().with_beta(bad).init(), "beta");
    }
    check_refused(SimNpoConfig::new().with_gamma(f64::NAN).init(), "gamma");
    for result in [
        NpoConfig::new().with_beta(0.0).init(),
        NpoConfig::new().with_beta(-0.0).init(),
    ] {
        check_refused(result, "beta");
    }
}
