//! Every objective through the promises that all of them make.

use burn::tensor::{Int, Tensor};
use candor_losses::metric_learning::{
    EpisodeLoss, EpisodeLossConfig, EpisodeTerm, Hardness, IcnnLoss, IcnnLossConfig,
    IcnnOriginalLoss, IcnnOriginalLossConfig, ProtoCrossEntropyLoss, ProtoCrossEntropyLossConfig,
    ProtoTripletLoss, ProtoTripletLossConfig, TripletMarginLoss, TripletMarginLossConfig,
    TripletMiner, TripletMinerConfig, Triplets, prototypes,
};
use candor_testkit::contract::{Objective, check_config, check_refused, check_send_sync};

use crate::sets::fixed_rows;

/// The label of row i is i modulo the classes.
fn labels_of(rows: &[usize], classes: usize, like: &Tensor<2>) -> Tensor<1, Int> {
    let labels: Vec<i64> = rows.iter().map(|row| (row % classes) as i64).collect();
    Tensor::from_data(labels.as_slice(), &like.device())
}

/// The rows of the contract before nine of our own: a set that is large enough whatever rows are taken away.
fn joined(rows: Tensor<2>, numbers: &[usize]) -> (Tensor<2>, Tensor<1, Int>) {
    let others = fixed_rows(9, rows.dims()[1], &rows);
    let numbers: Vec<usize> = numbers.iter().copied().chain(0..9).collect();
    let labels = labels_of(&numbers, 3, &rows);
    (Tensor::cat(vec![rows, others], 0), labels)
}

/// A loss of the whole batch, written once a row: that is how the contract can hold it.
fn repeated(loss: &Tensor<1>, rows: &[usize]) -> Tensor<1> {
    loss.clone().repeat_dim(0, rows.len())
}

#[test]
fn proto_triplet_keeps_the_contract() {
    let loss = ProtoTripletLossConfig::new().init().unwrap();
    Objective::new("ProtoTripletLoss", 4, |queries, rows| {
        let (labels, prototypes) = (labels_of(rows, 3, &queries), fixed_rows(3, 4, &queries));
        loss.forward_no_reduction(queries, labels, prototypes)
    })
    .reduced(|queries, rows, reduction| {
        let (labels, prototypes) = (labels_of(rows, 3, &queries), fixed_rows(3, 4, &queries));
        loss.forward(queries, labels, prototypes, reduction)
    })
    .check();
}

#[test]
fn proto_cross_entropy_keeps_the_contract_squared_or_not() {
    for squared in [true, false] {
        let config = ProtoCrossEntropyLossConfig::new().with_squared(squared);
        let loss = config.with_temperature(2.0).init().unwrap();
        Objective::new("ProtoCrossEntropyLoss", 4, |queries, rows| {
            let (labels, prototypes) = (labels_of(rows, 3, &queries), fixed_rows(3, 4, &queries));
            loss.forward_no_reduction(queries, labels, prototypes)
        })
        .reduced(|queries, rows, reduction| {
            let (labels, prototypes) = (labels_of(rows, 3, &queries), fixed_rows(3, 4, &queries));
            loss.forward(queries, labels, prototypes, reduction)
        })
        .check();
    }
}

#[test]
fn icnn_keeps_the_contract() {
    for config in [
        IcnnLossConfig::new(),
        IcnnLossConfig::new()
            .with_k(2)
            .with_neighbourhood(Some(6))
            .with_drop_first(false),
    ] {
        let loss = config.init().unwrap();
        Objective::new("IcnnLoss", 4, |scores, rows| {
            let (set, labels) = joined(scores, rows);
            repeated(&loss.forward(set, labels), rows)
        })
        .batch_dependent()
        .check();
    }
}

#[test]
fn the_original_icnn_keeps_the_contract_with_and_without_omega() {
    for use_omega in [false, true] {
        let config = IcnnOriginalLossConfig::new().with_use_omega(use_omega);
        let loss = config.init().unwrap();
        Objective::new("IcnnOriginalLoss", 4, |scores, rows| {
            let (set, labels) = joined(scores, rows);
            repeated(&loss.forward(set, labels), rows)
        })
        .batch_dependent()
        .check();
    }
}

