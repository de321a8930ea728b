use burn::tensor::{Int, Tensor};
use candor_core::numerics::one_hot_mask;
use candor_core::{InputError, check_shape, host, in_f32};

use super::distances::{first_least, squared_differences};
use super::row_check::check_rows;

/// The prototype of each class: the mean of its support rows.
///
/// # Shapes
///
/// - support: `[rows, width]`
/// - labels: `[rows]`, in `0..way`, in any order
/// - result: `[way, width]`
///
/// # Edge cases
///
/// A class without a row has a prototype of zeros; [`validate_support`] refuses it.
///
/// # Panics
///
/// When there is not one label a row.
///
/// # Source
///
/// Snell, Swersky, Zemel: Prototypical Networks for Few-shot Learning, 2017, arXiv 1703.05175.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::metric_learning::prototypes;
///
/// let device = Device::flex();
/// let support = Tensor::<2>::from_floats([[1.0], [3.0], [7.0]], &device);
/// let labels = Tensor::<1, Int>::from_data([0, 0, 1], &device);
/// let means = prototypes(support, labels, 2).into_data().to_vec::<f32>().unwrap();
/// assert_eq!(means, [2.0, 7.0]);
/// ```
pub fn prototypes(support: Tensor<2>, labels: Tensor<1, Int>, way: usize) -> Tensor<2> {
    let [rows, _] = support.dims();
    check_shape!("prototypes", labels, [rows]);
    in_f32(support, |support| {
        let members = one_hot_mask(labels, way).float().cast(support.dtype());
        let counts = members.clone().sum_dim(0).clamp_min(1.0);
        // Shares before the product: the mean of equal rows is then that row, up to one rounding.
        (members / counts).transpose().matmul(support)
    })
}

/// Looks for a support set that [`prototypes`] are not defined for; reads the labels to the host.
///
/// # Errors
///
/// Fewer than two classes, no row, another number of labels than rows, a label outside `0..way`, a class without a row.
pub fn validate_support(
    support: &Tensor<2>,
    labels: &Tensor<1, Int>,
    way: usize,
) -> Result<(), InputError> {
    const NAME: &str = "prototypes";
    check_rows(NAME, "support", support, labels)?;
    if way < 2 {
        return Err(InputError::Undefined {
            component: NAME,
            reason: "there must be at least two classes",
        });
    }
    let labels = host::ints(labels);
    InputError::check_labels(NAME, "labels", &labels, way)?;
    let rows_of = |class: usize| {
        labels
            .iter()
            .filter(|&&label| label == class as i64)
            .count()
    };
    let rows: Vec<f64> = (0..way).map(|class| rows_of(class) as f64).collect();
    InputError::check_values(NAME, "rows of class", &rows, ">= 1", |rows| rows >= 1.0)
}

/// The class `[queries]` whose prototype is nearest to each query, the first of them on a tie.
///
/// # Panics
///
/// When prototypes `[way, width]` are not as wide as the queries `[queries, width]`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_losses::metric_learning::nearest_prototype;
///
/// let device = Device::flex();
/// let queries = Tensor::<2>::from_floats([[1.0], [5.0]], &device);
/// let prototypes = Tensor::<2>::from_floats([[4.0], [0.0]], &device);
/// assert_eq!(candor_core::host::ints(&nearest_prototype(queries, prototypes)), [1, 0]);
/// ```
pub fn nearest_prototype(queries: Tensor<2>, prototypes: Tensor<2>) -> Tensor<1, Int> {
    let [rows, width] = queries.dims();
    check_shape!("nearest_prototype", prototypes, [_, width]);
    let (queries, prototypes) = (queries.without_autodiff(), prototypes.without_autodiff());
    let squares = in_f32(queries, |queries| {
        let prototypes = prototypes.cast(queries.dtype());
        squared_differences(queries, prototypes)
    });
    first_least(squares).reshape([rows])
}
