use burn::config::Config;
use burn::nn::loss::Reduction;
use burn::tensor::{Int, Tensor};
use candor_core::{ConfigError, InputError, check_shape};
use serde::{Deserialize, Serialize};

use super::icnn::{IcnnLoss, IcnnLossConfig};
use super::proto_cross_entropy::{ProtoCrossEntropyLoss, ProtoCrossEntropyLossConfig};
use super::proto_triplet::{ProtoTripletLoss, ProtoTripletLossConfig};
use super::prototypes::{prototypes, validate_support};

/// A term of an [`EpisodeLoss`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EpisodeTerm {
    /// [`ProtoCrossEntropyLoss`] of the queries, on squared distances.
    CrossEntropy,
    /// [`IcnnLoss`] of the support rows among themselves.
    SupportIcnn,
    /// [`IcnnLoss`] of the queries, with the support rows as neighbours.
    QueryIcnn,
    /// [`IcnnLoss`] of support rows and queries together, with shot + query as neighbourhood.
    FullIcnn,
    /// [`ProtoTripletLoss`] of the queries.
    ProtoTriplet,
}

/// Configuration of [`EpisodeLoss`].
///
/// `EpisodeLossConfig::new(way)`.
#[derive(Config, Debug)]
pub struct EpisodeLossConfig {
    /// Classes of an episode, >= 2.
    pub way: usize,
    /// The terms, one at least; each weighs the same. Default: cross-entropy and support ICNN.
    #[config(default = "vec![EpisodeTerm::CrossEntropy, EpisodeTerm::SupportIcnn]")]
    pub terms: Vec<EpisodeTerm>,
    /// Margin of the Proto-Triplet term, finite and >= 0. Default: 0.5.
    #[config(default = 0.5)]
    pub margin: f64,
    /// Temperature of the cross-entropy term, finite and > 0. Default: 1.
    #[config(default = 1.0)]
    pub temperature: f64,
    /// Neighbours that the ICNN terms score, >= 1. Default: 4.
    #[config(default = 4)]
    pub k: usize,
    /// Whether the ICNN of queries against support rows leaves out each query's best match, as the authors' code does.
    /// Default: it does; set it to false in new code.
    #[config(default = true)]
    pub query_drop_first: bool,
}

impl EpisodeLossConfig {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// Fewer than two classes, no term, an illegal setting of a term.
    pub fn init(&self) -> Result<EpisodeLoss, ConfigError> {
        const NAME: &str = "EpisodeLossConfig";
        if self.way < 2 {
            return Err(ConfigError::out_of_range(NAME, "way", self.way, ">= 2"));
        }
        if self.terms.is_empty() {
            let problem = "terms is empty, there must be one at least";
            return Err(ConfigError::contradiction(NAME, problem));
        }
        let icnn = IcnnLossConfig::new().with_k(self.k);
        Ok(EpisodeLoss {
            way: self.way,
            terms: self.terms.clone(),
            cross_entropy: ProtoCrossEntropyLossConfig::new()
                .with_temperature(self.temperature)
                .init()?,
            proto_triplet: ProtoTripletLossConfig::new()
                .with_margin(self.margin)
                .init()?,
            icnn: icnn.init()?,
            query_icnn: icnn.with_drop_first(self.query_drop_first).init()?,
        })
    }
}

/// What an episode of few-shot training minimises: the mean of the chosen terms.
///
/// ```text
/// loss = Σ terms / number of terms
/// ```
///
/// Embed support rows and queries in one pass, then give both. Prototypes are the means of the support rows.
///
/// # Edge cases
///
/// The ICNN terms need three rows at least, and with 1-shot support they have next to no signal, see [`IcnnLoss`].
///
/// # Source
///
/// SuSana Distancia is all you need, 2023, arXiv 2305.09062, by the authors' code; their `cross,suppicnn` is the default.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use candor_losses::metric_learning::{EpisodeLossConfig, EpisodeTerm};
///
/// let device = Device::flex();
/// let labels = || Tensor::<1, Int>::from_data([0, 1], &device);
/// let embedded = || Tensor::<2>::from_floats([[0.0], [4.0]], &device);
/// let loss = EpisodeLossConfig::new(2).with_terms(vec![EpisodeTerm::ProtoTriplet]).init().unwrap();
/// assert_eq!(loss.forward(embedded(), labels(), embedded(), labels()).into_scalar::<f32>(), 0.0);
/// ```
#[derive(Debug, Clone)]
pub struct EpisodeLoss {
    way: usize,
    terms: Vec<EpisodeTerm>,
    cross_entropy: ProtoCrossEntropyLoss,
    proto_triplet: ProtoTripletLoss,
    icnn: IcnnLoss,
    query_icnn: IcnnLoss,
}

