use std::fmt;

use burn::nn::loss::Reduction;
use burn::tensor::activation::log_softmax;
use burn::tensor::{DType, FloatDType, Int, Tensor};
use candor_core::MemoryBudget;
use candor_core::linear::{
    Divergence, LinearCrossEntropyConfig, LinearKlConfig, LinearLogits, linear_log_probs, reference,
};
use candor_lab::run::Precision;
use serde::{Deserialize, Serialize};

use super::measurement::{NotMeasured, measure};
use super::{OpenDevice, Outcome, Size};
use crate::RandomHead;

/// What is computed of hidden states and an output matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// Mean cross-entropy, gradients with the value.
    LinearCrossEntropy,
    /// The same from log-probabilities of each row, whose backward pass computes the logits again.
    LinearLogProbs,
    /// Mean divergence of a student from a teacher of the same sizes.
    LinearKl,
    /// Mean cross-entropy with all logits in memory.
    NaiveCrossEntropy,
    /// Mean divergence with all logits of both in memory.
    NaiveKl,
}

impl Operator {
    const ALL: [Self; 5] = [
        Self::LinearCrossEntropy,
        Self::LinearLogProbs,
        Self::LinearKl,
        Self::NaiveCrossEntropy,
        Self::NaiveKl,
    ];

    fn is_fused(self) -> bool {
        !matches!(self, Self::NaiveCrossEntropy | Self::NaiveKl)
    }

    fn has_teacher(self) -> bool {
        matches!(self, Self::LinearKl | Self::NaiveKl)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LinearCrossEntropy => "linear_cross_entropy",
            Self::LinearLogProbs => "linear_log_probs",
            Self::LinearKl => "linear_kl",
            Self::NaiveCrossEntropy => "naive_cross_entropy",
            Self::NaiveKl => "naive_kl",
        })
    }
}

/// How far it is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pass {
    /// The value.
    Forward,
    /// The value and the gradients of hidden states and output matrix.
    ForwardBackward,
}

impl Pass {
    pub(super) const ALL: [Self; 2] = [Self::Forward, Self::ForwardBackward];

    /// Operations for each row, class and entry of a hidden state, as published figures count them: one product in the
    /// forward pass; two more in the backward pass, and the logits once again.
    ///
    /// What an operator really does may be less, or with a teacher more. One count for all keeps the figures
    /// comparable: twice the figure is half the time.
    pub fn operations(self) -> f64 {
        match self {
            Self::Forward => 2.0,
            Self::ForwardBackward => 8.0,
        }
    }
}

impl fmt::Display for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forward => "forward",
            Self::ForwardBackward => "forward_backward",
        })
    }
}

/// One operator at one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorCase {
    /// What is computed.
    pub operator: Operator,
    /// How far.
    pub pass: Pass,
    /// The operands' type.
    pub dtype: Precision,
    /// Rows of the hidden states, N.
    pub rows: usize,
    /// Their width, H.
    pub width: usize,
    /// Classes, V.
    pub classes: usize,
    /// The budget of a tile in MiB; absent where the operator chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_mib: Option<usize>,
}

/// One operator at one size, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperatorLine {
    /// What was asked.
    #[serde(flatten)]
    pub case: OperatorCase,
    /// What it took.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Operations by [`Pass::operations`] in 1e12 a second of the median.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tflops: Option<f64>,
}

impl OperatorCase {
    /// Every operator, type and number of rows; with a budget of 1 GiB too at the largest.
    pub fn all(size: Size) -> Vec<Self> {
        let head = size.head();
        let mut cases = Vec::new();
        for operator in Operator::ALL {
            for dtype in [Precision::F32, Precision::Bf16] {
                for &rows in head.rows {
                    let largest = operator.is_fused() && head.rows.last() == Some(&rows);
                    let budgets: &[Option<usize>] = if largest {
                        &[None, Some(1024)]
                    } else {
                        &[None]
                    };
                    for &budget_mib in budgets {
                        cases.extend(Pass::ALL.map(|pass| Self {
                            operator,
                            pass,
                            dtype,
                            rows,
                            width: head.width,
                            classes: head.classes,
                            budget_mib,
                        }));
                    }
                }
            }
        }
        cases
    }

    /// Measures it, or says why not.
    pub(super) fn run(self, device: &OpenDevice) -> OperatorLine {
        self.line(self.measurement(device).into())
    }

