use burn::tensor::Tensor;
use candor_core::explanation_graph::ExplanationGraph;
use candor_core::numerics::cosine_similarities;
use candor_core::{InputError, check_shape, host};

use super::edge_match::{EdgeMatch, edge_match_score};

/// G-BERTScore over any text encoder: edges are sentences, and pair up by the BERTScore of their tokens.
///
/// `encode` gives the tokens' embeddings of a sentence, `[tokens, width]`; it is called once for each edge's
/// [`sentence`](candor_core::explanation_graph::Edge::sentence). An encoder of whole sentences gives one row, and the
/// similarity is their cosine. The corpus value is [`corpus_mean`](super::corpus_mean) of the `f1`.
///
/// # Errors
///
/// A sentence without a token, an embedding that is not finite.
///
/// # Panics
///
/// When the encoder's width changes between sentences.
///
/// Source: Saha et al.: ExplaGraphs, 2021, arXiv 2104.07644; Zhang et al.: BERTScore, 2019, arXiv 1904.09675.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_metrics::explanation_graphs::{ExplanationGraph, graph_bert_score};
///
/// let gold = ExplanationGraph::parse("(a; is a; b)(b; causes; c)").unwrap();
/// let by_length = |sentence: &str| Tensor::<2>::from_floats([[sentence.len() as f32]], &Device::flex());
/// assert_eq!(graph_bert_score(&gold, &gold, by_length).unwrap().f1, 1.0);
/// ```
pub fn graph_bert_score(
    gold: &ExplanationGraph,
    predicted: &ExplanationGraph,
    encode: impl FnMut(&str) -> Tensor<2>,
) -> Result<EdgeMatch, InputError> {
    let similarity = edge_similarities(gold, predicted, encode)?;
    edge_match_score(&similarity, gold.edges.len(), predicted.edges.len())
}

/// BERTScore's F1 of every gold edge with every predicted one, row-major `[gold, predicted]`.
///
/// ```text
/// precision = mean over predicted tokens of the largest cosine to a gold token;   recall: the other way round
/// f1 = 2 p r / (p + r),   0 where either is 0 or below
/// ```
///
/// # Errors
///
/// A sentence without a token, an embedding that is not finite.
///
/// # Panics
///
/// When the encoder's width changes between sentences.
pub fn edge_similarities(
    gold: &ExplanationGraph,
    predicted: &ExplanationGraph,
    mut encode: impl FnMut(&str) -> Tensor<2>,
) -> Result<Vec<f64>, InputError> {
    let mut encoded = |graph: &ExplanationGraph| -> Result<Vec<Tensor<2>>, InputError> {
        let edges = graph.edges.iter();
        edges
            .map(|edge| checked(encode(&edge.sentence())))
            .collect()
    };
    let (gold, predicted) = (encoded(gold)?, encoded(predicted)?);
    let pairs = gold
        .iter()
        .flat_map(|gold| predicted.iter().map(move |other| (gold, other)));
    Ok(pairs.map(|(gold, other)| bert_f1(gold, other)).collect())
}

fn checked(embedding: Tensor<2>) -> Result<Tensor<2>, InputError> {
    const NAME: &str = "graph_bert_score";
    InputError::check_not_empty(NAME, "tokens", embedding.dims()[0])?;
    InputError::check_finite(NAME, "embedding", &host::floats(&embedding))?;
    Ok(embedding)
}

fn bert_f1(gold: &Tensor<2>, predicted: &Tensor<2>) -> f64 {
    let [_, width] = gold.dims();
    check_shape!("graph_bert_score", predicted, [_, width]);
    let cosines = host::rows(&cosine_similarities(gold.clone(), predicted.clone()));
    let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::NEG_INFINITY, f64::max);
    let recall: f64 = cosines
        .iter()
        .map(|row| largest(&mut row.iter().copied()))
        .sum();
    let columns = cosines.first().map_or(0, Vec::len);
    let precision: f64 = (0..columns)
        .map(|column| largest(&mut cosines.iter().map(|row| row[column])))
        .sum();
    let (precision, recall) = (precision / columns as f64, recall / cosines.len() as f64);
    if precision > 0.0 && recall > 0.0 {
        2.0 * precision * recall / (precision + recall)
    } else {
        0.0
    }
}
