#[cfg(feature = "cube")]
use burn::backend::DispatchDevice;
use burn::tensor::{DType, Device, FloatDType};

/// The widest type in which a device has exponentials and logarithms: `f64` on processors, `f32` on others.
///
/// A graphics device that says it has `f64` means sums and products. Neither WGSL nor SPIR-V defines the exponential of an
/// `f64`, and drivers answer with whatever comes out, NaN included.
///
/// ```
/// use burn::tensor::{Device, FloatDType};
/// use candor_core::numerics::widest_float;
///
/// assert_eq!(widest_float(&Device::flex().autodiff()), FloatDType::F64);
/// ```
pub fn widest_float(device: &Device) -> FloatDType {
    let device = device.clone().without_autodiff();
    #[cfg(feature = "cube")]
    if matches!(device.as_dispatch(), DispatchDevice::Cube(_)) {
        return FloatDType::F32;
    }
    if device.supports_dtype(DType::F64) {
        FloatDType::F64
    } else {
        FloatDType::F32
    }
}
