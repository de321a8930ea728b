use std::marker::PhantomData;
use std::ops::Range;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::FloatDType;

use super::Wanted;
use super::kernels::{Kernels, float_dtype, rows};
use super::tiling::Tiling;
use crate::linear::LogitMap;

/// Factored logits as a backend's primitives.
pub(super) struct Head<B: Backend> {
    pub(super) hidden: FloatTensor<B>,
    pub(super) weight: FloatTensor<B>,
    pub(super) bias: Option<FloatTensor<B>>,
    pub(super) map: LogitMap,
}

impl<B: Backend> Head<B> {
    /// An extension's method cannot take an optional tensor: a bias without entries stands for none.
    pub(super) fn new(
        hidden: FloatTensor<B>,
        weight: FloatTensor<B>,
        bias: FloatTensor<B>,
        map: LogitMap,
    ) -> Self {
        let bias = (bias.shape().num_elements() > 0).then_some(bias);
        Self {
            hidden,
            weight,
            bias,
            map,
        }
    }

    /// Rows, classes and width.
    pub(super) fn dims(&self) -> [usize; 3] {
        let [rows, width] = self.hidden.shape().dims();
        [rows, self.weight.shape()[0], width]
    }
}

/// The logits of some rows: kept when all classes fit into one tile, computed anew for each look otherwise.
pub(super) struct RowTiles<'a, B: Backend, K: Kernels<B>> {
    head: &'a Head<B>,
    tiling: &'a Tiling,
    first_row: usize,
    hidden: FloatTensor<B>,
    kept: Option<FloatTensor<B>>,
    kernels: PhantomData<K>,
}

impl<'a, B: Backend, K: Kernels<B>> RowTiles<'a, B, K> {
    pub(super) fn new(head: &'a Head<B>, range: Range<usize>, tiling: &'a Tiling) -> Self {
        Self {
            head,
            tiling,
            first_row: range.start,
            hidden: K::operand(rows::<B>(&head.hidden, range)),
            kept: None,
            kernels: PhantomData,
        }
    }

    pub(super) fn hidden(&self) -> &FloatTensor<B> {
        &self.hidden
    }

    pub(super) fn class_chunks(&self) -> impl Iterator<Item = Range<usize>> + use<'a, B, K> {
        self.tiling.class_chunks()
    }

    pub(super) fn class_count(&self) -> usize {
        self.head.weight.shape()[0]
    }

    pub(super) fn map(&self) -> LogitMap {
        self.head.map
    }

    fn weight(&self, classes: &Range<usize>) -> FloatTensor<B> {
        K::operand(rows::<B>(&self.head.weight, classes.clone()))
    }

    /// Lets `look` read the logits of some classes.
    pub(super) fn look<T>(
        &mut self,
        classes: &Range<usize>,
        look: impl FnOnce(&FloatTensor<B>) -> T,
    ) -> T {
        let logits = self.take(classes);
        let seen = look(&logits);
        if self.tiling.holds_all_classes() {
            self.kept = Some(logits);
        }
        seen
    }

    /// The logits of some classes, for good: a kernel may overwrite them.
    pub(super) fn take(&mut self, classes: &Range<usize>) -> FloatTensor<B> {
        self.kept.take().unwrap_or_else(|| {
            let bias = self.head.bias.as_ref();
            let logits = K::logits(
                self.hidden.clone(),
                self.weight(classes),
                bias.map(|bias| rows::<B>(bias, classes.clone())),
                self.head.map,
            );
            if self.head.map.without_own_class {
                return K::without_own_class(logits, self.first_row, classes.start);
            }
            logits
        })
    }
}

/// Gradients of hidden states, weight and bias, each in its operand's precision, empty where not wanted.
pub(super) type Gradients<B> = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>);

/// A value `[1]` and its gradients.
pub(super) type ValueAndGradients<B> = (
    FloatTensor<B>,
    FloatTensor<B>,
    FloatTensor<B>,
    FloatTensor<B>,
);

/// Sums of the tiles' gradients, in `f32` at least; those that are not wanted are never there.
pub(super) struct GradientSums<B: Backend> {
    hidden: Option<Vec<FloatTensor<B>>>,
    open: Option<FloatTensor<B>>,
    // Taken out while it is added to: with a second owner a backend would copy it.
    weight: Option<FloatTensor<B>>,
    bias: Option<FloatTensor<B>>,
    first_rows: bool,
}

impl<B: Backend> GradientSums<B> {
    pub(super) fn zeros<K: Kernels<B>>(head: &Head<B>, wanted: Wanted) -> Self {
        let bias = head.bias.as_ref().filter(|_| wanted.bias);
        Self {
            hidden: wanted.hidden.then(Vec::new),
            open: None,
            weight: wanted.weight.then(|| sum_like::<B, K>(&head.weight)),
            bias: bias.map(sum_like::<B, K>),
            first_rows: true,
        }
    }

    /// Adds what one tile's gradient, before the map, gives to each operand.
    pub(super) fn add<K: Kernels<B>>(
        &mut self,
        tiles: &RowTiles<'_, B, K>,
        classes: &Range<usize>,
        gradient: FloatTensor<B>,
    ) {
        if let Some(bias) = self.bias.take() {
            let part = B::float_sum_dim(gradient.clone(), 0);
            let part = B::float_reshape(part, [classes.len()].into());
            let sum = B::float_add(rows::<B>(&bias, classes.clone()), part);
            self.bias = Some(B::float_slice_assign(bias, &[classes.clone().into()], sum));
        }
        // Where the operands stay in half precision, so must the gradient that meets them.
        let gradient = cast_like::<B>(gradient, &tiles.hidden);
        if self.hidden.is_some() {
            let part = K::product(gradient.clone(), tiles.weight(classes));
            self.open = Some(match self.open.take() {
                Some(sum) => B::float_add(sum, part),
                None => part,
            });
        }
        if let Some(weight) = self.weight.take() {
            let (hidden, fresh) = (tiles.hidden.clone(), self.first_rows);
            self.weight = Some(K::accumulate(
                weight,
                classes.clone(),
                fresh,
                gradient,
                hidden,
            ));
        }
    }

    /// Ends a chunk of rows.
    pub(super) fn close_rows(&mut self) {
        if let Some(hidden) = &mut self.hidden {
            hidden.extend(self.open.take());
        }
        self.first_rows = false;
    }

    pub(super) fn finish(self, head: &Head<B>) -> Gradients<B> {
        let like = |sum: Option<FloatTensor<B>>, operand: &FloatTensor<B>| match sum {
            Some(sum) => cast_like::<B>(sum, operand),
            // Without entries, as a bias that is not there.
            None => B::float_zeros([0].into(), &operand.device(), float_dtype(operand)),
        };
        (
            like(self.hidden.map(|rows| B::float_cat(rows, 0)), &head.hidden),
            like(self.weight, &head.weight),
            like(self.bias, head.bias.as_ref().unwrap_or(&head.weight)),
        )
    }
}

fn cast_like<B: Backend>(tensor: FloatTensor<B>, like: &FloatTensor<B>) -> FloatTensor<B> {
    if tensor.dtype() == like.dtype() {
        return tensor;
    }
    B::float_cast(tensor, float_dtype(like))
}

fn sum_like<B: Backend, K: Kernels<B>>(operand: &FloatTensor<B>) -> FloatTensor<B> {
    let dtype = match float_dtype(operand) {
        FloatDType::F64 => FloatDType::F64,
        _ => FloatDType::F32,
    };
    K::zeros(operand.shape(), &operand.device(), dtype)
}
