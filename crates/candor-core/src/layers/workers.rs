#[cfg(feature = "flex")]
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use burn::tensor::Device;

#[cfg(feature = "flex")]
use crate::extensions::is_plain_flex;

/// Runs work among the threads that compute for a device.
///
/// On flex an operator that takes several threads hands its pieces to a pool, and the caller sleeps until they are done. In a
/// sequence of small operators, as a step of decoding is, falling asleep and waking up takes half as long as computing. What
/// runs in the pool finds the next operator's threads awake: until `work` ends, all of them look for something to do, and
/// take their processors' time for it. Several calls at once share the pool, and may wait for one another.
///
/// With other devices, and under autodiff, `work` runs where it is called.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use candor_core::layers::{on_workers, project};
///
/// let device = Device::flex();
/// let rows = Tensor::<2>::ones([1, 2], &device);
/// let weight = Tensor::<2>::ones([2, 2], &device);
/// let twice = on_workers(&device, || project(project(rows, weight.clone()), weight));
/// assert_eq!(twice.into_data().to_vec::<f32>().unwrap(), [4.0, 4.0]);
/// ```
pub fn on_workers<T: Send>(device: &Device, work: impl FnOnce() -> T + Send) -> T {
    #[cfg(feature = "flex")]
    if is_plain_flex(device) {
        return rayon::scope(|_| {
            let _watch = Watch::start();
            work()
        });
    }
    #[cfg(not(feature = "flex"))]
    let _ = device;
    work()
}

/// Keeps the pool's other threads looking for work.
#[cfg(feature = "flex")]
struct Watch {
    over: Arc<AtomicBool>,
}

#[cfg(feature = "flex")]
impl Watch {
    fn start() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        for _ in 1..rayon::current_num_threads() {
            let over = Arc::clone(&over);
            rayon::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    rayon::yield_now();
                    std::hint::spin_loop();
                }
            });
        }
        Self { over }
    }
}

#[cfg(feature = "flex")]
impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
