use burn::tensor::Device;
use candor_lab::run::{RunError, available_memory, resident_memory};

use super::table;
use crate::cargo::compiled;

/// Says what this build and this machine have.
#[allow(clippy::unnecessary_wraps)] // all commands have one shape
pub(crate) fn run() -> Result<(), RunError> {
    let mut table = table(&["what", "found"]);
    table.add_row(["version", env!("CARGO_PKG_VERSION")]);
    table.add_row([
        "target",
        &format!("{} {}", std::env::consts::ARCH, std::env::consts::OS),
    ]);
    table.add_row(["backends compiled", &compiled().join(", ")]);
    for (backend, devices) in devices() {
        table.add_row([format!("devices of {backend}"), devices]);
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    table.add_row(["threads", &threads.to_string()]);
    table.add_row(["vector instructions", &vector_instructions()]);
    table.add_row([
        "memory available",
        &format!("{} MiB", available_memory() >> 20),
    ]);
    table.add_row([
        "memory of this process",
        &format!("{} MiB", resident_memory() >> 20),
    ]);
    println!("{table}");
    Ok(())
}

#[allow(clippy::vec_init_then_push, unused_mut)] // features decide what is pushed
fn devices() -> Vec<(&'static str, String)> {
    let shown = |devices: Vec<Device>| {
        let names: Vec<String> = devices.iter().map(|device| format!("{device:?}")).collect();
        if names.is_empty() {
            "none: no driver or no adapter".to_owned()
        } else {
            names.join(", ")
        }
    };
    let mut found = Vec::new();
    #[cfg(feature = "flex")]
    found.push(("flex", shown(vec![Device::flex()])));
    #[cfg(feature = "ndarray")]
    #[allow(deprecated)] // burn advises flex; Candor still promises ndarray
    found.push(("ndarray", shown(vec![Device::ndarray()])));
    #[cfg(feature = "wgpu")]
    found.push((
        "wgpu",
        shown(Device::enumerate(burn::tensor::DeviceType::Wgpu).into_vec()),
    ));
    #[cfg(feature = "cuda")]
    found.push((
        "cuda",
        shown(Device::enumerate(burn::tensor::DeviceType::Cuda).into_vec()),
    ));
    found
}

#[cfg(target_arch = "x86_64")]
fn vector_instructions() -> String {
    let found = [
        ("AVX-512", std::arch::is_x86_feature_detected!("avx512f")),
        ("AVX2", std::arch::is_x86_feature_detected!("avx2")),
        ("FMA", std::arch::is_x86_feature_detected!("fma")),
    ];
    found
        .iter()
        .filter_map(|&(name, there)| there.then_some(name))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(not(target_arch = "x86_64"))]
fn vector_instructions() -> String {
    "those of the target".to_owned()
}