    pub(super) fn line(self, outcome: Outcome) -> OperatorLine {
        let products = self.rows as f64 * self.width as f64 * self.classes as f64;
        let operations = self.pass.operations() * products;
        let tflops = outcome
            .measurement()
            .map(|measurement| operations / measurement.seconds / 1e12);
        OperatorLine {
            case: self,
            outcome,
            tflops,
        }
    }

    fn measurement(self, open: &OpenDevice) -> Result<super::Measurement, NotMeasured> {
        let device = open.device();
        let precision = match self.dtype {
            Precision::F32 => FloatDType::F32,
            Precision::Bf16 => FloatDType::BF16,
        };
        if !device.supports_dtype(DType::from(precision)) {
            return Err(NotMeasured::Precision(self.dtype));
        }
        self.check_memory(open)?;
        // Every case of a size has the same operands, so that what comes out can be compared.
        device.seed(0);
        let head = || RandomHead::new([self.rows, self.classes, self.width], precision, device);
        let teacher = self.operator.has_teacher().then(|| head().logits());
        let student = match self.pass {
            Pass::Forward => head(),
            Pass::ForwardBackward => head().tracked(),
        };
        let loss = self.loss(&student, teacher)?;
        measure(
            device,
            || Ok(Computed::new(loss(), &student, self.pass)),
            Computed::read,
        )
    }

    /// A call that gives the mean over the rows, `[1]`.
    fn loss(
        self,
        student: &RandomHead,
        teacher: Option<LinearLogits>,
    ) -> Result<Box<dyn Fn() -> Tensor<1>>, NotMeasured> {
        let rows = self.rows;
        let targets = student.targets();
        let student = self.within_budget(student.logits());
        let teacher = teacher.map(|teacher| self.within_budget(teacher));
        // A divergence without a teacher is not asked for: `has_teacher` made one.
        let teacher = teacher.unwrap_or_else(|| student.clone());
        Ok(match self.operator {
            Operator::LinearCrossEntropy => {
                let loss = LinearCrossEntropyConfig::new().init()?;
                Box::new(move || loss.forward(student.clone(), targets.clone(), Reduction::Mean))
            }
            Operator::LinearLogProbs => {
                Box::new(move || -linear_log_probs(student.clone(), targets.clone()).mean())
            }
            Operator::LinearKl => {
                let kl = LinearKlConfig::new().init()?;
                Box::new(move || kl.forward(student.clone(), teacher.clone(), Reduction::Mean))
            }
            Operator::NaiveCrossEntropy => {
                Box::new(move || naive_cross_entropy(student.clone(), targets.clone()))
            }
            Operator::NaiveKl => Box::new(move || {
                let (student, teacher) = (student.clone(), teacher.clone());
                let device = targets.device();
                let even = Tensor::full([rows], 1.0 / rows as f64, (&device, DType::F32));
                reference::divergence(student, teacher, even, Divergence::ForwardKl)
            }),
        })
    }

    fn within_budget(self, logits: LinearLogits) -> LinearLogits {
        match self.budget_mib {
            Some(mib) => logits.with_budget(MemoryBudget::mib(mib)),
            None => logits,
        }
    }

    /// Asks before the device has to: some answer for want of memory by ending the process, or the system.
    fn check_memory(self, device: &OpenDevice) -> Result<(), NotMeasured> {
        // Drivers and pages keep some for themselves.
        const SHARE: f64 = 0.9;
        let (Some(available), needed) = (device.available_bytes(), self.needed_bytes()) else {
            return Ok(());
        };
        if needed as f64 <= SHARE * available as f64 {
            return Ok(());
        }
        Err(NotMeasured::Memory {
            needed_mib: needed >> 20,
            available_mib: available >> 20,
        })
    }

    /// About how many bytes it holds at once.
    fn needed_bytes(self) -> u64 {
        const SINGLE: u64 = 4;
        let [rows, width, classes] = [self.rows, self.width, self.classes].map(|size| size as u64);
        let stored = match self.dtype {
            Precision::F32 => SINGLE,
            Precision::Bf16 => 2,
        };
        let entries = (rows + classes) * width;
        let heads = if self.operator.has_teacher() { 2 } else { 1 };
        let gradients = match (self.pass, self.dtype) {
            (Pass::Forward, _) => 0,
            (_, Precision::F32) => entries * SINGLE,
            // Sums are kept in `f32` and stored again.
            (_, Precision::Bf16) => entries * (SINGLE + stored),
        };
        let beside = if self.operator.is_fused() {
            2 * self.budget_mib.map_or(256 << 20, |mib| (mib as u64) << 20)
        } else {
            // Counted in Burn's composition: logits, softmax and what lies between; as many again going back.
            let tiles = match self.pass {
                Pass::Forward => 4,
                Pass::ForwardBackward => 6,
            };
            let widened = if stored == SINGLE {
                0
            } else {
                entries * SINGLE
            };
            heads * (tiles * rows * classes * SINGLE + widened)
        };
        heads * entries * stored + gradients + beside
    }
}

