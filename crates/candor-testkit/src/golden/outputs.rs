use std::collections::BTreeMap;

use burn::tensor::{Int, Tensor};
use serde_json::Value;

use super::case::{Case, number};

/// What an operator gave, by the names the golden file uses.
#[derive(Debug, Clone, Default)]
pub struct Outputs {
    values: BTreeMap<String, Vec<f64>>,
    json: BTreeMap<String, Value>,
}

impl Outputs {
    /// No outputs yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A float tensor.
    pub fn tensor<const D: usize>(self, name: &str, tensor: &Tensor<D>) -> Self {
        self.values(name, tensor.to_data().iter::<f64>())
    }

    /// An integer tensor.
    pub fn ints<const D: usize>(self, name: &str, tensor: &Tensor<D, Int>) -> Self {
        self.values(name, tensor.to_data().iter::<f64>())
    }

    /// One number.
    pub fn value(self, name: &str, value: f64) -> Self {
        self.values(name, [value])
    }

    /// Several numbers, row-major.
    pub fn values(mut self, name: &str, values: impl IntoIterator<Item = f64>) -> Self {
        self.values
            .insert(name.to_owned(), values.into_iter().collect());
        self
    }

    /// A value of `json_outputs`.
    pub fn json(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.json.insert(name.to_owned(), value.into());
        self
    }

    /// Runs the backward pass of `loss` and adds `grad.NAME` for each tracked input; no path means zeros.
    pub fn gradients<const D: usize>(
        self,
        loss: &Tensor<1>,
        inputs: &[(&str, &Tensor<D>)],
    ) -> Self {
        let gradients = loss.backward();
        inputs.iter().fold(self, |outputs, (name, input)| {
            let gradient = input
                .grad(&gradients)
                .unwrap_or_else(|| (*input).clone().without_autodiff().zeros_like());
            outputs.tensor(&format!("grad.{name}"), &gradient)
        })
    }

    /// The largest difference to what the case lists, as a share of what it allows (1 is the limit).
    ///
    /// # Errors
    ///
    /// The first output that is missing, has another length or differs by more than the tolerance.
    pub(super) fn compare(&self, case: &Case) -> Result<f64, String> {
        let (rtol, atol) = (case.rtol.unwrap_or(1e-4), case.atol.unwrap_or(1e-5));
        let mut worst = 0.0f64;
        for (name, wanted) in &case.outputs {
            let wanted = wanted.floats();
            let seen = self
                .values
                .get(name)
                .ok_or(format!("output {name} is not given"))?;
            if seen.len() != wanted.len() {
                return Err(format!(
                    "{name} has {} entries, wanted {}",
                    seen.len(),
                    wanted.len()
                ));
            }
            for (index, (&seen, &wanted)) in seen.iter().zip(&wanted).enumerate() {
                let share = share_of_tolerance(seen, wanted, rtol, atol);
                if share > 1.0 {
                    return Err(format!(
                        "{name}[{index}] = {seen}, wanted {wanted} (rtol {rtol}, atol {atol})"
                    ));
                }
                worst = worst.max(share);
            }
        }
        for (name, wanted) in &case.json_outputs {
            let seen = self
                .json
                .get(name)
                .ok_or(format!("output {name} is not given"))?;
            if !same_json(seen, wanted, rtol, atol) {
                return Err(format!("{name} = {seen}, wanted {wanted}"));
            }
        }
        Ok(worst)
    }
}

/// |seen - wanted| / (atol + rtol |wanted|); not-a-number and infinities must agree exactly.
fn share_of_tolerance(seen: f64, wanted: f64, rtol: f64, atol: f64) -> f64 {
    if seen.to_bits() == wanted.to_bits() || (seen.is_nan() && wanted.is_nan()) {
        return 0.0;
    }
    let share = (seen - wanted).abs() / (atol + rtol * wanted.abs());
    if share.is_finite() {
        share
    } else {
        f64::INFINITY
    }
}

fn same_json(seen: &Value, wanted: &Value, rtol: f64, atol: f64) -> bool {
    match (seen, wanted) {
        (Value::Number(_), Value::Number(_)) => {
            share_of_tolerance(number(seen), number(wanted), rtol, atol) <= 1.0
        }
        (Value::Array(seen), Value::Array(wanted)) => {
            seen.len() == wanted.len()
                && seen
                    .iter()
                    .zip(wanted)
                    .all(|(seen, wanted)| same_json(seen, wanted, rtol, atol))
        }
        (Value::Object(seen), Value::Object(wanted)) => wanted.iter().all(|(key, wanted)| {
            seen.get(key)
                .is_some_and(|seen| same_json(seen, wanted, rtol, atol))
        }),
        _ => seen == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::share_of_tolerance;

    #[test]
    fn not_a_number_never_passes_for_a_number() {
        assert!(share_of_tolerance(f64::NAN, 1.0, 1e-4, 1e-5) > 1.0);
        assert!(share_of_tolerance(1.0, f64::NAN, 1e-4, 1e-5) > 1.0);
        assert!(share_of_tolerance(f64::INFINITY, f64::INFINITY, 1e-4, 1e-5) < 1.0);
        assert!(share_of_tolerance(f64::INFINITY, 1.0, 1e-4, 1e-5) > 1.0);
    }
}
