use burn::tensor::Device;
use peak_alloc::PeakAlloc;

/// Runs some work to its end and tells how many bytes it held above what was in use, at most, where somebody counts.
///
/// A backend with a pool takes whole pages from the device, as large as its largest allocation, and keeps them for
/// reuse: what it holds afterwards is its peak. Otherwise the process's allocator is asked.
pub(super) fn peak_of<T>(device: &Device, work: impl FnOnce() -> T) -> (T, Option<u64>) {
    device.memory_cleanup();
    let Some(before) = device.memory_pool_usage() else {
        return peak_of_process(work);
    };
    let result = work();
    let after = device.memory_pool_usage();
    let peak = after.map(|after| after.bytes_reserved.saturating_sub(before.bytes_in_use));
    (result, peak)
}

fn peak_of_process<T>(work: impl FnOnce() -> T) -> (T, Option<u64>) {
    let before = PeakAlloc.current_usage();
    PeakAlloc.reset_peak_usage();
    let result = work();
    // A process that holds nothing is one whose allocator does not count.
    let peak = (before > 0).then(|| PeakAlloc.peak_usage().saturating_sub(before) as u64);
    (result, peak)
}
