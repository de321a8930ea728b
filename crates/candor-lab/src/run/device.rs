use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;

use super::RunError;

/// A device as a user names it: `flex`, `ndarray`, `wgpu`, `wgpu:1`, `cuda:0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The embedded processor backend, which needs nothing installed.
    #[default]
    Flex,
    /// The ndarray processor backend.
    NdArray,
    /// The n-th adapter that wgpu finds.
    Wgpu(usize),
    /// The n-th CUDA device.
    Cuda(usize),
}

impl DeviceChoice {
    /// Opens the device, after asking whether its driver and the device are there.
    ///
    /// # Errors
    ///
    /// [`RunError::Device`] when its backend is not compiled in, or its driver or the device is missing.
    pub fn open(self) -> Result<Device, RunError> {
        match self {
            #[cfg(feature = "flex")]
            Self::Flex => Ok(Device::flex()),
            #[cfg(feature = "ndarray")]
            #[allow(deprecated)] // burn advises flex; Candor still promises ndarray
            Self::NdArray => Ok(Device::ndarray()),
            #[cfg(feature = "wgpu")]
            Self::Wgpu(index) => self.nth(burn::tensor::DeviceType::Wgpu, index),
            #[cfg(feature = "cuda")]
            Self::Cuda(index) => self.nth(burn::tensor::DeviceType::Cuda, index),
            #[allow(unreachable_patterns)] // reachable unless all four backends are compiled in
            missing => {
                let feature = missing.to_string();
                let feature = feature.split(':').next().unwrap_or_default();
                Err(missing.unavailable(format!(
                    "this build has no {feature} backend; build it in with \
                     `cargo run --bin xtask --features {feature} -- …`"
                )))
            }
        }
    }

    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    fn nth(self, kind: burn::tensor::DeviceType, index: usize) -> Result<Device, RunError> {
        // Enumerating asks for the driver without opening it; using a device that is not there would panic later.
        let devices = Device::enumerate(kind).into_vec();
        let found = devices.len();
        devices
            .into_iter()
            .nth(index)
            .ok_or_else(|| self.unavailable(format!("the driver shows {found} such devices")))
    }

    fn unavailable(self, reason: String) -> RunError {
        RunError::Device {
            device: self.to_string(),
            reason,
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flex => f.write_str("flex"),
            Self::NdArray => f.write_str("ndarray"),
            Self::Wgpu(index) => write!(f, "wgpu:{index}"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, index) = match text.split_once(':') {
            None => (text, 0),
            Some((name, index)) => {
                let index = index
                    .parse()
                    .map_err(|_| format!("`{index}` is not a device number"))?;
                (name, index)
            }
        };
        match (name, index) {
            ("flex", 0) => Ok(Self::Flex),
            ("ndarray", 0) => Ok(Self::NdArray),
            ("wgpu", index) => Ok(Self::Wgpu(index)),
            ("cuda", index) => Ok(Self::Cuda(index)),
            _ => Err(format!(
                "`{text}` is not a device: flex, ndarray, wgpu[:N] or cuda[:N]"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_as_they_are_written() {
        for choice in [
            DeviceChoice::Flex,
            DeviceChoice::NdArray,
            DeviceChoice::Wgpu(1),
            DeviceChoice::Cuda(0),
        ] {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        assert_eq!("cuda".parse(), Ok(DeviceChoice::Cuda(0)));
        assert!("flex:1".parse::<DeviceChoice>().is_err());
        assert!("tpu".parse::<DeviceChoice>().is_err());
        assert!("cuda:x".parse::<DeviceChoice>().is_err());
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_backend_that_is_not_compiled_in_is_named() {
        let message = DeviceChoice::Cuda(0).open().unwrap_err().to_string();
        assert!(
            message.contains("cuda:0") && message.contains("--features cuda"),
            "{message}"
        );
    }
}
