//! The parameters of a model by Hugging Face's names: drawn, read from weights and given to exporters.
//!
//! The names are the paths of the module's fields, so they are written down nowhere else.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, FloatDType, Tensor, TensorData};
use candor_core::DrawKey;

use super::transpose::transposed;
use super::weights::{check_tensors, tensor_shapes};
use super::{CausalLm, LmError, WeightSource};
use crate::seeded::kaiming_uniform;

impl CausalLm {
    /// The parameters by Hugging Face's names, as exporters write them: name, shape, values.
    ///
    /// In the order of the forward pass, one tensor in memory at a time, matrices `[out, in]`. A weight with an
    /// adapter is given with the adapter merged into it.
    pub fn weights(&self) -> impl Iterator<Item = (String, Vec<usize>, Vec<f32>)> + '_ {
        let shapes = tensor_shapes(self.config()).into_iter();
        shapes.filter_map(|(name, shape)| {
            let values = self.values(&name)?;
            Some((name, shape, values))
        })
    }

    /// The model with every matrix drawn anew: uniform in ±1/√fan_in, the embedding's with the hidden size as fan-in.
    pub(super) fn drawn(self, seed: u64) -> Self {
        self.map(&mut Drawing {
            names: Path::default(),
            key: DrawKey::new(seed),
        })
    }

    /// The model with the parameters of `source`, which may not have been checked yet.
    pub(super) fn loaded(
        self,
        source: &dyn WeightSource,
        precision: FloatDType,
    ) -> Result<Self, LmError> {
        check_tensors(self.config(), source)?;
        let mut loading = Loading {
            names: Path::default(),
            source,
            precision,
            problem: None,
        };
        let model = self.map(&mut loading);
        loading.problem.map_or(Ok(model), Err)
    }

    fn values(&self, name: &str) -> Option<Vec<f32>> {
        let mut reading = Reading {
            names: Path::default(),
            wanted: name,
            values: None,
        };
        match self.layer_of(name) {
            // A visitor sees a weight and its adapter apart, so the layer is merged first; only layers have adapters.
            Some(layer) => {
                reading.names.parts = vec!["layers".to_owned(), layer.to_string()];
                self.layers[layer].clone().materialize().visit(&mut reading);
            }
            None => self.visit(&mut reading),
        }
        reading.values
    }

    fn layer_of(&self, name: &str) -> Option<usize> {
        let (layer, _) = name.strip_prefix("model.layers.")?.split_once('.')?;
        let layer = layer.parse().ok()?;
        (layer < self.layers.len()).then_some(layer)
    }
}

impl WeightSource for CausalLm {
    fn names(&self) -> Vec<String> {
        let shapes = tensor_shapes(self.config()).into_iter();
        shapes.map(|(name, _)| name).collect()
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        let mut shapes = tensor_shapes(self.config()).into_iter();
        shapes.find_map(|(known, shape)| (known == name).then_some(shape))
    }

    fn read(&self, name: &str) -> Result<Vec<f32>, LmError> {
        self.values(name).ok_or_else(|| LmError::missing(name))
    }
}

/// Where in the module a visitor or mapper is.
#[derive(Default)]
struct Path {
    parts: Vec<String>,
}

impl Path {
    fn enter(&mut self, name: &str) {
        self.parts.push(name.to_owned());
    }

    fn leave(&mut self) {
        self.parts.pop();
    }

    /// Hugging Face's name of the parameter here.
    fn name(&self) -> String {
        let path = self.parts.join(".");
        if self.is_head() {
            path
        } else {
            format!("model.{path}")
        }
    }

    fn is_head(&self) -> bool {
        self.parts.first().is_some_and(|part| part == "lm_head")
    }

    /// Whether a matrix is kept as its file has it, a row a token, and not turned to `[in, out]`.
    fn is_table(&self) -> bool {
        self.is_head()
            || self
                .parts
                .first()
                .is_some_and(|part| part == "embed_tokens")
    }
}

struct Drawing {
    names: Path,
    key: DrawKey,
}

impl ModuleMapper for Drawing {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.names.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.names.leave();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let key = self.key;
        self.key = key.row(key.row + 1);
        if D == 1 {
            return param;
        }
        let shape: [usize; D] = param.lazy_shape().dims();
        let fan_in = shape[usize::from(self.names.is_table())];
        kaiming_uniform(shape, fan_in, key, &param.lazy_device())
    }
}

struct Loading<'a> {
    names: Path,
    source: &'a dyn WeightSource,
    precision: FloatDType,
    problem: Option<LmError>,
}

impl Loading<'_> {
    fn load<const D: usize>(&self, param: &Param<Tensor<D>>) -> Result<Param<Tensor<D>>, LmError> {
        let mut values = self.source.read(&self.names.name())?;
        let shape: [usize; D] = param.lazy_shape().dims();
        if D == 2 && !self.names.is_table() {
            values = transposed(&values, shape[1], shape[0]);
        }
        let device = param.lazy_device();
        let data = TensorData::new(values, shape);
        Ok(Param::from_tensor(Tensor::from_data(
            data,
            (&device, DType::from(self.precision)),
        )))
    }
}

impl ModuleMapper for Loading<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.names.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.names.leave();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.problem.is_some() {
            return param;
        }
        self.load(&param).unwrap_or_else(|problem| {
            self.problem = Some(problem);
            param
        })
    }
}

struct Reading<'a> {
    names: Path,
    wanted: &'a str,
    values: Option<Vec<f32>>,
}

impl ModuleVisitor for Reading<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.names.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.names.leave();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.names.name() != self.wanted {
            return;
        }
        let mut tensor = param.val();
        if D == 2 && !self.names.is_table() {
            tensor = tensor.swap_dims(0, 1);
        }
        self.values = Some(tensor.into_data().iter().collect());
    }
}
