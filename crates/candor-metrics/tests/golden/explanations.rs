use burn::tensor::{Device, Tensor};
use candor_core::Target;
use candor_metrics::agreement::{
    AgreementMatrix, AgreementMeasure, AttentionAggregator, KendallTopKConfig, TokenReduce,
    TopKAgreement, kendall_tau, pairwise_rank_agreement, pearson_r, rank_biased_overlap,
    spearman_rho, weighted_kendall_tau,
};
use candor_metrics::complexity::{effective_complexity, entropy, gini};
use candor_metrics::faithfulness::{
    CompletenessConfig, CurveMode, EraserConfig, FaithfulnessCorrelationConfig, InfidelityConfig,
    InsertionDeletionConfig, MonotonicityConfig,
};
use candor_metrics::forgetting::{
    AnswerProbability, RougeL, TruthRatio, forget_quality, ks_two_sample, model_utility,
};
use candor_metrics::localisation::LocalisationReport;
use candor_metrics::randomisation::MprtReport;
use candor_metrics::robustness::Sensitivity;
use candor_testkit::golden::{Case, OpResult, Outputs, Suite, TwoLayer};

pub(super) fn map(suite: Suite) -> Suite {
    suite
        .sheet("xai-metrics")
        .op("xm_infidelity", infidelity)
        .op("xm_sensitivity", sensitivity)
        .op("xm_insertion_deletion", insertion_deletion)
        .op("xm_eraser", eraser)
        .op("xm_faithfulness_correlation", faithfulness_correlation)
        .op("xm_monotonicity", monotonicity)
        .op("xm_completeness", completeness)
        .op("xm_complexity", complexity)
        .op("xm_localisation", localisation)
        .op("xm_mprt", mprt)
        .sheet("disagreement")
        .op("dis_kendall_tau", |case, _| pair(case, kendall_tau))
        .op("dis_spearman", |case, _| pair(case, spearman_rho))
        .op("dis_pearson", |case, _| pair(case, pearson_r))
        .op("dis_weighted_tau", |case, _| {
            pair(case, |a, b| weighted_kendall_tau(a, b, case.param("alpha")))
        })
        .op("dis_rbo", |case, _| {
            pair(case, |a, b| rank_biased_overlap(a, b, case.param("p")))
        })
        .op("dis_pairwise_rank_agreement", |case, _| {
            pair(case, |a, b| {
                pairwise_rank_agreement(a, b, &case.sizes("features"))
            })
        })
        .op("dis_kendall_top_k", kendall_top_k)
        .op("dis_top_k_agreement", top_k_agreement)
        .op("dis_attention_aggregate", attention_aggregate)
        .op("dis_token_reduce", |case, device| {
            Ok(token_reduce(case, device))
        })
        .op("dis_agreement_matrix", agreement_matrix)
        .sheet("npo")
        .op("npo_truth_ratio", truth_ratio)
        .op("npo_forget_quality", quality)
        .op("npo_ks_two_sample", kolmogorov_smirnov)
        .op("npo_model_utility", utility)
        .op("npo_answer_probability", answer_probability)
        .op("npo_rouge_l", |case, _| Ok(rouge_l(case)))
        .elsewhere(&[
            "npo_loss",
            "npo_adaptive_weight",
            "npo_sequence_logp",
            "npo_rt_loss",
            "npo_kl_loss",
            "npo_graddiff_loss",
            "npo_dpo_unlearn_loss",
            "npo_kto_unlearn_loss",
            "npo_simnpo_loss",
        ])
}

/// A single instance as a batch of one.
fn one(case: &Case, name: &str, device: &Device) -> Tensor<2> {
    case.float::<1>(name, device).unsqueeze()
}

fn target(case: &Case) -> Target {
    Target::Output(case.count("target").unwrap())
}

fn infidelity(case: &Case, device: &Device) -> OpResult {
    let values = InfidelityConfig::new()
        .with_normalize(case.flag("normalize"))
        .init()?
        .evaluate_with(
            &TwoLayer::of(case, device),
            one(case, "x", device),
            &one(case, "attr", device),
            &target(case),
            case.float::<2>("perturbation", device),
        )?;
    Ok(Outputs::new().values("value", values))
}

fn sensitivity(case: &Case, device: &Device) -> OpResult {
    let perturbed = case.float::<2>("perturbed_attr", device);
    let reports = Sensitivity::of_attributions(&one(case, "attr", device), &perturbed)?;
    Ok(Outputs::new()
        .value("max", reports[0].max)
        .value("avg", reports[0].mean))
}

