use burn::tensor::Device;
use candor_lab::run::{DeviceChoice, RunError, available_memory};
use candor_testkit::NamedDevice;

use super::DeviceDescription;

/// A device that is there.
#[derive(Debug, Clone)]
pub struct OpenDevice {
    choice: DeviceChoice,
    device: Device,
}

impl OpenDevice {
    /// Opens a device, after asking whether its driver and the device are there.
    ///
    /// # Errors
    ///
    /// [`RunError::Device`] when its backend is not compiled in, or its driver or the device is missing.
    pub fn open(choice: DeviceChoice) -> Result<Self, RunError> {
        let backend = backend(choice);
        if !built_with().iter().any(|feature| feature == backend) {
            return Err(RunError::Device {
                device: choice.to_string(),
                reason: format!(
                    "this suite is built without {backend}; \
                     `cargo xtask bench --suite gpu --device {choice}` builds it with it"
                ),
            });
        }
        let device = choice.open()?;
        Ok(Self { choice, device })
    }

    /// As it was asked for.
    pub fn choice(&self) -> DeviceChoice {
        self.choice
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// What it calls itself, and its memory.
    pub fn description(&self) -> DeviceDescription {
        let (name, memory): (String, Option<u64>) = match self.device.as_dispatch() {
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            burn::backend::DispatchDevice::Cube(device) => {
                let client = device.client();
                let properties = client.properties();
                let name = properties.identity.name.clone();
                (name, properties.memory.max_memory())
            }
            #[allow(unreachable_patterns)] // features decide what is left
            _ => (processor(), None),
        };
        DeviceDescription {
            asked: self.choice.to_string(),
            name,
            memory_mib: memory.map(|bytes| bytes >> 20),
        }
    }

    /// Under the name that golden cases know its backend by.
    pub(super) fn named(&self) -> NamedDevice {
        NamedDevice {
            name: backend(self.choice),
            device: self.device.clone(),
        }
    }

    /// The most bytes that can be held at once: what the driver says, else what the system has free.
    pub(super) fn available_bytes(&self) -> Option<u64> {
        let of_driver = self.description().memory_mib.map(|mib| mib << 20);
        of_driver.or_else(|| Some(available_memory()).filter(|&bytes| bytes > 0))
    }
}

fn processor() -> String {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    format!("a processor with {threads} threads")
}

fn backend(choice: DeviceChoice) -> &'static str {
    match choice {
        DeviceChoice::Flex => "flex",
        DeviceChoice::NdArray => "ndarray",
        DeviceChoice::Wgpu(_) => "wgpu",
        DeviceChoice::Cuda(_) => "cuda",
    }
}

/// The backends, and the options of theirs, that the suite is built with.
pub fn built_with() -> Vec<String> {
    [
        ("flex", cfg!(feature = "flex")),
        ("ndarray", cfg!(feature = "ndarray")),
        ("wgpu", cfg!(feature = "wgpu")),
        ("cuda", cfg!(feature = "cuda")),
        ("cuda-cpp", cfg!(feature = "cuda-cpp")),
        ("fusion", cfg!(feature = "fusion")),
        ("autotune", cfg!(feature = "autotune")),
    ]
    .into_iter()
    .filter(|&(_, built)| built)
    .map(|(name, _)| name.to_owned())
    .collect()
}
