use burn::tensor::{DType, Device, Tensor, TensorData};
use candor_core::layers::{RopeLayout, rotate};
use candor_core::{ConfigError, in_f32};

use super::LeftPadding;
use super::precision::at_least_single;

/// Rotary position encoding: pairs of a head's entries are turned by an angle that grows with the position.
///
/// ```text
/// angle(p, i) = p · theta^(-2i / head_dim)              i in 0..head_dim/2
/// (a, b) -> (a cos - b sin, a sin + b cos)
/// ```
///
/// with `(a, b)` the entries `(2i, 2i + 1)` or `(i, i + head_dim/2)`, as the [`RopeLayout`] says. The product of a
/// query and a key then depends on the distance of their positions alone.
///
/// Source: Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding".
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_models::causal_lm::{RopeLayout, RotaryEmbedding};
///
/// let device = Device::flex();
/// let rotary = RotaryEmbedding::new(2, 10_000.0, RopeLayout::Half)?;
/// // Position 1 of the only pair: an angle of 1.
/// let rotation = rotary.rotation(1, 1, None, &device, burn::tensor::DType::F32);
/// let turned = rotation.apply(Tensor::<4>::from_floats([[[[1.0, 0.0]]]], &device));
/// let turned = turned.into_data().to_vec::<f32>().unwrap();
/// assert!((turned[0] - 1f32.cos()).abs() < 1e-6 && (turned[1] - 1f32.sin()).abs() < 1e-6);
/// # Ok::<(), candor_core::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct RotaryEmbedding {
    frequencies: Vec<f64>,
    layout: RopeLayout,
}

impl RotaryEmbedding {
    /// The encoding of heads of an even width.
    ///
    /// # Errors
    ///
    /// A `head_dim` that is zero or odd, or a `theta` that is not finite and above zero.
    pub fn new(head_dim: usize, theta: f64, layout: RopeLayout) -> Result<Self, ConfigError> {
        const NAME: &str = "RotaryEmbedding";
        ConfigError::positive(NAME, "theta", theta)?;
        if head_dim == 0 || !head_dim.is_multiple_of(2) {
            let legal = "even and > 0";
            return Err(ConfigError::out_of_range(NAME, "head_dim", head_dim, legal));
        }
        Ok(Self::unchecked(head_dim, theta, layout))
    }

    pub(super) fn unchecked(head_dim: usize, theta: f64, layout: RopeLayout) -> Self {
        let frequency = |pair: usize| theta.powf(-((2 * pair) as f64) / head_dim as f64);
        Self {
            frequencies: (0..head_dim / 2).map(frequency).collect(),
            layout,
        }
    }

    /// The rotation of `count` columns, the first of which is column `first` of its row.
    ///
    /// Angles are computed in `f64` and rounded to `precision` afterwards, to `f32` where that is a half precision:
    /// an `f32` angle at position 8000 is off by 2e-4. Without padding a column is a position; with it, positions
    /// count from the end of the padding and the padded columns have position 0.
    pub fn rotation(
        &self,
        first: usize,
        count: usize,
        padding: Option<&LeftPadding>,
        device: &Device,
        precision: DType,
    ) -> Rotation {
        // Not kept between calls: it is one row of `head_dim / 2` per decoded token, once for all layers, and a table
        // would have to follow the model's device and precision.
        let unpadded = [0];
        let rows = padding.map_or(&unpadded[..], LeftPadding::lengths);
        let angles: Vec<f64> = rows
            .iter()
            .flat_map(|&padded| {
                (first..first + count).map(move |column| column.saturating_sub(padded))
            })
            .flat_map(|position| {
                let turn = move |frequency: &f64| position as f64 * frequency;
                self.frequencies.iter().map(turn)
            })
            .collect();
        let shape = [rows.len(), count, self.frequencies.len()];
        let precision = at_least_single(precision);
        let table = |function: fn(f64) -> f64| {
            let values: Vec<f64> = angles.iter().map(|&angle| function(angle)).collect();
            Tensor::from_data(TensorData::new(values, shape), (device, precision))
        };
        Rotation {
            cos: table(f64::cos),
            sin: table(f64::sin),
            layout: self.layout,
        }
    }
}

/// The angles of some positions, to be applied to the queries and keys of every layer.
#[derive(Debug, Clone)]
pub struct Rotation {
    cos: Tensor<3>,
    sin: Tensor<3>,
    layout: RopeLayout,
}

impl Rotation {
    /// Turns heads as a projection gives them, `[batch, positions, heads, head_dim]`, and returns them as attention
    /// takes them, `[batch, heads, positions, head_dim]`.
    ///
    /// # Panics
    ///
    /// When the positions or the width are not those that the rotation was made for.
    pub fn apply(&self, heads: Tensor<4>) -> Tensor<4> {
        in_f32(heads, |heads| {
            rotate(heads, &self.cos, &self.sin, self.layout)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(tensor: Tensor<4>) -> Vec<f64> {
        tensor.into_data().iter().collect()
    }

    #[test]
    fn a_product_depends_on_the_distance_alone() {
        let device = Device::flex();
        let heads = |seed: f64| {
            let entries: Vec<f64> = (0..8).map(|i| (seed + f64::from(i)).sin()).collect();
            Tensor::<4>::from_data(
                TensorData::new(entries, [1, 1, 1, 8]),
                (&device, DType::F64),
            )
        };
        for layout in [RopeLayout::Half, RopeLayout::Interleaved] {
            let rotary = RotaryEmbedding::new(8, 10_000.0, layout).unwrap();
            let product = |query: usize, key: usize| {
                let at = |position| rotary.rotation(position, 1, None, &device, DType::F64);
                let product = at(query).apply(heads(0.3)) * at(key).apply(heads(1.7));
                values(product).iter().sum::<f64>()
            };
            assert!((product(3, 1) - product(5002, 5000)).abs() < 1e-9);
            assert!((product(3, 1) - product(3, 2)).abs() > 1e-3);
        }
    }

    #[test]
    fn padded_rows_count_from_their_first_token() {
        let device = Device::flex();
        let rotary = RotaryEmbedding::new(4, 10_000.0, RopeLayout::Half).unwrap();
        let padding = LeftPadding::new(vec![0, 2]);
        let heads = Tensor::<4>::ones([2, 3, 1, 4], &device);
        let rotation = rotary.rotation(0, 3, Some(&padding), &device, DType::F32);
        let turned = values(rotation.apply(heads));
        // Row 1 has positions 0, 0, 0: only its last column is a token, and it is the first one.
        assert_eq!(turned[12..16], [1.0; 4]);
        assert_eq!(turned[20..24], [1.0; 4]);
        assert!((turned[8] - (2f64.cos() - 2f64.sin())).abs() < 1e-6);
    }

    #[test]
    fn illegal_widths_and_bases_are_refused() {
        let legal = |head_dim, theta| RotaryEmbedding::new(head_dim, theta, RopeLayout::Half);
        assert!(legal(2, 1.0).is_ok());
        for (head_dim, theta) in [
            (0, 1.0),
            (3, 1.0),
            (2, 0.0),
            (2, f64::NAN),
            (2, f64::INFINITY),
        ] {
            assert!(legal(head_dim, theta).is_err(), "{head_dim} {theta}");
        }
    }
}
