use burn::tensor::{Int, Tensor};
use candor_core::{InputError, check_shape, shape};

/// Images cut into square patches, each flattened by row, column, channel.
///
/// ```text
/// [batch, channels, height, width] -> [batch, (height/p)(width/p), p p channels]
/// ```
///
/// Images need not be square.
///
/// # Errors
///
/// A patch of size 0, or one that does not divide the height and the width.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::multimodal::patchify;
///
/// let image = Tensor::<4>::from_floats([[[[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]]]], &Device::flex());
/// let patches = patchify(image, 2)?;
/// assert_eq!(candor_core::host::floats(&patches), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
/// # Ok::<(), candor_core::InputError>(())
/// ```
pub fn patchify(images: Tensor<4>, patch: usize) -> Result<Tensor<3>, InputError> {
    let [batch, channels, height, width] = images.dims();
    if patch == 0 {
        return Err(InputError::Undefined {
            component: "patchify",
            reason: "a patch has at least one pixel",
        });
    }
    let whole = [
        batch,
        channels,
        height - height % patch,
        width - width % patch,
    ];
    InputError::check_dims("patchify", "images", &images.dims(), &whole)?;
    Ok(cut(images, patch))
}

/// [`patchify`] of a patch >= 1 with the shape contract of an objective.
pub(super) fn patches_of(component: &'static str, images: Tensor<4>, patch: usize) -> Tensor<3> {
    let [_, _, height, width] = images.dims();
    check_shape!(
        component,
        images,
        [_, _, (height - height % patch), (width - width % patch)]
    );
    cut(images, patch)
}

fn cut(images: Tensor<4>, patch: usize) -> Tensor<3> {
    let [batch, channels, height, width] = images.dims();
    let (rows, columns) = (height / patch, width / patch);
    images
        .reshape([batch, channels, rows, patch, columns, patch])
        .permute([0, 2, 4, 3, 5, 1])
        .reshape([batch, rows * columns, patch * patch * channels])
}

/// The tokens of all patches in their order: visible ones at their places, a mask token at all others.
///
/// ```text
/// [class; visible]  ->  [class; (visible, mask token, ..., mask token)[restore]]
/// ```
///
/// The decoder's position embedding is added afterwards.
///
/// # Shapes
///
/// - visible: `[batch, 1 + kept, width]`, the class token first
/// - mask_token: `[width]`
/// - restore: `[batch, patches]`, of [`MaskedPatches`](super::MaskedPatches)
/// - result: `[batch, 1 + patches, width]`
///
/// # Panics
///
/// When the shapes do not fit, or there are more visible tokens than patches.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::multimodal::unshuffle;
///
/// let device = Device::flex();
/// let visible = Tensor::<3>::from_floats([[[1.0], [2.0]]], &device);
/// let restore = Tensor::<2, Int>::from_data([[1, 0]], &device); // patch 1 was kept
/// let tokens = unshuffle(visible, Tensor::from_floats([9.0], &device), restore);
/// assert_eq!(candor_core::host::floats(&tokens), [1.0, 9.0, 2.0]);
/// ```
pub fn unshuffle(visible: Tensor<3>, mask_token: Tensor<1>, restore: Tensor<2, Int>) -> Tensor<3> {
    const NAME: &str = "unshuffle";
    let [batch, tokens, width] = visible.dims();
    let [_, patches] = restore.dims();
    check_shape!(NAME, restore, [batch, patches]);
    check_shape!(NAME, mask_token, [width]);
    if tokens == 0 || tokens > patches + 1 {
        shape::check(
            NAME,
            "visible",
            &visible.dims(),
            &[Some(batch), Some(patches + 1), Some(width)],
        );
    }
    let class = visible.clone().slice_dim(1, 0..1);
    let mut shuffled = Vec::new();
    if tokens > 1 {
        shuffled.push(visible.slice_dim(1, 1..tokens));
    }
    if patches + 1 > tokens {
        let removed = patches + 1 - tokens;
        shuffled.push(
            mask_token
                .reshape([1, 1, width])
                .expand([batch, removed, width]),
        );
    }
    if shuffled.is_empty() {
        return class;
    }
    let ordered = pick_tokens(Tensor::cat(shuffled, 1), restore);
    Tensor::cat(vec![class, ordered], 1)
}

/// Of each example the tokens named, `[batch, picked, width]`; whole rows are moved, so that no index a value is needed.
pub(super) fn pick_tokens(tokens: Tensor<3>, indices: Tensor<2, Int>) -> Tensor<3> {
    let [batch, length, width] = tokens.dims();
    let [_, picked] = indices.dims();
    let starts = Tensor::<1, Int>::arange(0..batch as i64, &indices.device()) * length as i64;
    let rows = indices + starts.unsqueeze_dim::<2>(1);
    tokens
        .reshape([batch * length, width])
        .select(0, rows.reshape([batch * picked]))
        .reshape([batch, picked, width])
}
