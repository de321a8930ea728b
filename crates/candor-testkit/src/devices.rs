use burn::tensor::Device;

/// A device and the name of the backend feature it came from.
#[derive(Debug, Clone)]
pub struct NamedDevice {
    /// `flex`, `ndarray`, `wgpu` or `cuda`.
    pub name: &'static str,
    /// The first device of that backend.
    pub device: Device,
}

/// One device of each backend that is compiled in and whose driver is present.
///
/// A backend without a driver is left out with a line on standard error that says so.
///
/// # Panics
///
/// When no backend is compiled in: a test over no device would pass without testing anything.
#[allow(clippy::vec_init_then_push, unused_mut)] // features decide what is pushed
pub fn devices() -> Vec<NamedDevice> {
    let compiled = [
        cfg!(feature = "flex"),
        cfg!(feature = "ndarray"),
        cfg!(feature = "wgpu"),
        cfg!(feature = "cuda"),
    ];
    assert!(
        compiled.contains(&true),
        "candor-testkit is built without a backend: forward your backend features to it"
    );
    let mut found = Vec::new();
    #[cfg(feature = "flex")]
    found.push(NamedDevice {
        name: "flex",
        device: Device::flex(),
    });
    #[cfg(feature = "ndarray")]
    found.push(NamedDevice {
        name: "ndarray",
        #[allow(deprecated)] // burn advises flex; Candor still promises ndarray
        device: Device::ndarray(),
    });
    #[cfg(feature = "wgpu")]
    first("wgpu", burn::tensor::DeviceType::Wgpu, &mut found);
    #[cfg(feature = "cuda")]
    first("cuda", burn::tensor::DeviceType::Cuda, &mut found);
    found
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn first(name: &'static str, kind: burn::tensor::DeviceType, found: &mut Vec<NamedDevice>) {
    match Device::enumerate(kind).into_vec().into_iter().next() {
        Some(device) => found.push(NamedDevice { name, device }),
        None => {
            eprintln!("skipped: {name} is compiled in, but no {name} driver or adapter is present");
        }
    }
}