impl fmt::Display for OperatorCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            operator,
            pass,
            dtype,
            rows,
            ..
        } = self;
        write!(f, "{operator}/{dtype}/N{rows}/{pass}")?;
        match self.budget_mib {
            Some(mib) => write!(f, "/{mib}MiB"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for OperatorLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.outcome)?;
        match self.tflops {
            Some(tflops) => write!(f, ", {tflops:.3} TFLOP/s"),
            None => Ok(()),
        }
    }
}

/// What anyone would write: the reference computes more than a cross-entropy.
fn naive_cross_entropy(logits: LinearLogits, targets: Tensor<1, Int>) -> Tensor<1> {
    let [rows, _] = logits.dims();
    let log_probs = log_softmax(logits.materialize(), 1);
    -log_probs.gather(1, targets.reshape([rows, 1])).mean()
}

/// A loss, and the gradients that were asked for.
struct Computed {
    loss: Tensor<1>,
    gradients: Vec<Tensor<2>>,
}

impl Computed {
    fn new(loss: Tensor<1>, student: &RandomHead, pass: Pass) -> Self {
        let gradients = match pass {
            Pass::Forward => Vec::new(),
            Pass::ForwardBackward => {
                let gradients = loss.backward();
                [&student.hidden, &student.weight]
                    .into_iter()
                    .filter_map(|operand| operand.grad(&gradients))
                    .collect()
            }
        };
        Self { loss, gradients }
    }

    /// The loss, once an entry of each gradient is known to be a number.
    fn read(self) -> Result<f64, NotMeasured> {
        for gradient in self.gradients {
            let entry = gradient.slice([0..1, 0..1]).cast(FloatDType::F32);
            let entry: f32 = entry.try_into_scalar()?;
            if !entry.is_finite() {
                return Err(NotMeasured::NotFinite(entry.into()));
            }
        }
        let loss: f32 = self.loss.try_into_scalar()?;
        Ok(loss.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(operator: Operator, pass: Pass) -> OperatorCase {
        OperatorCase {
            operator,
            pass,
            dtype: Precision::Bf16,
            rows: 32_768,
            width: 4096,
            classes: 131_072,
            budget_mib: None,
        }
    }

    #[test]
    fn the_full_suite_asks_what_it_promises() {
        let cases = OperatorCase::all(Size::Full);
        // Five operators, two types, five numbers of rows, two passes; and three with another budget.
        assert_eq!(cases.len(), 5 * 2 * 5 * 2 + 3 * 2 * 2);
        let names: std::collections::BTreeSet<String> =
            cases.iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), cases.len());
        assert!(names.contains("linear_kl/bf16/N32768/forward_backward/1024MiB"));
    }

    #[test]
    fn operations_are_counted_as_published() {
        // 8 x 32768 x 4096 x 131072 = 1.407e14 in 0.2 s.
        let measurement = super::super::Measurement {
            seconds: 0.2,
            fastest_s: 0.1,
            runs: 3,
            peak_mib: None,
            value: 1.0,
        };
        let case = case(Operator::LinearLogProbs, Pass::ForwardBackward);
        let line = case.line(Outcome::Measured(measurement));
        assert!((line.tflops.unwrap() - 703.687).abs() < 1e-3);
    }

    #[test]
    fn all_logits_at_once_need_more_than_tiles() {
        let gib = |operator, pass| case(operator, pass).needed_bytes() >> 30;
        let fused = gib(Operator::LinearCrossEntropy, Pass::ForwardBackward);
        let naive = gib(Operator::NaiveCrossEntropy, Pass::ForwardBackward);
        // 1 GiB of weights, 3.75 of gradients; six tiles of 16 GiB.
        assert!((4..8).contains(&fused), "{fused}");
        assert!((96..112).contains(&naive), "{naive}");
        assert!(gib(Operator::NaiveKl, Pass::Forward) > 128);
    }
}
