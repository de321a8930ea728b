#[cfg(any(feature = "flex", feature = "ndarray", feature = "cube"))]
use burn::backend::DispatchDevice;
use burn::tensor::Device;

/// Whether Candor's operators are registered for a device's backend; the others panic when they are called.
pub(crate) fn has_extensions(device: &Device) -> bool {
    match device.clone().without_autodiff().as_dispatch() {
        #[cfg(feature = "flex")]
        DispatchDevice::Flex(_) => true,
        #[cfg(feature = "ndarray")]
        DispatchDevice::NdArray(_) => true,
        #[cfg(feature = "cube")]
        DispatchDevice::Cube(_) => true,
        #[allow(unreachable_patterns)] // features decide what is left
        _ => false,
    }
}

/// Whether a device computes on flex, and outside autodiff.
#[cfg(feature = "flex")]
pub(crate) fn is_plain_flex(device: &Device) -> bool {
    matches!(device.as_dispatch(), DispatchDevice::Flex(_))
}
