use super::WeightSource;
use crate::causal_lm::{CausalLmConfig, LmError, RopeLayout};

/// Reorders the rows of a query or key matrix from one rotary layout to another.
///
/// Inside a head of `d` rows, row `i` of the first half and row `i` of the second (`Half`) become rows `2i` and
/// `2i + 1` (`Interleaved`), and back. `weight` is row-major with `rows` rows, `heads` of them alike; a vector counts
/// as one column. Equal layouts give a copy. Only `q_proj` and `k_proj` are stored this way, never `v_proj` or
/// `o_proj`.
///
/// ```
/// use candor_models::causal_lm::RopeLayout::{Half, Interleaved};
/// use candor_models::causal_lm::weights::permute_rope_rows;
///
/// let interleaved = permute_rope_rows(&[0.0, 1.0, 2.0, 3.0], 4, 1, Half, Interleaved)?;
/// assert_eq!(interleaved, [0.0, 2.0, 1.0, 3.0]);
/// # Ok::<(), candor_models::causal_lm::LmError>(())
/// ```
///
/// # Errors
///
/// Rows that do not divide into `heads` heads of an even number of rows, or values that do not divide into rows.
pub fn permute_rope_rows(
    weight: &[f32],
    rows: usize,
    heads: usize,
    from: RopeLayout,
    to: RopeLayout,
) -> Result<Vec<f32>, LmError> {
    let even = heads > 0 && rows > 0 && rows.is_multiple_of(heads.saturating_mul(2));
    if !even || !weight.len().is_multiple_of(rows) {
        return Err(LmError::UnevenHeads {
            values: weight.len(),
            rows,
            heads,
        });
    }
    let (columns, height) = (weight.len() / rows, rows / heads);
    let mut permuted = Vec::with_capacity(weight.len());
    for row in 0..rows {
        let (head, row) = (row / height * height, row % height);
        let source = (head + source_row(row, height / 2, from, to)) * columns;
        permuted.extend_from_slice(&weight[source..source + columns]);
    }
    Ok(permuted)
}

/// The row of a head in the layout `from` that becomes `row` in the layout `to`.
fn source_row(row: usize, half: usize, from: RopeLayout, to: RopeLayout) -> usize {
    match (from, to) {
        (RopeLayout::Interleaved, RopeLayout::Half) => 2 * (row % half) + row / half,
        (RopeLayout::Half, RopeLayout::Interleaved) => row / 2 + half * (row % 2),
        (RopeLayout::Interleaved, RopeLayout::Interleaved)
        | (RopeLayout::Half, RopeLayout::Half) => row,
    }
}

/// Weights of one rotary layout, shown in another.
///
/// Besides `q_proj` and `k_proj` it reorders the weights of `q_norm` and `k_norm`, which scale their rows.
///
/// ```
/// use candor_models::causal_lm::weights::{InRopeLayout, WeightMap, WeightSource};
/// use candor_models::causal_lm::{CausalLmConfig, RopeLayout};
///
/// let config = CausalLmConfig::new(8, 2, 4, 1, 1, 1, 4); // Half
/// let mut half = WeightMap::new();
/// half.insert("model.layers.0.self_attn.q_proj.weight", vec![4, 1], vec![0.0, 1.0, 2.0, 3.0])?;
/// let interleaved = InRopeLayout::new(&half, &config, RopeLayout::Interleaved);
/// assert_eq!(interleaved.read("model.layers.0.self_attn.q_proj.weight")?, [0.0, 2.0, 1.0, 3.0]);
/// # Ok::<(), candor_models::causal_lm::LmError>(())
/// ```
pub struct InRopeLayout<'a> {
    source: &'a dyn WeightSource,
    head_dim: usize,
    from: RopeLayout,
    to: RopeLayout,
}

impl<'a> InRopeLayout<'a> {
    /// The weights of `source`, which lie as `config.rope_layout` says, in the layout `to`.
    pub fn new(source: &'a dyn WeightSource, config: &CausalLmConfig, to: RopeLayout) -> Self {
        Self {
            source,
            head_dim: config.head_dim,
            from: config.rope_layout,
            to,
        }
    }
}

impl WeightSource for InRopeLayout<'_> {
    fn names(&self) -> Vec<String> {
        self.source.names()
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.source.shape(name)
    }

    fn read(&self, name: &str) -> Result<Vec<f32>, LmError> {
        let values = self.source.read(name)?;
        if self.from == self.to || !is_rotated(name) {
            return Ok(values);
        }
        let shape = self.source.shape(name).unwrap_or_default();
        let rows = shape.first().copied().unwrap_or(0);
        let heads = rows / self.head_dim.max(1);
        permute_rope_rows(&values, rows, heads, self.from, self.to)
    }
}

fn is_rotated(name: &str) -> bool {
    ["q_proj", "k_proj", "q_norm", "k_norm"]
        .iter()
        .any(|part| name.ends_with(&format!(".self_attn.{part}.weight")))
}
