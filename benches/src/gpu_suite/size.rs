use std::fmt;

use candor_models::causal_lm::CausalLmConfig;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How much is asked of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// What a processor does in seconds: shows that the suite works.
    Small,
    /// A large language model's head, and a small language model.
    Full,
}

/// The sizes of a language model's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadSizes {
    /// Numbers of rows, ascending.
    pub rows: &'static [usize],
    /// Width of the hidden states.
    pub width: usize,
    /// Classes.
    pub classes: usize,
}

impl Size {
    /// What the operators run on; the full one is what Liger-Kernel published figures of.
    pub fn head(self) -> HeadSizes {
        match self {
            Self::Small => HeadSizes {
                rows: &[64, 200],
                width: 64,
                classes: 1000,
            },
            Self::Full => HeadSizes {
                rows: &[2048, 4096, 8192, 16_384, 32_768],
                width: 4096,
                classes: 131_072,
            },
        }
    }

    /// The language model.
    pub fn language_model(self) -> CausalLmConfig {
        match self {
            Self::Small => CausalLmConfig::tiny(),
            Self::Full => CausalLmConfig::smollm2_135m(),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Small => "small",
            Self::Full => "full",
        })
    }
}