impl EpisodeLoss {
    /// The loss `[1]`.
    ///
    /// # Shapes
    ///
    /// - support: `[way · shot, width]`, support_labels: `[way · shot]`
    /// - queries: `[way · query, width]`, query_labels: `[way · query]`
    ///
    /// Labels are in `0..way`, rows in any order.
    ///
    /// # Panics
    ///
    /// When shapes do not fit, or an ICNN term has too few rows: see [`validate`](Self::validate).
    pub fn forward(
        &self,
        support: Tensor<2>,
        support_labels: Tensor<1, Int>,
        queries: Tensor<2>,
        query_labels: Tensor<1, Int>,
    ) -> Tensor<1> {
        let values = self.terms(support, support_labels, queries, query_labels);
        let values: Vec<Tensor<1>> = values.into_iter().map(|(_, value)| value).collect();
        Tensor::cat(values, 0).mean()
    }

    /// Each term with its value `[1]`, for logging.
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward).
    pub fn terms(
        &self,
        support: Tensor<2>,
        support_labels: Tensor<1, Int>,
        queries: Tensor<2>,
        query_labels: Tensor<1, Int>,
    ) -> Vec<(EpisodeTerm, Tensor<1>)> {
        let ([rows, width], [asked, _]) = (support.dims(), queries.dims());
        check_shape!("EpisodeLoss", support_labels, [rows]);
        check_shape!("EpisodeLoss", queries, [_, width]);
        check_shape!("EpisodeLoss", query_labels, [asked]);
        let means = prototypes(support.clone(), support_labels.clone(), self.way);
        let support = (support, support_labels);
        let queries = (queries, query_labels);
        let value = |&term: &EpisodeTerm| {
            let ((rows, labels), (asked, wanted)) = (support.clone(), queries.clone());
            let value = match term {
                EpisodeTerm::CrossEntropy => {
                    let means = means.clone();
                    self.cross_entropy
                        .forward(asked, wanted, means, Reduction::Mean)
                }
                EpisodeTerm::ProtoTriplet => {
                    let means = means.clone();
                    self.proto_triplet
                        .forward(asked, wanted, means, Reduction::Mean)
                }
                EpisodeTerm::SupportIcnn => self.icnn.forward(rows, labels),
                EpisodeTerm::QueryIcnn => {
                    self.query_icnn.forward_against(asked, wanted, rows, labels)
                }
                EpisodeTerm::FullIcnn => {
                    let rows = Tensor::cat(vec![rows, asked], 0);
                    let labels = Tensor::cat(vec![labels, wanted], 0);
                    self.full_icnn(rows.dims()[0]).forward(rows, labels)
                }
            };
            (term, value)
        };
        self.terms.iter().map(value).collect()
    }

    /// Looks for episodes the loss is not defined for; reads the labels to the host.
    ///
    /// # Errors
    ///
    /// What [`validate_support`] and the `validate` of each chosen term refuse.
    pub fn validate(
        &self,
        support: &Tensor<2>,
        support_labels: &Tensor<1, Int>,
        queries: &Tensor<2>,
        query_labels: &Tensor<1, Int>,
    ) -> Result<(), InputError> {
        validate_support(support, support_labels, self.way)?;
        let [_, width] = support.dims();
        let means = Tensor::zeros([self.way, width], &support.device());
        self.cross_entropy.validate(queries, query_labels, &means)?;
        for term in &self.terms {
            match term {
                EpisodeTerm::CrossEntropy | EpisodeTerm::ProtoTriplet => {}
                EpisodeTerm::SupportIcnn => self.icnn.validate(support, support_labels)?,
                EpisodeTerm::QueryIcnn => self.query_icnn.validate_against(
                    queries,
                    query_labels,
                    support,
                    support_labels,
                )?,
                EpisodeTerm::FullIcnn => {
                    let rows = Tensor::cat(vec![support.clone(), queries.clone()], 0);
                    let labels = Tensor::cat(vec![support_labels.clone(), query_labels.clone()], 0);
                    self.full_icnn(rows.dims()[0]).validate(&rows, &labels)?;
                }
            }
        }
        Ok(())
    }

    /// The ICNN of so many support rows and queries together: a class has shot + query of them.
    fn full_icnn(&self, rows: usize) -> IcnnLoss {
        self.icnn.with_neighbourhood(rows / self.way)
    }
}
