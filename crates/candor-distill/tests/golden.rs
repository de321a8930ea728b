//! The sheets' cases: values and gradients on every device compiled in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use burn::nn::loss::Reduction;
use burn::tensor::{Device, Tensor};
use candor_core::reduce;
use candor_distill::features::{
    ClassMeanCosineLossConfig, ClassMeans, ClassMeansBuilder, FeatureNormLossConfig,
    KdPlusPlusConfig, NdLossConfig,
};
use candor_distill::logits::{DkdLossConfig, HintonKdConfig};
use candor_testkit::golden::{Case, OpResult, Outputs, Suite};

#[test]
fn golden_cases() {
    suite().run();
}

pub(crate) fn suite() -> Suite {
    Suite::new("candor-distill")
        .sheet("nd-loss")
        .op("nd_loss", nd_loss)
        .op("nd_class_means", nd_class_means)
        .op("nd_cosine_loss", nd_cosine_loss)
        .op("nd_sifn_loss", nd_sifn_loss)
        .op("nd_total_loss", nd_total_loss)
        .sheet("kd-baselines")
        .op("kdb_hinton", kdb_hinton)
        .op("kdb_dkd", kdb_dkd)
}

fn class_means(case: &Case, device: &Device) -> Result<ClassMeans, Box<dyn std::error::Error>> {
    Ok(ClassMeans::from_tensor(
        &case.float("class_means", device),
        &case.name,
    )?)
}

fn nd_loss(case: &Case, device: &Device) -> OpResult {
    let nd = NdLossConfig::new()
        .with_weight(case.param_or("weight", 1.0))
        .with_eps(case.param_or("eps", 1e-12))
        .init(&class_means(case, device)?, device)?;
    let student = case.tracked::<2>("student", device);
    let (teacher, labels) = (
        case.float::<2>("teacher", device),
        case.int::<1>("labels", device),
    );
    nd.validate(&student, &teacher, &labels)?;
    let rows = nd.forward_no_reduction(student.clone(), teacher.clone(), labels.clone());
    let loss = match case.text("average") {
        "mean" => nd.forward(student.clone(), teacher, labels, Reduction::Mean),
        "sum" => nd.forward(student.clone(), teacher, labels, Reduction::Sum),
        "class_balanced" => nd.forward_class_balanced(student.clone(), teacher, labels),
        other => panic!("no average {other}"),
    };
    Ok(per_sample(&rows, &loss).gradients(&loss, &[("student", &student)]))
}

fn per_sample(rows: &Tensor<1>, loss: &Tensor<1>) -> Outputs {
    Outputs::new()
        .tensor("per_sample", rows)
        .tensor("loss", loss)
}

fn nd_class_means(case: &Case, device: &Device) -> OpResult {
    let features = case.float::<2>("features", device);
    let classes = case.count("num_classes").unwrap_or(0);
    let mut builder = ClassMeansBuilder::new(classes, features.dims()[1]);
    builder.update(&features, &case.int("labels", device))?;
    let means = builder.finish(&case.name)?;
    let counts = means
        .counts()
        .unwrap_or_default()
        .iter()
        .map(|&count| count as f64);
    Ok(Outputs::new()
        .tensor("means", &means.tensor(device))
        .values("counts", counts))
}

fn nd_cosine_loss(case: &Case, device: &Device) -> OpResult {
    let cosine = ClassMeanCosineLossConfig::new().init(&class_means(case, device)?, device)?;
    let (student, labels) = (
        case.tracked::<2>("student", device),
        case.int::<1>("labels", device),
    );
    cosine.validate(&student, &labels)?;
    let rows = cosine.forward_no_reduction(student.clone(), labels.clone());
    let loss = cosine.forward(student.clone(), labels, Reduction::Mean);
    Ok(per_sample(&rows, &loss).gradients(&loss, &[("student", &student)]))
}

fn nd_sifn_loss(case: &Case, device: &Device) -> OpResult {
    let norm = FeatureNormLossConfig::new()
        .with_step(case.param("step"))
        .init()?;
    let student = case.tracked::<2>("student", device);
    norm.validate(&student)?;
    let rows = norm.forward_no_reduction(student.clone());
    let loss = norm.forward(student.clone(), Reduction::Mean);
    Ok(per_sample(&rows, &loss).gradients(&loss, &[("student", &student)]))
}

