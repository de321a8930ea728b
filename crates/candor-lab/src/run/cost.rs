use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use sysinfo::{MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// What one part of a run will take.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// The part.
    pub name: String,
    /// How many steps it has.
    pub steps: usize,
    /// Measured wall time of one step, in seconds.
    pub seconds_per_step: f64,
}

/// What a run will take, printed by `--estimate` before any work.
///
/// Steps are counted from the settings, the time of one is measured by running a few of them.
#[derive(Debug, Clone, Default)]
pub struct Estimate {
    /// The parts, in order.
    pub costs: Vec<Cost>,
    /// Resident memory that the probe's steps reached, in bytes.
    pub peak_bytes: u64,
}

impl Estimate {
    /// Wall time of the whole run, in seconds.
    pub fn seconds(&self) -> f64 {
        let seconds = |cost: &Cost| cost.steps as f64 * cost.seconds_per_step;
        self.costs.iter().map(seconds).sum()
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for cost in &self.costs {
            let total = cost.steps as f64 * cost.seconds_per_step;
            writeln!(
                f,
                "{:<28} {:>7} steps x {:>8.2} ms = {total:>7.1} s",
                cost.name,
                cost.steps,
                cost.seconds_per_step * 1e3
            )?;
        }
        writeln!(f, "{:<28} about {:.0} s", "time", self.seconds())?;
        write!(
            f,
            "{:<28} about {} MiB of {} MiB available",
            "peak memory",
            self.peak_bytes >> 20,
            available_memory() >> 20
        )
    }
}

/// Watches this process's resident memory from another thread, for peaks between two looks.
#[derive(Debug)]
pub struct MemoryWatch {
    stop: Arc<AtomicBool>,
    watcher: JoinHandle<u64>,
}

impl MemoryWatch {
    /// Starts watching, a look every 5 ms.
    pub fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let watcher = std::thread::spawn(move || {
            let mut peak = resident_memory();
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(5));
                peak = peak.max(resident_memory());
            }
            peak
        });
        Self { stop, watcher }
    }

    /// Stops watching and gives the largest memory seen, in bytes.
    pub fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.watcher.join().unwrap_or(0)
    }
}

/// Memory that can be had without swapping, in bytes; 0 where the system does not say.
pub fn available_memory() -> u64 {
    System::new().map_or(0, |mut system| {
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        system.available_memory()
    })
}

/// Resident memory of this process, in bytes.
pub fn resident_memory() -> u64 {
    process_memory(std::process::id())
}

/// Resident memory of a process, in bytes; 0 of one that has ended, or where the system does not say.
pub fn process_memory(id: u32) -> u64 {
    let id = Pid::from_u32(id);
    System::new().map_or(0, |mut system| {
        let memory = ProcessRefreshKind::nothing().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[id]), false, memory);
        system.process(id).map_or(0, sysinfo::Process::memory)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_sees_memory_that_is_gone_when_it_stops() {
        const SIZE: usize = 256 << 20;
        let watch = MemoryWatch::start();
        let block = vec![1u8; SIZE];
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(block[SIZE / 2], 1);
        drop(block);
        assert!(watch.stop() > SIZE as u64);
    }
}
