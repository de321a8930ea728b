use std::collections::BTreeMap;
use std::path::Path;

use burn::module::{ModuleVisitor, Param};
use burn::tensor::{DType, Device, Tensor};

use super::{Architecture, Checkpoint, CheckpointError};

const SCHEMA: &str = "candor.schema";
const SCHEMA_VERSION: &str = "1";
const ARCHITECTURE: &str = "candor.architecture";
const CONFIG: &str = "candor.config";

/// The metadata that makes a file of weights a checkpoint.
pub(super) fn metadata<M: Architecture>(
    model: &M,
    path: &Path,
) -> Result<[(&'static str, String); 3], CheckpointError> {
    let config = serde_json::to_string(model.config())
        .map_err(|error| CheckpointError::write(path, error))?;
    Ok([
        (SCHEMA, SCHEMA_VERSION.to_owned()),
        (ARCHITECTURE, M::NAME.to_owned()),
        (CONFIG, config),
    ])
}

/// Refuses to write a model that could not be read back.
pub(super) fn check_dtypes<M: Architecture>(model: &M, path: &Path) -> Result<(), CheckpointError> {
    let tensors = model.collect(None, None, false);
    match tensors.iter().find(|tensor| tensor.dtype != DType::F32) {
        None => Ok(()),
        Some(tensor) => Err(CheckpointError::WrongDtype {
            path: path.to_owned(),
            tensor: tensor.name.clone(),
            seen: format!("{:?}", tensor.dtype),
        }),
    }
}

/// What a file says of itself, before any weight of it is read.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) tensors: BTreeMap<String, TensorEntry>,
}

/// One tensor as the file describes it.
#[derive(Debug)]
pub(super) struct TensorEntry {
    pub(super) dtype: String,
    pub(super) shape: Vec<usize>,
}

impl Manifest {
    /// Builds the network that the file describes, still without weights, if every tensor of the file fits it.
    pub(super) fn accept<M: Architecture>(
        &self,
        path: &Path,
        device: &Device,
    ) -> Result<Checkpoint<M>, CheckpointError> {
        let config = self.config::<M>(path)?;
        let model =
            M::uninitialised(&config, device).map_err(|source| CheckpointError::IllegalConfig {
                path: path.to_owned(),
                source,
            })?;
        self.check_tensors(&Parameters::of(&model), path)?;
        Ok(Checkpoint { model, config })
    }

    fn config<M: Architecture>(&self, path: &Path) -> Result<M::Config, CheckpointError> {
        let seen = self.value(SCHEMA, path)?;
        if seen != SCHEMA_VERSION {
            return Err(CheckpointError::Schema {
                path: path.to_owned(),
                seen: seen.to_owned(),
                wanted: SCHEMA_VERSION,
            });
        }
        let seen = self.value(ARCHITECTURE, path)?;
        if seen != M::NAME {
            return Err(CheckpointError::WrongArchitecture {
                path: path.to_owned(),
                seen: seen.to_owned(),
                wanted: M::NAME,
            });
        }
        serde_json::from_str(self.value(CONFIG, path)?).map_err(|source| {
            CheckpointError::UnreadableConfig {
                path: path.to_owned(),
                source,
            }
        })
    }

    fn value(&self, key: &'static str, path: &Path) -> Result<&str, CheckpointError> {
        self.metadata
            .get(key)
            .map(String::as_str)
            .ok_or_else(|| CheckpointError::MissingMetadata {
                path: path.to_owned(),
                key,
            })
    }

    fn check_tensors(&self, wanted: &Parameters, path: &Path) -> Result<(), CheckpointError> {
        let path = path.to_owned();
        for (name, shape) in &wanted.shapes {
            let tensor = name.clone();
            let Some(entry) = self.tensors.get(name) else {
                return Err(CheckpointError::MissingTensor { path, tensor });
            };
            if entry.dtype != "F32" {
                let seen = entry.dtype.clone();
                return Err(CheckpointError::WrongDtype { path, tensor, seen });
            }
            if entry.shape != *shape {
                return Err(CheckpointError::WrongShape {
                    path,
                    tensor,
                    seen: entry.shape.clone(),
                    wanted: shape.clone(),
                });
            }
        }
        match self
            .tensors
            .keys()
            .find(|name| !wanted.shapes.contains_key(*name))
        {
            None => Ok(()),
            Some(tensor) => Err(CheckpointError::ExtraTensor {
                path,
                tensor: tensor.clone(),
            }),
        }
    }
}

/// The shapes of a network's parameters, read without initialising them.
#[derive(Debug, Default)]
struct Parameters {
    path: Vec<String>,
    shapes: BTreeMap<String, Vec<usize>>,
}

impl Parameters {
    fn of<M: Architecture>(model: &M) -> Self {
        let mut parameters = Self::default();
        model.visit(&mut parameters);
        parameters
    }
}

impl ModuleVisitor for Parameters {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let shape: [usize; D] = param.lazy_shape().dims();
        self.shapes.insert(self.path.join("."), shape.to_vec());
    }
}
