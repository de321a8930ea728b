//! Every objective through the promises that all of them make.

use burn::tensor::{Int, Tensor};
use candor_losses::graphs::{
    GraphInfoNceLoss, GraphInfoNceLossConfig, GraphMaxMarginLoss, GraphMaxMarginLossConfig,
    GraphPerturbation, PadMode, SequenceMarginLoss, SequenceMarginLossConfig,
    TokenUnlikelihoodLoss, TokenUnlikelihoodLossConfig,
};
use candor_testkit::contract::{Objective, check_config, check_refused, check_send_sync};

const TOKENS: usize = 3;
const VOCABULARY: usize = 4;

/// Logits of three tokens in twelve columns, so that the contract sees rows.
fn logits(scores: Tensor<2>) -> Tensor<3> {
    let [rows, _] = scores.dims();
    scores.reshape([rows, TOKENS, VOCABULARY])
}

/// Tokens that depend on the row's number; some are 0, the padding.
fn tokens(rows: &[usize], step: usize, like: &Tensor<2>) -> Tensor<2, Int> {
    let tokens = rows.iter().flat_map(|row| {
        (0..TOKENS).map(move |place| ((row * step + place + 1) % VOCABULARY) as i64)
    });
    let tokens: Vec<i64> = tokens.collect();
    Tensor::<1, Int>::from_data(tokens.as_slice(), &like.device()).reshape([rows.len(), TOKENS])
}

#[test]
fn max_margin_keeps_the_contract_however_padding_counts() {
    for pad_mode in [PadMode::Masked, PadMode::AsPublished] {
        for beta in [0.3, 1.0] {
            let config = GraphMaxMarginLossConfig::new();
            let loss = config
                .with_pad_mode(pad_mode)
                .with_beta(beta)
                .init()
                .unwrap();
            Objective::new("GraphMaxMarginLoss", TOKENS * VOCABULARY, |scores, rows| {
                let (gold, negative) = (tokens(rows, 1, &scores), tokens(rows, 2, &scores));
                // A loss of the whole batch, written once a row: that is how the contract can hold it.
                let value = loss.forward(logits(scores), gold, negative);
                value.repeat_dim(0, rows.len())
            })
            .batch_dependent()
            .check();
        }
    }
}

#[test]
fn info_nce_keeps_the_contract_warm_and_cold() {
    // Anchor, positive and two negatives of three entries each.
    let parts = |scores: Tensor<2>| {
        let [rows, _] = scores.dims();
        let part = |from: usize, to: usize| scores.clone().slice_dim(1, from..to);
        (part(0, 3), part(3, 6), part(6, 12).reshape([rows, 2, 3]))
    };
    for tau in [0.1, 1.0] {
        let loss = GraphInfoNceLossConfig::new().with_tau(tau).init().unwrap();
        Objective::new("GraphInfoNceLoss", 12, |scores, _| {
            let (anchor, positive, negatives) = parts(scores);
            loss.forward_no_reduction(anchor, positive, negatives)
        })
        .reduced(|scores, _, reduction| {
            let (anchor, positive, negatives) = parts(scores);
            loss.forward(anchor, positive, negatives, reduction)
        })
        .check();
    }
}

#[test]
fn sequence_margin_keeps_the_contract() {
    let loss = SequenceMarginLossConfig::new().init().unwrap();
    let pair = |scores: Tensor<2>| {
        let side = |column: usize| {
            scores
                .clone()
                .slice_dim(1, column..column + 1)
                .squeeze_dim(1)
        };
        (side(0), side(1))
    };
    Objective::new("SequenceMarginLoss", 2, |scores, _| {
        let (gold, negative) = pair(scores);
        loss.forward_no_reduction(gold, negative)
    })
    .reduced(|scores, _, reduction| {
        let (gold, negative) = pair(scores);
        loss.forward(gold, negative, reduction)
    })
    .check();
}

#[test]
fn token_unlikelihood_keeps_the_contract() {
    let loss = TokenUnlikelihoodLossConfig::new().init().unwrap();
    Objective::new(
        "TokenUnlikelihoodLoss",
        TOKENS * VOCABULARY,
        |scores, rows| {
            let negative = tokens(rows, 2, &scores);
            loss.forward_no_reduction(logits(scores), negative)
        },
    )
    .reduced(|scores, rows, reduction| {
        let negative = tokens(rows, 2, &scores);
        loss.forward(logits(scores), negative, reduction)
    })
    .check();
}

#[test]
fn configurations_survive_json_and_types_cross_threads() {
    let published = GraphMaxMarginLossConfig::new().with_pad_mode(PadMode::AsPublished);
    check_config(&published, GraphMaxMarginLossConfig::init);
    check_config(&GraphInfoNceLossConfig::new(), GraphInfoNceLossConfig::init);
    check_config(
        &SequenceMarginLossConfig::new(),
        SequenceMarginLossConfig::init,
    );
    check_config(
        &TokenUnlikelihoodLossConfig::new(),
        TokenUnlikelihoodLossConfig::init,
    );
    check_send_sync::<(GraphMaxMarginLoss, GraphInfoNceLoss, GraphPerturbation)>();
    check_send_sync::<(SequenceMarginLoss, TokenUnlikelihoodLoss)>();
}

#[test]
fn illegal_settings_are_refused_by_name() {
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let margin = GraphMaxMarginLossConfig::new();
        check_refused(margin.clone().with_alpha(bad).init(), "alpha");
        check_refused(margin.with_beta(bad).init(), "beta");
        let info_nce = GraphInfoNceLossConfig::new();
        check_refused(info_nce.clone().with_tau(bad).init(), "tau");
        check_refused(info_nce.with_info_nce_weight(bad).init(), "info_nce_weight");
        check_refused(
            SequenceMarginLossConfig::new().with_beta(bad).init(),
            "beta",
        );
    }
    check_refused(GraphInfoNceLossConfig::new().with_tau(0.0).init(), "tau");
}
