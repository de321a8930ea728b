use super::{Baseline, FeatureGroups};

/// What it means to take a feature away: which entries go together, and what stands in their place.
///
/// Default: each entry alone, replaced by zero.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::Target;
/// use candor_explain::attribution::{FeatureGroups, Masker, OcclusionConfig};
///
/// // f(x) = x0 + x1 + x2 with x0 and x1 taken away together.
/// let model = |x: Tensor<2>| x.sum_dim(1);
/// let inputs = Tensor::<2>::from_floats([[1.0, 2.0, 4.0]], &Device::flex());
/// let masker = Masker::default().with_groups(FeatureGroups::from_ids(&[0, 0, 1])?);
/// let values = OcclusionConfig::new().init()?.explain(&model, inputs, &Target::Output(0), &masker)?;
/// assert_eq!(values.row(0), [3.0, 3.0, 4.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Masker<const D: usize> {
    pub(super) baseline: Baseline<D>,
    pub(super) groups: FeatureGroups,
}

impl<const D: usize> Masker<D> {
    /// What stands in the place of a feature that is taken away.
    pub fn with_baseline(mut self, baseline: impl Into<Baseline<D>>) -> Self {
        self.baseline = baseline.into();
        self
    }

    /// Which entries are taken away together.
    pub fn with_groups(mut self, groups: FeatureGroups) -> Self {
        self.groups = groups;
        self
    }
}
