//! Shape contracts.
//!
//! Burn's operators panic on shapes that do not fit, and so do Candor's objectives: before any work, in one
//! line that names the component, the argument, the shape seen and the shape wanted.

/// Panics unless a tensor has the dimensions listed; `_` accepts any size on its axis.
///
/// ```should_panic
/// use burn::tensor::{Device, Tensor};
/// use candor_core::check_shape;
///
/// let logits = Tensor::<2>::zeros([4, 10], &Device::flex());
/// check_shape!("CompSumLoss", logits, [4, _]);
/// check_shape!("CompSumLoss", logits, [5, 10]); // CompSumLoss: logits has shape [4, 10], wanted [5, 10]
/// ```
#[macro_export]
macro_rules! check_shape {
    ($component:expr, $tensor:ident, [$($dim:tt),* $(,)?]) => {
        $crate::shape::check(
            $component,
            stringify!($tensor),
            &$tensor.dims(),
            &[$($crate::check_shape!(@dim $dim)),*],
        )
    };
    (@dim _) => { None };
    (@dim $dim:expr) => { Some($dim) };
}

/// What [`check_shape!`](crate::check_shape) expands to; `None` in `wanted` accepts any size.
///
/// # Panics
///
/// When the shapes differ.
#[track_caller]
#[allow(clippy::panic)] // the documented shape contract
pub fn check(component: &str, argument: &str, seen: &[usize], wanted: &[Option<usize>]) {
    let fits = seen.len() == wanted.len()
        && seen
            .iter()
            .zip(wanted)
            .all(|(seen, wanted)| wanted.is_none_or(|wanted| wanted == *seen));
    if !fits {
        let wanted: Vec<String> = wanted
            .iter()
            .map(|dim| dim.map_or_else(|| "_".to_owned(), |dim| dim.to_string()))
            .collect();
        panic!(
            "{component}: {argument} has shape {seen:?}, wanted [{}]",
            wanted.join(", ")
        );
    }
}

#[cfg(test)]
mod tests {
    #[test]
    #[should_panic(expected = "Npo: ref_logps has shape [3], wanted [2]")]
    fn a_mismatch_names_component_argument_and_both_shapes() {
        super::check("Npo", "ref_logps", &[3], &[Some(2)]);
    }

    #[test]
    fn an_underscore_accepts_any_size() {
        super::check("Npo", "logits", &[3, 7], &[Some(3), None]);
    }
}
