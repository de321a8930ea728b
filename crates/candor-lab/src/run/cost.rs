use std::fmt;

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