fn nd_total_loss(case: &Case, device: &Device) -> OpResult {
    let nd = NdLossConfig::new()
        .with_weight(case.param_or("nd_weight", 1.0))
        .init(&class_means(case, device)?, device)?;
    let features = case.tracked::<2>("student", device);
    let logits = case.tracked::<2>("student_logits", device);
    let (teacher, labels) = (
        case.float::<2>("teacher", device),
        case.int::<1>("labels", device),
    );
    nd.validate(&features, &teacher, &labels)?;
    let objective = KdPlusPlusConfig::new()
        .with_class_weight(case.param_or("cls_weight", 1.0))
        .with_distill_weight(case.param_or("kd_weight", 1.0))
        .with_warm_up(case.count("warm_up").unwrap_or(20))
        .init(nd)?;
    let base = base_loss(case, logits.clone(), device)?;
    let epoch = case.count("epoch").unwrap_or(0);
    let terms = objective.forward(
        logits.clone(),
        features.clone(),
        teacher,
        labels,
        base,
        epoch,
    );
    Ok(Outputs::new()
        .tensor("loss", &terms.total)
        .tensor("ce", &terms.cross_entropy)
        .tensor("distill", &terms.distill)
        .tensor("nd", &terms.nd)
        .gradients(
            &terms.total,
            &[("student", &features), ("student_logits", &logits)],
        ))
}

/// The distillation term that the case puts beside ND.
fn base_loss(
    case: &Case,
    student: Tensor<2>,
    device: &Device,
) -> Result<Tensor<1>, Box<dyn std::error::Error>> {
    let (teacher, labels) = (
        case.float::<2>("teacher_logits", device),
        case.int::<1>("labels", device),
    );
    let temperature = case.param_or("temperature", 4.0);
    match case.text("base") {
        "kd" => {
            let kd = HintonKdConfig::new().with_temperature(temperature).init()?;
            kd.validate(&student, &teacher)?;
            Ok(kd.forward(student, teacher, Reduction::Mean))
        }
        "dkd" => {
            let dkd = DkdLossConfig::new()
                .with_alpha(case.param_or("dkd_alpha", 1.0))
                .with_beta(case.param_or("dkd_beta", 8.0))
                .with_temperature(temperature)
                .init()?;
            dkd.validate(&student, &teacher, &labels)?;
            Ok(dkd.forward(student, teacher, labels, Reduction::Mean))
        }
        other => panic!("no base loss {other}"),
    }
}

fn kdb_hinton(case: &Case, device: &Device) -> OpResult {
    let kd = HintonKdConfig::new()
        .with_temperature(case.param_or("temperature", 4.0))
        .init()?;
    let (student, teacher) = (
        case.tracked::<2>("student", device),
        case.float::<2>("teacher", device),
    );
    kd.validate(&student, &teacher)?;
    let rows = kd.forward_no_reduction(student.clone(), teacher.clone());
    let loss = kd.forward(student.clone(), teacher, Reduction::Mean);
    Ok(per_sample(&rows, &loss).gradients(&loss, &[("student", &student)]))
}

fn kdb_dkd(case: &Case, device: &Device) -> OpResult {
    let dkd = DkdLossConfig::new()
        .with_alpha(case.param_or("alpha", 1.0))
        .with_beta(case.param_or("beta", 8.0))
        .with_temperature(case.param_or("temperature", 4.0))
        .init()?;
    let student = case.tracked::<2>("student", device);
    let (teacher, labels) = (
        case.float::<2>("teacher", device),
        case.int::<1>("labels", device),
    );
    dkd.validate(&student, &teacher, &labels)?;
    let terms = dkd.terms(student.clone(), teacher.clone(), labels.clone());
    let rows = dkd.forward_no_reduction(student.clone(), teacher.clone(), labels.clone());
    let loss = dkd.forward(student.clone(), teacher, labels, Reduction::Mean);
    Ok(per_sample(&rows, &loss)
        .tensor("tckd", &reduce(terms.target_class, &Reduction::Mean))
        .tensor("nckd", &reduce(terms.non_target_class, &Reduction::Mean))
        .gradients(&loss, &[("student", &student)]))
}
