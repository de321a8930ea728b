use burn::tensor::Tensor;
use candor_core::{InputError, host};
use petgraph::algo::maximum_flow::dinics;
use petgraph::graph::{Graph, NodeIndex};
use serde::{Deserialize, Serialize};

const NAME: &str = "AttentionAggregator";

/// From the attention of all layers and heads to one score a token.
///
/// | variant | score of token j for the query token `row` |
/// |---|---|
/// | `LastLayer` | mean over the heads of the last layer's attention from `row` to j |
/// | `Average` | mean over layers and heads, then for query token j its largest entry (`row` plays no part) |
/// | `Rollout` | entry (row, j) of A_L ⋯ A_1, where A_l is (head mean + I) with rows summing to 1 |
/// | `Flow` | maximum flow from `row` above the last layer down to j, with the A_l as capacities; scores sum to 1 |
///
/// `Average` follows the authors' code, for comparison with it; prefer `Rollout`. Computed on the host in `f64`.
/// Flow solves one maximum-flow problem a token: meant for short texts.
///
/// Source: Neely et al. (2022), A song of (dis)agreement; rollout and flow: Abnar, Zuidema (2020),
/// arXiv 2005.00928.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_metrics::agreement::AttentionAggregator;
///
/// // One layer, one head: (A + I)/2 has the first row (0.5, 0.5).
/// let attention = Tensor::<4>::from_floats([[[[0.0, 1.0], [0.5, 0.5]]]], &Device::flex());
/// let scores = AttentionAggregator::Rollout.scores(&attention, 0).unwrap();
/// assert_eq!(scores.into_data().try_to_vec::<f32>().unwrap(), [0.5, 0.5]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttentionAggregator {
    /// Mean over the heads of the last layer.
    LastLayer,
    /// Mean over layers and heads, then the largest entry of each row.
    Average,
    /// Product of the layers' attention with residual connections.
    Rollout,
    /// Maximum flow through the layers' attention with residual connections.
    Flow,
}

/// A square matrix, one vector a row.
type Matrix = Vec<Vec<f64>>;

impl AttentionAggregator {
    /// Scores of the tokens of one text, as seen from the query token `row` (0 where a CLS token comes first).
    ///
    /// # Shapes
    ///
    /// - attention: `[layers, heads, tokens, tokens]`, the first layer first
    /// - output: `[tokens]`
    ///
    /// # Errors
    ///
    /// No layer, head or token; a matrix that is not square; a weight that is negative or not finite; a `row` that
    /// does not exist.
    pub fn scores(self, attention: &Tensor<4>, row: usize) -> Result<Tensor<1>, InputError> {
        let [layers, heads, tokens, keys] = attention.dims();
        InputError::check_dims(NAME, "attention", &[tokens, keys], &[tokens, tokens])?;
        InputError::check_not_empty(NAME, "attention", layers * heads * tokens)?;
        InputError::check_labels(NAME, "row", &[row as i64], tokens)?;
        let weights = host::floats(attention);
        InputError::check_values(NAME, "attention", &weights, "finite and >= 0", |weight| {
            weight.is_finite() && weight >= 0.0
        })?;
        let layers: Vec<Matrix> = weights
            .chunks(heads * tokens * tokens)
            .map(|layer| mean_matrix(layer, tokens))
            .collect();
        let scores = match self {
            Self::LastLayer => layers[layers.len() - 1][row].clone(),
            Self::Average => largest_entries(&mean_matrix(&layers.concat().concat(), tokens)),
            Self::Rollout => rollout(&residual(layers), row),
            Self::Flow => flow(&residual(layers), row),
        };
        Ok(host::tensor_like(scores, [tokens], attention))
    }
}

/// Mean of matrices that lie one after the other.
fn mean_matrix(matrices: &[f64], size: usize) -> Matrix {
    let count = (matrices.len() / (size * size)) as f64;
    let entry = |row, column| {
        matrices
            .iter()
            .skip(row * size + column)
            .step_by(size * size)
            .sum::<f64>()
            / count
    };
    (0..size)
        .map(|row| (0..size).map(|column| entry(row, column)).collect())
        .collect()
}

fn largest_entries(matrix: &Matrix) -> Vec<f64> {
    matrix
        .iter()
        .map(|row| row.iter().copied().fold(0.0, f64::max))
        .collect()
}

/// Adds the residual connection and scales every row to a sum of 1.
fn residual(mut layers: Vec<Matrix>) -> Vec<Matrix> {
    for layer in &mut layers {
        for (index, row) in layer.iter_mut().enumerate() {
            row[index] += 1.0;
            let total: f64 = row.iter().sum();
            for weight in row {
                *weight /= total;
            }
        }
    }
    layers
}

fn rollout(layers: &[Matrix], row: usize) -> Vec<f64> {
    let size = layers[0].len();
    let mut scores: Vec<f64> = (0..size)
        .map(|token| f64::from(u8::from(token == row)))
        .collect();
    for layer in layers.iter().rev() {
        let through = |key| {
            scores
                .iter()
                .zip(layer)
                .map(|(score, row)| score * row[key])
                .sum()
        };
        scores = (0..size).map(through).collect();
    }
    scores
}

fn flow(layers: &[Matrix], row: usize) -> Vec<f64> {
    // Augmenting paths in floating point leave residues that are neither zero nor capacity and may never end;
    // in units of 2⁻⁵² every sum is exact.
    const UNIT: f64 = (1u64 << 52) as f64;
    let size = layers[0].len();
    let node = |level: usize, token: usize| NodeIndex::new(level * size + token);
    let mut graph =
        Graph::<(), u64>::with_capacity((layers.len() + 1) * size, layers.len() * size * size);
    for _ in 0..(layers.len() + 1) * size {
        graph.add_node(());
    }
    for (level, layer) in layers.iter().enumerate() {
        for (query, row) in layer.iter().enumerate() {
            for (key, weight) in row.iter().enumerate() {
                graph.add_edge(
                    node(level + 1, query),
                    node(level, key),
                    (weight * UNIT).round() as u64,
                );
            }
        }
    }
    let source = node(layers.len(), row);
    let flows: Vec<f64> = (0..size)
        .map(|token| dinics(&graph, source, node(0, token)).0 as f64)
        .collect();
    let total: f64 = flows.iter().sum();
    flows.iter().map(|flow| flow / total).collect()
}
