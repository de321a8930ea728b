use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor, activation};
use candor_core::numerics::one_hot_mask;
use candor_core::{ConfigError, InputError, check_shape, in_f32, reduce};

use super::distances::{rooted, squared_differences};
use super::row_check::check_queries;

/// Configuration of [`ProtoTripletLoss`].
#[derive(Config, Debug)]
pub struct ProtoTripletLossConfig {
    /// How much nearer the own prototype must be, finite and >= 0. Default: 0.5, the authors'.
    #[config(default = 0.5)]
    pub margin: f64,
}

impl ProtoTripletLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// A margin that is negative or not finite.
    pub fn init(&self) -> Result<ProtoTripletLoss, ConfigError> {
        Ok(ProtoTripletLoss {
            margin: ConfigError::non_negative("ProtoTripletLossConfig", "margin", self.margin)?,
        })
    }
}

/// Triplet loss on prototypes: the own one must be nearer than the nearest wrong one, by a margin.
///
/// ```text
/// d(q, c) = √(‖q - c‖² + 1e-6)
/// loss    = max(0, d(q, c_label) - min over k ≠ label of d(q, c_k) + margin)
/// ```
///
/// The anchor is the query, the positive its prototype, the negative the hardest of the others, so nothing needs to be
/// mined. Gradients reach queries and prototypes, through [`prototypes`](super::prototypes) also the support rows.
///
/// # Edge cases
///
/// A query on a prototype has distance 1e-3 and gradient 0 towards it. Memory is queries x prototypes x width.
///
/// # Source
///
/// SuSana Distancia is all you need, 2023, arXiv 2305.09062, by the authors' code.
///
/// ```
/// use burn::nn::loss::Reduction;
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::metric_learning::ProtoTripletLossConfig;
///
/// let device = Device::flex();
/// let (queries, labels) = (Tensor::zeros([1, 1], &device), Tensor::<1, Int>::from_data([0], &device));
/// let prototypes = Tensor::<2>::from_floats([[3.0], [1.0], [9.0]], &device);
/// let loss = ProtoTripletLossConfig::new().init().unwrap().forward(queries, labels, prototypes, Reduction::Mean);
/// assert!((loss.into_scalar::<f32>() - 2.5).abs() < 1e-5); // 3 - 1 + 0.5
/// ```
#[derive(Debug, Clone)]
pub struct ProtoTripletLoss {
    margin: f64,
}

impl ProtoTripletLoss {
    /// The loss, reduced to `[1]`.
    ///
    /// # Shapes
    ///
    /// - queries: `[queries, width]`
    /// - labels: `[queries]`, in `0..way`
    /// - prototypes: `[way, width]`
    ///
    /// # Panics
    ///
    /// When there is not one label a query, or prototypes are not as wide as queries.
    pub fn forward(
        &self,
        queries: Tensor<2>,
        labels: Tensor<1, Int>,
        prototypes: Tensor<2>,
        reduction: Reduction,
    ) -> Tensor<1> {
        reduce(
            self.forward_no_reduction(queries, labels, prototypes),
            &reduction,
        )
    }

    /// The loss of each query, `[queries]`.
    ///
    /// # Panics
    ///
    /// When there is not one label a query, or prototypes are not as wide as queries.
    pub fn forward_no_reduction(
        &self,
        queries: Tensor<2>,
        labels: Tensor<1, Int>,
        prototypes: Tensor<2>,
    ) -> Tensor<1> {
        in_f32(queries, |queries| {
            let [own, wrong] = self.distances(queries, labels, prototypes);
            activation::relu(own - wrong + self.margin)
        })
    }

    /// The distances of each query to its prototype and to the nearest wrong one, `[queries]` each.
    ///
    /// # Panics
    ///
    /// When there is not one label a query, or prototypes are not as wide as queries.
    pub fn distances(
        &self,
        queries: Tensor<2>,
        labels: Tensor<1, Int>,
        prototypes: Tensor<2>,
    ) -> [Tensor<1>; 2] {
        /// Farther than any prototype; squares to no infinity in f32 on the way back.
        const FAR: f64 = 1e18;
        let ([rows, width], [way, _]) = (queries.dims(), prototypes.dims());
        check_shape!("ProtoTripletLoss", labels, [rows]);
        check_shape!("ProtoTripletLoss", prototypes, [_, width]);
        let both = in_f32(queries, |queries| {
            let prototypes = prototypes.cast(queries.dtype());
            let distances = rooted(squared_differences(queries, prototypes));
            let is_own = one_hot_mask(labels, way);
            let own = distances.clone().mask_fill(is_own.clone().bool_not(), 0.0);
            let wrong = distances.mask_fill(is_own, FAR);
            Tensor::cat(vec![own.sum_dim(1), wrong.min_dim(1)], 1)
        });
        [0, 1].map(|column| {
            both.clone()
                .slice_dim(1, column..column + 1)
                .reshape([rows])
        })
    }

    /// Looks for values the loss is not defined for; reads the labels to the host.
    ///
    /// # Errors
    ///
    /// No query, differing lengths or widths, fewer than two prototypes, a label that names none.
    pub fn validate(
        &self,
        queries: &Tensor<2>,
        labels: &Tensor<1, Int>,
        prototypes: &Tensor<2>,
    ) -> Result<(), InputError> {
        check_queries("ProtoTripletLoss", queries, labels, prototypes)
    }
}
