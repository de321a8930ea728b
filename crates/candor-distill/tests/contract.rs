//! Every objective of the crate through the promises that all of them make.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use burn::tensor::{Device, Int, Tensor};
use candor_distill::features::{
    ClassMeanCosineLoss, ClassMeanCosineLossConfig, ClassMeans, FeatureNormLoss,
    FeatureNormLossConfig, FeatureProjectorConfig, KdPlusPlus, KdPlusPlusConfig, NdLoss,
    NdLossConfig,
};
use candor_distill::logits::{DkdLoss, DkdLossConfig, HintonKd, HintonKdConfig};
use candor_testkit::contract::{Objective, check_config, check_refused, check_send_sync};

/// A teacher's row, made from the row's number alone.
fn teacher(rows: &[usize], width: usize, like: &Tensor<2>) -> Tensor<2> {
    let entry = |row: usize, column: usize| ((row * 7 + column * 3 + 1) as f64).cos() * 0.7;
    let values = rows
        .iter()
        .flat_map(|&row| (0..width).map(move |column| entry(row, column)));
    candor_core::host::tensor_like(values.collect(), [rows.len(), width], like)
}

fn labels(rows: &[usize], like: &Tensor<2>) -> Tensor<1, Int> {
    let labels: Vec<i64> = rows.iter().map(|row| (row % 3) as i64).collect();
    Tensor::from_data(labels.as_slice(), &like.device())
}

fn means(device: &Device) -> ClassMeans {
    let table = [
        [0.5, -0.2, 0.9, 0.1],
        [-1.0, 0.3, 0.2, 0.4],
        [0.1, 0.8, -0.6, 0.7],
    ];
    ClassMeans::from_tensor(&Tensor::from_floats(table, device), "by hand").unwrap()
}

/// The contract moves the input from device to device, and the class means are where it is.
fn nd(student: &Tensor<2>) -> NdLoss {
    let device = student.device();
    NdLossConfig::new().init(&means(&device), &device).unwrap()
}

#[test]
fn hinton_kd_keeps_the_contract() {
    let kd = HintonKdConfig::new().init().unwrap();
    Objective::new("HintonKd", 4, |student, rows| {
        let teacher = teacher(rows, 4, &student);
        kd.forward_no_reduction(student, teacher)
    })
    .reduced(|student, rows, reduction| {
        let teacher = teacher(rows, 4, &student);
        kd.forward(student, teacher, reduction)
    })
    .check();
}

#[test]
fn hinton_kd_with_labels_keeps_the_contract() {
    let kd = HintonKdConfig::new().with_alpha(0.3).init().unwrap();
    let with_labels = |student: Tensor<2>, rows: &[usize], reduction| {
        let (teacher, labels) = (teacher(rows, 4, &student), labels(rows, &student));
        kd.forward_with_labels(student, teacher, labels, reduction)
    };
    Objective::new("HintonKd with labels", 4, |student, rows| {
        with_labels(student, rows, burn::nn::loss::Reduction::Mean).repeat_dim(0, rows.len())
    })
    .batch_dependent()
    .check();
}

#[test]
fn dkd_keeps_the_contract() {
    let dkd = DkdLossConfig::new().init().unwrap();
    Objective::new("DkdLoss", 4, |student, rows| {
        let (teacher, labels) = (teacher(rows, 4, &student), labels(rows, &student));
        dkd.forward_no_reduction(student, teacher, labels)
    })
    .reduced(|student, rows, reduction| {
        let (teacher, labels) = (teacher(rows, 4, &student), labels(rows, &student));
        dkd.forward(student, teacher, labels, reduction)
    })
    .check();
}

#[test]
fn nd_keeps_the_contract_on_both_sides_of_the_teachers_norm() {
    for scale in [0.2, 5.0] {
        Objective::new("NdLoss", 4, |student, rows| {
            let (teacher, labels) = (teacher(rows, 4, &student), labels(rows, &student));
            nd(&student).forward_no_reduction(student, teacher, labels)
        })
        .reduced(|student, rows, reduction| {
            let (teacher, labels) = (teacher(rows, 4, &student), labels(rows, &student));
            nd(&student).forward(student, teacher, labels, reduction)
        })
        .inputs(scale, 1e4)
        .check();
    }
}

