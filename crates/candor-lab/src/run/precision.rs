use std::fmt;
use std::str::FromStr;

use burn::tensor::{DType, Device, FloatDType};
use serde::{Deserialize, Serialize};

use super::{DeviceChoice, RunError};

/// The floating-point numbers that a language model computes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// The upper 16 of the 32 bits: half the memory, 8 significant bits.
    Bf16,
}

impl Precision {
    /// Burn's name, after asking the device whether it computes in it.
    ///
    /// # Errors
    ///
    /// [`RunError::Device`] of a device that does not.
    pub fn on(self, device: &Device, choice: DeviceChoice) -> Result<FloatDType, RunError> {
        let precision = match self {
            Self::F32 => FloatDType::F32,
            Self::Bf16 => FloatDType::BF16,
        };
        if device.supports_dtype(DType::from(precision)) {
            return Ok(precision);
        }
        Err(RunError::Device {
            device: choice.to_string(),
            reason: format!("it does not compute in {self}; take f32"),
        })
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        })
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "f32" => Ok(Self::F32),
            "bf16" => Ok(Self::Bf16),
            _ => Err(format!("`{text}` is not a precision: f32 or bf16")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_as_they_are_written() {
        for precision in [Precision::F32, Precision::Bf16] {
            assert_eq!(precision.to_string().parse(), Ok(precision));
            assert_eq!(
                serde_json::to_string(&precision).unwrap(),
                format!("\"{precision}\"")
            );
        }
        assert!("f16".parse::<Precision>().is_err());
    }
}
