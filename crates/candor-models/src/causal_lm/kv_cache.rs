use burn::tensor::Tensor;

use super::{CausalLmConfig, LeftPadding};

/// Keys and values of the tokens that a model has already read, so that the next one costs one step and not a
/// forward over the whole sequence.
///
/// The room doubles when it runs out. [`with_capacity`](Self::with_capacity) reserves it at once.
///
/// Use it on a model without autodiff (see [`Module::valid`](burn::module::Module::valid)): gradients flow through a
/// cache, but every step then keeps a copy of it.
#[derive(Debug, Clone)]
pub struct KvCache {
    layers: Vec<LayerCache>,
    padding: Option<LeftPadding>,
    length: usize,
    reserved: usize,
}

impl KvCache {
    /// An empty cache for a model of this configuration.
    pub fn new(config: &CausalLmConfig) -> Self {
        Self::with_capacity(config, 0)
    }

    /// An empty cache with room for `tokens` tokens, padding included.
    pub fn with_capacity(config: &CausalLmConfig, tokens: usize) -> Self {
        Self {
            layers: vec![LayerCache::default(); config.num_layers],
            padding: None,
            length: 0,
            reserved: tokens,
        }
    }

    /// The same cache for rows that begin with padding.
    pub fn with_padding(mut self, padding: LeftPadding) -> Self {
        self.padding = (!padding.is_empty()).then_some(padding);
        self
    }

    /// How many columns have been read, padding included.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing has been read.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(super) fn padding(&self) -> Option<&LeftPadding> {
        self.padding.as_ref()
    }

    /// Where layer `index` puts what it computes for the columns after the ones read.
    pub(super) fn layer(&mut self, index: usize) -> LayerSlot<'_> {
        LayerSlot {
            cache: &mut self.layers[index],
            length: self.length,
            reserved: self.reserved,
        }
    }

    /// Counts the columns that all layers have put.
    pub(super) fn advance(&mut self, columns: usize) {
        self.length += columns;
    }
}

#[derive(Debug, Clone, Default)]
struct LayerCache {
    keys: Option<Tensor<4>>,
    values: Option<Tensor<4>>,
}

/// The place of one layer in a [`KvCache`].
pub(super) struct LayerSlot<'a> {
    cache: &'a mut LayerCache,
    length: usize,
    reserved: usize,
}

impl LayerSlot<'_> {
    /// Puts keys and values, `[batch, heads, new, head_dim]`, after those of before, and gives all there are.
    pub(super) fn append(self, keys: Tensor<4>, values: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let Self {
            cache,
            length,
            reserved,
        } = self;
        (
            append(&mut cache.keys, keys, length, reserved),
            append(&mut cache.values, values, length, reserved),
        )
    }
}

fn append(
    slot: &mut Option<Tensor<4>>,
    new: Tensor<4>,
    length: usize,
    reserved: usize,
) -> Tensor<4> {
    let [batch, heads, count, width] = new.dims();
    let total = length + count;
    // Taken out of its slot: a backend writes in place only into a tensor that nobody else holds.
    let room = match slot.take() {
        Some(room) if room.dims()[2] >= total => room,
        old => larger(old, &new, length, total.max(reserved)),
    };
    let room = room.slice_assign([0..batch, 0..heads, length..total, 0..width], new);
    let all = room.clone().slice_dim(2, 0..total);
    *slot = Some(room);
    all
}

/// Room for `wanted` columns or twice as many as there was room for, with the first `length` columns of before.
fn larger(old: Option<Tensor<4>>, like: &Tensor<4>, length: usize, wanted: usize) -> Tensor<4> {
    let [batch, heads, _, width] = like.dims();
    let empty = |columns| {
        let device = like.device();
        Tensor::<4>::zeros([batch, heads, columns, width], (&device, like.dtype()))
    };
    match old {
        Some(old) => {
            let capacity = wanted.max(2 * old.dims()[2]);
            let kept = old.slice_dim(2, 0..length);
            Tensor::cat(vec![kept, empty(capacity - length)], 2)
        }
        None => empty(wanted),
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use candor_core::host;

    use super::*;

    #[test]
    fn what_is_put_stays_while_the_room_grows() {
        let device = Device::flex();
        let config = CausalLmConfig::new(2, 2, 2, 1, 1, 1, 2);
        let mut cache = KvCache::new(&config);
        let mut wanted = Vec::new();
        for column in 0..9u8 {
            let entry = f64::from(column);
            let new = Tensor::<4>::full([1, 1, 1, 2], entry, &device);
            let (keys, values) = cache.layer(0).append(new.clone(), new * 10.0);
            cache.advance(1);
            wanted.extend([entry; 2]);
            assert_eq!(host::floats(&keys), wanted);
            let scaled: Vec<f64> = wanted.iter().map(|entry| entry * 10.0).collect();
            assert_eq!(host::floats(&values), scaled);
        }
        assert_eq!(cache.len(), 9);
    }
}