#[test]
fn the_episode_loss_keeps_the_contract_with_every_term() {
    let terms = vec![
        EpisodeTerm::CrossEntropy,
        EpisodeTerm::SupportIcnn,
        EpisodeTerm::QueryIcnn,
        EpisodeTerm::ProtoTriplet,
    ];
    let loss = EpisodeLossConfig::new(3).with_terms(terms).init().unwrap();
    Objective::new("EpisodeLoss", 4, |queries, rows| {
        let support = fixed_rows(9, 4, &queries);
        let support_labels = labels_of(&[0, 1, 2, 3, 4, 5, 6, 7, 8], 3, &queries);
        let query_labels = labels_of(rows, 3, &queries);
        repeated(
            &loss.forward(support, support_labels, queries, query_labels),
            rows,
        )
    })
    .batch_dependent()
    .check();
}

#[test]
fn the_triplet_loss_keeps_the_contract_on_mined_triplets() {
    let miner = TripletMinerConfig::new().init().unwrap();
    for (swap, smooth) in [(false, false), (true, true)] {
        let config = TripletMarginLossConfig::new().with_swap(swap);
        let loss = config.with_smooth(smooth).init().unwrap();
        Objective::new("TripletMarginLoss", 4, |scores, rows| {
            let (set, labels) = joined(scores, rows);
            let triplets = miner.mine(set.clone(), labels);
            let losses = loss.forward_no_reduction(set, &triplets);
            losses.slice_dim(0, 0..rows.len())
        })
        .batch_dependent()
        .check();
    }
}

#[test]
fn prototypes_keep_the_contract_as_part_of_an_objective() {
    let loss = ProtoTripletLossConfig::new().init().unwrap();
    Objective::new("prototypes", 4, |scores, rows| {
        let (set, labels) = joined(scores, rows);
        let means = prototypes(set.clone(), labels.clone(), 3);
        let losses = loss.forward_no_reduction(set, labels, means);
        losses.slice_dim(0, 0..rows.len())
    })
    .batch_dependent()
    .check();
}

#[test]
fn configurations_survive_json_and_types_cross_threads() {
    check_config(&ProtoTripletLossConfig::new(), ProtoTripletLossConfig::init);
    check_config(
        &ProtoCrossEntropyLossConfig::new(),
        ProtoCrossEntropyLossConfig::init,
    );
    check_config(&IcnnLossConfig::new(), IcnnLossConfig::init);
    check_config(&IcnnOriginalLossConfig::new(), IcnnOriginalLossConfig::init);
    check_config(&EpisodeLossConfig::new(5), EpisodeLossConfig::init);
    check_config(&TripletMinerConfig::new(), TripletMinerConfig::init);
    check_config(
        &TripletMarginLossConfig::new(),
        TripletMarginLossConfig::init,
    );
    check_send_sync::<(ProtoTripletLoss, ProtoCrossEntropyLoss, IcnnLoss)>();
    check_send_sync::<(IcnnOriginalLoss, EpisodeLoss, TripletMiner)>();
    check_send_sync::<(TripletMarginLoss, Triplets)>();
}

#[test]
fn illegal_settings_are_refused_by_name() {
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let triplet = ProtoTripletLossConfig::new().with_margin(bad);
        check_refused(triplet.init(), "margin");
        let cross_entropy = ProtoCrossEntropyLossConfig::new().with_temperature(bad);
        check_refused(cross_entropy.init(), "temperature");
        let original = IcnnOriginalLossConfig::new();
        check_refused(original.clone().with_p(bad).init(), "p");
        check_refused(original.clone().with_q(bad).init(), "q");
        check_refused(original.with_r(bad).init(), "r");
        let margin = TripletMarginLossConfig::new().with_margin(bad);
        check_refused(margin.init(), "margin");
        let episode = EpisodeLossConfig::new(5);
        check_refused(episode.clone().with_margin(bad).init(), "margin");
        check_refused(episode.with_temperature(bad).init(), "temperature");
    }
    check_refused(IcnnOriginalLossConfig::new().with_p(0.5).init(), "p");
    check_refused(IcnnOriginalLossConfig::new().with_k(0).init(), "k");
    check_refused(IcnnLossConfig::new().with_k(0).init(), "k");
    let nowhere = IcnnLossConfig::new().with_neighbourhood(Some(0));
    check_refused(nowhere.init(), "neighbourhood");
    check_refused(EpisodeLossConfig::new(1).init(), "way");
    check_refused(EpisodeLossConfig::new(5).with_k(0).init(), "k");
    check_refused(EpisodeLossConfig::new(5).with_terms(vec![]).init(), "terms");
    let waiting = TripletMinerConfig::new()
        .with_positive(Hardness::SemiHard)
        .with_negative(Hardness::SemiHard);
    check_refused(waiting.init(), "semi-hard");
}
