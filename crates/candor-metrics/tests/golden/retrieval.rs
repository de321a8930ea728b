//! The retrieval measures of the sheet `mars`.

use burn::tensor::Device;
use candor_metrics::retrieval::RetrievalMetrics;
use candor_testkit::golden::{Case, OpResult, Outputs, Suite};

pub(super) fn map(suite: Suite) -> Suite {
    suite
        .sheet("mars")
        .op("mars_retrieval_metrics", retrieval_metrics)
        .elsewhere(&[
            "mars_random_masking",
            "mars_unshuffle",
            "mars_patchify",
            "mars_reconstruction_loss",
            "mars_attribute_loss",
            "mars_attribute_mask",
            "mars_contrastive_loss",
            "mars_hard_negative",
            "mars_mlm_loss",
            "mars_replaced_token_labels",
            "mars_total_loss",
            "mars_queue_push",
        ])
}

fn retrieval_metrics(case: &Case, _: &Device) -> OpResult {
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