fn insertion_deletion(case: &Case, device: &Device) -> OpResult {
    let mode = match case.text("mode") {
        "insertion" => CurveMode::Insertion,
        _ => CurveMode::Deletion,
    };
    let curves = InsertionDeletionConfig::new(mode)
        .with_n_steps(case.count("n_steps"))
        .init()?
        .evaluate(
            &TwoLayer::of(case, device),
            one(case, "x", device),
            &one(case, "attr", device),
            one(case, "baseline", device),
            &target(case),
        )?;
    let curve = curves[0].clone();
    Ok(Outputs::new()
        .values("curve", curve.values)
        .value("auc", curve.auc)
        .value("aopc", curve.aopc))
}

fn eraser(case: &Case, device: &Device) -> OpResult {
    let reports = EraserConfig::new()
        .with_fractions(case.numbers("fractions"))
        .init()?
        .evaluate(
            &TwoLayer::of(case, device),
            one(case, "x", device),
            &one(case, "attr", device),
            one(case, "baseline", device),
            &target(case),
        )?;
    let report = reports[0].clone();
    Ok(Outputs::new()
        .values("sufficiency", report.sufficiency)
        .values("comprehensiveness", report.comprehensiveness)
        .value("sufficiency_aopc", report.sufficiency_aopc)
        .value("comprehensiveness_aopc", report.comprehensiveness_aopc))
}

fn faithfulness_correlation(case: &Case, device: &Device) -> OpResult {
    let reports = FaithfulnessCorrelationConfig::new().init()?.evaluate_with(
        &TwoLayer::of(case, device),
        one(case, "x", device),
        &one(case, "attr", device),
        one(case, "baseline", device),
        &target(case),
        &case.int::<2>("subsets", device),
    )?;
    let report = reports[0].clone();
    Ok(Outputs::new()
        .value("value", report.correlation)
        .values("delta", report.deltas))
}

fn monotonicity(case: &Case, device: &Device) -> OpResult {
    let reports = MonotonicityConfig::new().init()?.evaluate(
        &TwoLayer::of(case, device),
        one(case, "x", device),
        &one(case, "attr", device),
        one(case, "baseline", device),
        &target(case),
    )?;
    let report = reports[0].clone();
    Ok(Outputs::new()
        .value("fraction", report.fraction)
        .values("curve", report.curve)
        .json("monotone", report.monotone))
}

fn completeness(case: &Case, device: &Device) -> OpResult {
    let gaps = CompletenessConfig::new().init()?.evaluate(
        &TwoLayer::of(case, device),
        one(case, "x", device),
        &one(case, "attr", device),
        one(case, "baseline", device),
        &target(case),
    )?;
    Ok(Outputs::new().values("gap", gaps))
}

fn complexity(case: &Case, _: &Device) -> OpResult {
    let attributions = case.floats("attr");
    Ok(Outputs::new()
        .value("gini", gini(&attributions)?)
        .value("entropy", entropy(&attributions)?)
        .json(
            "effective",
            effective_complexity(&attributions, case.param_or("eps", 1e-5))?,
        ))
}

fn localisation(case: &Case, _: &Device) -> OpResult {
    let report = LocalisationReport::of(
        &case.floats("attr"),
        &case.bools("mask"),
        case.count("top_k"),
    )?;
    Ok(Outputs::new()
        .value("rank_accuracy", report.relevance_rank_accuracy)
        .value("mass_accuracy", report.relevance_mass_accuracy)
        .value("top_k_intersection", report.top_k_intersection)
        .value("auc", report.auc)
        .json("pointing_game", report.pointing_game))
}

fn mprt(case: &Case, _: &Device) -> OpResult {
    let report = MprtReport::of(&case.floats("original"), &case.float_rows("randomised"))?;
    Ok(Outputs::new()
        .values("spearman", report.spearman)
        .value("mean", report.mean))
}

fn pair<E: std::error::Error + 'static>(
    case: &Case,
    measure: impl Fn(&[f64], &[f64]) -> Result<f64, E>,
) -> OpResult {
    Ok(Outputs::new().value("value", measure(&case.floats("a"), &case.floats("b"))?))
}

fn kendall_top_k(case: &Case, _: &Device) -> OpResult {
    let measure = KendallTopKConfig::new()
        .with_penalty(case.param_or("p", 0.5))
        .init()?;
    let (a, b) = (case.floats("a"), case.floats("b"));
    let report = if case.flag("k_is_nonzero") {
        measure.compute_non_zero(&a, &b)?
    } else {
        measure.compute(&a, &b, case.count("k"))?
    };
    Ok(Outputs::new()
        .value("value", report.value)
        .json("k", report.k)
        .json("pairs", report.pairs))
}

