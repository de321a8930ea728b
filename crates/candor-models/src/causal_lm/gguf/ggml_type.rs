use crate::causal_lm::weights::FloatFormat;

/// How a tensor of a GGUF file stores its numbers.
///
/// Quantised rows are divided into blocks along the fastest axis; every block has its own scale `d` (and minimum
/// `m`), an IEEE half-precision number.
///
/// ```
/// use candor_models::causal_lm::gguf::GgmlType;
///
/// let q4 = GgmlType::Q4_1;
/// assert_eq!((q4.name(), q4.block_values(), q4.block_bytes()), ("Q4_1", 32, 20));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GgmlType {
    /// Plain single precision.
    F32,
    /// Plain half precision.
    F16,
    /// Plain bfloat16.
    BF16,
    /// `d (q - 8)`, 4 bits a weight.
    Q4_0,
    /// `d q + m`, 4 bits a weight.
    Q4_1,
    /// `d q`, 8 bits a weight.
    Q8_0,
    /// `d s (q - 32)`, 6 bits a weight, with a further scale `s` for every 16 of the 256.
    Q6K,
}

impl GgmlType {
    /// Every type that is read.
    pub const ALL: [Self; 7] = [
        Self::F32,
        Self::F16,
        Self::BF16,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q8_0,
        Self::Q6K,
    ];

    /// The name that ggml gives it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => FloatFormat::F32.name(),
            Self::F16 => FloatFormat::F16.name(),
            Self::BF16 => FloatFormat::BF16.name(),
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
            Self::Q8_0 => "Q8_0",
            Self::Q6K => "Q6_K",
        }
    }

    /// Weights of one block; 1 for the plain types.
    pub fn block_values(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::BF16 => 1,
            Self::Q4_0 | Self::Q4_1 | Self::Q8_0 => 32,
            Self::Q6K => 256,
        }
    }

    /// Bytes of one block.
    pub fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q8_0 => 34,
            Self::Q6K => 210,
        }
    }

    /// The number that stands for it in a file.
    pub(super) fn id(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q4_0 => 2,
            Self::Q4_1 => 3,
            Self::Q8_0 => 8,
            Self::Q6K => 14,
            Self::BF16 => 30,
        }
    }

    pub(super) fn from_id(id: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.id() == id)
    }

    /// Bytes of a tensor of this many values, if they are whole blocks and can be counted.
    pub(super) fn bytes_of(self, values: usize) -> Option<usize> {
        if values.is_multiple_of(self.block_values()) {
            (values / self.block_values()).checked_mul(self.block_bytes())
        } else {
            None
        }
    }
}

/// The types that are read, for messages.
pub(super) const READABLE: &str = "F32, F16, BF16, Q8_0, Q6_K, Q4_1, Q4_0";

/// What to call a type that is not read.
pub(super) fn foreign_name(id: u32) -> String {
    match FOREIGN.iter().find(|(foreign, _)| *foreign == id) {
        Some((_, name)) => format!("{name} (type {id})"),
        None => format!("of the unknown type {id}"),
    }
}

const FOREIGN: [(u32, &str); 30] = [
    (6, "Q5_0"),
    (7, "Q5_1"),
    (9, "Q8_1"),
    (10, "Q2_K"),
    (11, "Q3_K"),
    (12, "Q4_K"),
    (13, "Q5_K"),
    (15, "Q8_K"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (20, "IQ4_NL"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (23, "IQ4_XS"),
    (24, "I8"),
    (25, "I16"),
    (26, "I32"),
    (27, "I64"),
    (28, "F64"),
    (29, "IQ1_M"),
    (31, "Q4_0_4_4"),
    (32, "Q4_0_4_8"),
    (33, "Q4_0_8_8"),
    (34, "TQ1_0"),
    (35, "TQ2_0"),
    (39, "MXFP4"),
    (40, "NVFP4"),
    (41, "Q1_0"),
];
