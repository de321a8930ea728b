//! The retrieval measures of the sheet `mars`.

use burn::tensor::Device;
use candor_metrics::retrieval::RetrievalMetrics;
use candor_testkit::golden::{Case, OpResult, Outputs};

pub(super) fn retrieval_metrics(case: &Case, _: &Device) -> OpResult {
    let ks: Vec<usize> = case.numbers("ks").iter().map(|&k| k as usize).collect();
    let metrics = RetrievalMetrics::of(
        &case.float_rows("scores"),
        &case.ints("query_ids"),
        &case.ints("gallery_ids"),
        &ks,
    )?;
    let outputs = Outputs::new()
        .value("map", metrics.map)
        .value("minp", metrics.minp)
        .values("ap", metrics.ap);
    Ok(metrics.rank.iter().fold(outputs, |outputs, (k, share)| {
        outputs.value(&format!("rank{k}"), *share)
    }))
}