fn top_k_agreement(case: &Case, _: &Device) -> OpResult {
    let (a, b) = (case.floats("a"), case.floats("b"));
    let agreement = TopKAgreement::of(&a, &b, case.count("k").unwrap_or(a.len()))?;
    Ok(Outputs::new()
        .value("feature", agreement.feature)
        .value("rank", agreement.rank)
        .value("sign", agreement.sign)
        .value("signed_rank", agreement.signed_rank)
        .value("jaccard", agreement.jaccard))
}

fn attention_aggregate(case: &Case, device: &Device) -> OpResult {
    let aggregator = match case.text("kind") {
        "last_layer" => AttentionAggregator::LastLayer,
        "average" => AttentionAggregator::Average,
        "rollout" => AttentionAggregator::Rollout,
        "flow" => AttentionAggregator::Flow,
        other => panic!("unknown aggregation {other}"),
    };
    let row = case.count("row").unwrap_or(0);
    let scores = aggregator.scores(&case.float::<4>("attention", device), row)?;
    Ok(Outputs::new().tensor("scores", &scores))
}

fn token_reduce(case: &Case, device: &Device) -> Outputs {
    let reduce = |kind: TokenReduce| kind.reduce(case.float::<3>("attr", device));
    Outputs::new()
        .tensor("abs_sum", &reduce(TokenReduce::AbsSum))
        .tensor("abs_mean", &reduce(TokenReduce::AbsMean))
        .tensor("l2", &reduce(TokenReduce::L2))
}

fn agreement_matrix(case: &Case, device: &Device) -> OpResult {
    let measure = match case.text("measure") {
        "kendall_tau" => AgreementMeasure::KendallTau,
        "spearman" => AgreementMeasure::Spearman,
        "pearson" => AgreementMeasure::Pearson,
        other => panic!("unknown measure {other}"),
    };
    let matrix = AgreementMatrix::compute(
        &case.float::<3>("attr", device),
        &case.sizes("length"),
        &measure,
    )?;
    let count = matrix.count.concat().into_iter().map(|count| count as f64);
    Ok(Outputs::new()
        .values("mean", matrix.mean.concat())
        .values("std", matrix.std.concat())
        .values("count", count))
}

fn truth_ratio(case: &Case, _: &Device) -> OpResult {
    let truth = TruthRatio::of(
        &case.float_rows("perturbed_loss"),
        &case.floats("paraphrased_loss"),
    )?;
    Ok(Outputs::new()
        .values("truth_ratio", truth.ratio)
        .value("forget_score", truth.forget_score)
        .value("utility_score", truth.utility_score))
}

fn quality(case: &Case, _: &Device) -> OpResult {
    let truth = |model: &str| {
        let perturbed = case.float_rows(&format!("{model}_perturbed_loss"));
        TruthRatio::of(
            &perturbed,
            &case.floats(&format!("{model}_paraphrased_loss")),
        )
    };
    let (unlearned, retrained) = (truth("unlearned")?, truth("retain")?);
    let quality = forget_quality(&unlearned, &retrained)?;
    Ok(Outputs::new()
        .value("statistic", quality.statistic)
        .value("p_value", quality.p_value)
        .value("log10_p_value", quality.log10_p_value)
        .values("unlearned_truth_ratio", unlearned.ratio)
        .values("retain_truth_ratio", retrained.ratio))
}

fn kolmogorov_smirnov(case: &Case, _: &Device) -> OpResult {
    let test = ks_two_sample(&case.floats("x"), &case.floats("y"))?;
    Ok(Outputs::new()
        .value("statistic", test.statistic)
        .value("p_value", test.p_value))
}

fn utility(case: &Case, _: &Device) -> OpResult {
    Ok(Outputs::new().value("utility", model_utility(&case.floats("values"))?))
}

fn answer_probability(case: &Case, _: &Device) -> OpResult {
    let right = case.floats("true_loss");
    let plain = AnswerProbability::plain(&right)?;
    let choice = AnswerProbability::choice(&right, &case.float_rows("false_loss"))?;
    Ok(Outputs::new()
        .values("plain", plain.each)
        .value("plain_mean", plain.mean)
        .values("choice", choice.each)
        .value("choice_mean", choice.mean))
}

fn rouge_l(case: &Case) -> Outputs {
    let rouge = RougeL::of(&case.ints("reference"), &case.ints("hypothesis"));
    Outputs::new()
        .value("recall", rouge.recall)
        .value("precision", rouge.precision)
        .value("f1", rouge.f1)
        .json("lcs", rouge.lcs)
}
