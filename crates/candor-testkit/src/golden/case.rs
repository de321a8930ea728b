use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::tensor::{Bool, DType, Device, Int, Tensor, TensorData};
use serde::Deserialize;
use serde_json::Value;

use crate::model_file::ModelFile;

/// A tensor as the file holds it: flat, row-major.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    pub(super) data: Vec<Value>,
}

impl Array {
    /// The entries as `f64`; `null` and the names of the non-finite numbers are understood, `true` is one.
    pub(super) fn floats(&self) -> Vec<f64> {
        self.data.iter().map(number).collect()
    }
}

pub(super) fn number(value: &Value) -> f64 {
    match value {
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        Value::String(name) => match name.as_str() {
            "Infinity" | "inf" => f64::INFINITY,
            "-Infinity" | "-inf" => f64::NEG_INFINITY,
            _ => f64::NAN,
        },
        other => other.as_f64().unwrap_or(f64::NAN),
    }
}

/// One golden case: an `op`, its parameters and inputs, and what must come out.
#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    /// The case's name, unique in its file.
    pub name: String,
    /// The operator.
    pub op: String,
    #[serde(default)]
    pub(super) paper: Option<String>,
    #[serde(default)]
    params: BTreeMap<String, Value>,
    #[serde(default)]
    pub(super) inputs: BTreeMap<String, Array>,
    #[serde(default)]
    pub(super) outputs: BTreeMap<String, Array>,
    #[serde(default)]
    pub(super) json_outputs: BTreeMap<String, Value>,
    #[serde(default)]
    pub(super) expect_error: bool,
    #[serde(default)]
    pub(super) rtol: Option<f64>,
    #[serde(default)]
    pub(super) atol: Option<f64>,
    /// A file that the case is about and that the repository does not hold.
    #[serde(default)]
    pub(super) requires: Option<String>,
    #[serde(default)]
    pub(super) requires_sha256: Option<String>,
}

impl Case {
    /// A float input in `f32`.
    pub fn float<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let data = TensorData::new(self.floats(name), self.shape(name));
        Tensor::from_data(data, (device, DType::F32))
    }

    /// A float input that gradients are asked of.
    pub fn tracked<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        self.float(name, &device.clone().autodiff()).require_grad()
    }

    /// An integer input.
    pub fn int<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D, Int> {
        let data = TensorData::new(self.ints(name), self.shape(name));
        Tensor::from_data(data, device)
    }

    /// A boolean input.
    pub fn bool<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D, Bool> {
        let data = TensorData::new(self.bools(name), self.shape(name));
        Tensor::from_data(data, device)
    }

    /// Whether an input is there.
    pub fn has(&self, name: &str) -> bool {
        self.inputs.contains_key(name)
    }

    /// The shape of an input.
    pub fn shape(&self, name: &str) -> Vec<usize> {
        self.input(name).shape.clone()
    }

    /// The entries of an input.
    pub fn floats(&self, name: &str) -> Vec<f64> {
        self.input(name).floats()
    }

    /// The entries of an input, one vector a row of its first axis.
    pub fn float_rows(&self, name: &str) -> Vec<Vec<f64>> {
        let rows = self.shape(name)[0];
        let values = self.floats(name);
        let width = values.len() / rows.max(1);
        (0..rows)
            .map(|row| values[row * width..(row + 1) * width].to_vec())
            .collect()
    }

    /// The entries of an input as integers.
    pub fn ints(&self, name: &str) -> Vec<i64> {
        self.floats(name)
            .into_iter()
            .map(|value| value as i64)
            .collect()
    }

    /// The entries of an input as sizes or indices.
    pub fn sizes(&self, name: &str) -> Vec<usize> {
        let size = |value: i64| usize::try_from(value).expect("a size is not negative");
        self.ints(name).into_iter().map(size).collect()
    }

    /// The entries of an input as flags.
    pub fn bools(&self, name: &str) -> Vec<bool> {
        self.floats(name)
            .into_iter()
            .map(|value| value != 0.0)
            .collect()
    }

    /// A numeric parameter.
    pub fn param(&self, name: &str) -> f64 {
        number(self.value(name))
    }

    /// A numeric parameter, or a default where the case leaves it out.
    pub fn param_or(&self, name: &str, default: f64) -> f64 {
        self.params.get(name).map_or(default, number)
    }

    /// A count or index, `None` where it is left out or null.
    pub fn count(&self, name: &str) -> Option<usize> {
        let value = self.params.get(name)?;
        value.as_u64().map(|count| count as usize)
    }

    /// A list of numbers.
    pub fn numbers(&self, name: &str) -> Vec<f64> {
        let list = self.value(name).as_array();
        list.unwrap_or_else(|| panic!("case {}: parameter {name} is not a list", self.name))
            .iter()
            .map(number)
            .collect()
    }

    /// A textual parameter.
    pub fn text(&self, name: &str) -> &str {
        self.value(name)
            .as_str()
            .unwrap_or_else(|| panic!("case {}: parameter {name} is not text", self.name))
    }

    /// A flag; false where it is left out.
    pub fn flag(&self, name: &str) -> bool {
        self.params
            .get(name)
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// A parameter of any kind, as JSON.
    pub fn value(&self, name: &str) -> &Value {
        self.params
            .get(name)
            .unwrap_or_else(|| panic!("case {} has no parameter {name}", self.name))
    }

    /// What the case lists under `json_outputs`: for outputs that it allows a tolerance of their own.
    pub fn json_output(&self, name: &str) -> Option<&Value> {
        self.json_outputs.get(name)
    }

    /// The file that the case is about, as `requires` names it.
    ///
    /// A case whose file is absent is skipped before its operator is called.
    pub fn required_file(&self) -> PathBuf {
        self.requires
            .as_deref()
            .and_then(|name| ModelFile::named(name).find())
            .unwrap_or_else(|| panic!("case {} requires no file that is there", self.name))
    }

    fn input(&self, name: &str) -> &Array {
        self.inputs
            .get(name)
            .unwrap_or_else(|| panic!("case {} has no input {name}", self.name))
    }
}