#[test]
fn class_balanced_nd_keeps_the_contract() {
    Objective::new("NdLoss, class balanced", 4, |student, rows| {
        let (teacher, labels) = (teacher(rows, 4, &student), labels(rows, &student));
        nd(&student)
            .forward_class_balanced(student, teacher, labels)
            .repeat_dim(0, rows.len())
    })
    .batch_dependent()
    .check();
}

#[test]
fn class_mean_cosine_keeps_the_contract() {
    // The contract moves the input from device to device, and the class means are where it is.
    let cosine = |student: &Tensor<2>| {
        let device = student.device();
        ClassMeanCosineLossConfig::new()
            .init(&means(&device), &device)
            .unwrap()
    };
    Objective::new("ClassMeanCosineLoss", 4, |student, rows| {
        let labels = labels(rows, &student);
        cosine(&student).forward_no_reduction(student, labels)
    })
    .reduced(|student, rows, reduction| {
        let labels = labels(rows, &student);
        cosine(&student).forward(student, labels, reduction)
    })
    .check();
}

#[test]
fn configurations_survive_json_and_types_cross_threads() {
    let device = Device::flex();
    let table = means(&device);
    check_config(&HintonKdConfig::new(), HintonKdConfig::init);
    check_config(&DkdLossConfig::new(), DkdLossConfig::init);
    check_config(&FeatureNormLossConfig::new(), FeatureNormLossConfig::init);
    check_config(&NdLossConfig::new(), |config| config.init(&table, &device));
    check_config(&ClassMeanCosineLossConfig::new(), |config| {
        config.init(&table, &device)
    });
    check_config(&FeatureProjectorConfig::new(3, 4), |config| {
        config.init(&device)
    });
    check_config(&KdPlusPlusConfig::new(), |config| {
        config.init(NdLossConfig::new().init(&table, &device)?)
    });
    check_send_sync::<(
        HintonKd,
        DkdLoss,
        NdLoss,
        ClassMeanCosineLoss,
        FeatureNormLoss,
    )>();
    check_send_sync::<(KdPlusPlus, ClassMeans)>();
}

#[test]
fn illegal_settings_are_refused_by_name() {
    let device = Device::flex();
    let table = means(&device);
    let nd = || NdLossConfig::new().init(&table, &device).unwrap();
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        check_refused(
            HintonKdConfig::new().with_temperature(bad).init(),
            "temperature",
        );
        check_refused(HintonKdConfig::new().with_alpha(bad).init(), "alpha");
        check_refused(
            DkdLossConfig::new().with_temperature(bad).init(),
            "temperature",
        );
        check_refused(DkdLossConfig::new().with_alpha(bad).init(), "alpha");
        check_refused(DkdLossConfig::new().with_beta(bad).init(), "beta");
        check_refused(
            NdLossConfig::new().with_weight(bad).init(&table, &device),
            "weight",
        );
        check_refused(
            NdLossConfig::new().with_eps(bad).init(&table, &device),
            "eps",
        );
        check_refused(FeatureNormLossConfig::new().with_step(bad).init(), "step");
        check_refused(
            KdPlusPlusConfig::new().with_class_weight(bad).init(nd()),
            "class_weight",
        );
        check_refused(
            KdPlusPlusConfig::new().with_distill_weight(bad).init(nd()),
            "distill_weight",
        );
        check_refused(
            FeatureProjectorConfig::new(1, 1)
                .with_dropout(bad)
                .init(&device),
            "dropout",
        );
    }
    check_refused(
        FeatureProjectorConfig::new(0, 1).init(&device),
        "student_width",
    );
    check_refused(
        FeatureProjectorConfig::new(1, 0).init(&device),
        "teacher_width",
    );
}
