//! What a graphics processor is asked once there is one: is it right, how fast is it, how much memory does it take.
//!
//! | part | what it holds |
//! |---|---|
//! | golden | every golden case, with the largest error as a share of what the case allows |
//! | operators | the fused operators and the composition on materialised logits: time, TFLOP/s, peak memory |
//! | language model | prefill, decoding and a training step of SmolLM2-135M's shape |
//!
//! Each case runs in a process of its own: one that dies takes no other with it, and its peak memory is its own. What
//! is known is on disk after each case.

mod case;
mod device;
mod golden;
mod language_model;
mod markdown;
mod measurement;
mod memory;
mod one_line;
mod operators;
mod processes;
mod report;
mod size;

pub use case::{Answer, Case};
pub use device::{OpenDevice, built_with};
pub use golden::GoldenTotals;
pub use language_model::{LanguageModelLine, Task};
pub use markdown::markdown;
pub use measurement::{Measurement, Outcome};
pub use one_line::one_line;
pub use operators::{Operator, OperatorCase, OperatorLine, Pass};
pub use processes::run;
pub use report::{DeviceDescription, Parts, Report};
pub use size::{HeadSizes, Size};
