use burn::tensor::{Bool, Int, Tensor, activation};
use candor_core::numerics::safe_div;
use candor_core::{DrawKey, InputError, check_shape, host, in_f32};
use rand::RngExt;

use super::precision::at_least_f32;

const NAME: &str = "HardNegatives";

/// For each row of a batch another member to pair it with wrongly, the likelier the more alike they seem.
///
/// ```text
/// weights = softmax of the row's similarities, 0 where the identities are equal
/// picked  = #{cumulative weights / their sum <= u},   u uniform in [0, 1)
/// ```
///
/// For wrong images of texts give text-to-image similarities, for wrong texts of images image-to-text ones. No gradient.
///
/// # Edge cases
///
/// 1e-12 is added to every weight that may be picked: members far from the row are drawn evenly where their softmax
/// underflows. A member of the same identity is never picked; a row without any other member picks 0, see
/// [`validate`](Self::validate).
///
/// # Source
///
/// Li et al.: Align before Fuse, 2021, arXiv 2107.07651.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::multimodal::HardNegatives;
///
/// let device = Device::flex();
/// let ids = Tensor::<1, Int>::from_data([7, 7, 9], &device);
/// let uniforms = Tensor::<1>::from_floats([0.0, 0.5, 0.9], &device);
/// let negatives = HardNegatives::pick(Tensor::zeros([3, 3], &device), ids, uniforms);
/// assert_eq!(candor_core::host::ints(&negatives.picked), [2, 2, 1]);
/// ```
#[derive(Debug, Clone)]
pub struct HardNegatives {
    /// The softmax of each row, 0 at members of its own identity, `[batch, batch]`.
    pub weights: Tensor<2>,
    /// The member picked for each row, `[batch]`.
    pub picked: Tensor<1, Int>,
}

impl HardNegatives {
    /// Picks by the given uniform numbers.
    ///
    /// # Shapes
    ///
    /// - similarities: `[batch, batch]`, divided by the temperature
    /// - ids: `[batch]`, who each member shows
    /// - uniforms: `[batch]`, in [0, 1)
    ///
    /// # Panics
    ///
    /// When the shapes differ.
    pub fn pick(similarities: Tensor<2>, ids: Tensor<1, Int>, uniforms: Tensor<1>) -> Self {
        let [batch, _] = similarities.dims();
        check_shape!(NAME, similarities, [batch, batch]);
        check_shape!(NAME, ids, [batch]);
        check_shape!(NAME, uniforms, [batch]);
        let own = same_identity(&ids);
        let weights = in_f32(similarities.without_autodiff(), |similarities| {
            activation::softmax(similarities, 1).mask_fill(own.clone(), 0.0)
        });
        // Half precision has no cumulative sum worth the name.
        let wide = at_least_f32(weights.clone());
        let allowed = (wide + 1e-12).mask_fill(own.clone(), 0.0);
        let shares = safe_div(allowed.clone(), allowed.sum_dim(1).expand([batch, batch]));
        let uniforms = uniforms.without_autodiff().cast(shares.dtype());
        let passed = shares
            .cumsum(1)
            .lower_equal(uniforms.unsqueeze_dim::<2>(1).expand([batch, batch]))
            .int()
            .sum_dim(1);
        let last = Tensor::<1, Int>::arange(0..batch as i64, &ids.device().without_autodiff())
            .unsqueeze_dim::<2>(0)
            .expand([batch, batch])
            .mask_fill(own, 0)
            .max_dim(1);
        let beyond = passed.clone().greater(last.clone());
        Self {
            weights,
            picked: passed.mask_where(beyond, last).squeeze_dim(1),
        }
    }

    /// Picks by the draws of a key; row i of the batch draws from the key's row + i.
    ///
    /// # Panics
    ///
    /// When the shapes differ.
    pub fn draw(similarities: Tensor<2>, ids: Tensor<1, Int>, key: DrawKey) -> Self {
        let [batch, _] = similarities.dims();
        let uniforms: Vec<f64> = (0..batch as u64)
            .map(|row| key.row(key.row + row).rng().random())
            .collect();
        let uniforms = host::tensor_like(uniforms, [batch], &similarities);
        Self::pick(similarities, ids, uniforms)
    }

    /// Looks for rows that no negative exists for; reads the identities to the host.
    ///
    /// # Errors
    ///
    /// No row, or a batch that shows one identity only.
    pub fn validate(ids: &Tensor<1, Int>) -> Result<(), InputError> {
        let ids = host::ints(ids);
        InputError::check_not_empty(NAME, "ids", ids.len())?;
        if ids.iter().all(|id| Some(id) == ids.first()) {
            return Err(InputError::Undefined {
                component: NAME,
                reason: "all members of the batch have one identity, so that no wrong pair exists",
            });
        }
        Ok(())
    }
}

fn same_identity(ids: &Tensor<1, Int>) -> Tensor<2, Bool> {
    let [batch] = ids.dims();
    let row = ids.clone().unsqueeze_dim::<2>(1).expand([batch, batch]);
    let column = ids.clone().unsqueeze_dim::<2>(0).expand([batch, batch]);
    row.equal(column)
}
