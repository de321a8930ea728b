use serde::{Deserialize, Serialize};

/// A promise of a run: a number, its bound, and whether it holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What is promised.
    pub name: String,
    /// The number measured.
    pub value: f64,
    /// The bound it is held against.
    pub bound: f64,
    /// Whether it is kept.
    pub holds: bool,
}

impl Check {
    /// The value must be the bound or more.
    pub fn at_least(name: impl Into<String>, value: f64, bound: f64) -> Self {
        Self {
            name: name.into(),
            value,
            bound,
            holds: value >= bound,
        }
    }

    /// The value must be the bound or less.
    pub fn at_most(name: impl Into<String>, value: f64, bound: f64) -> Self {
        Self {
            name: name.into(),
            value,
            bound,
            holds: value <= bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Check;

    #[test]
    fn not_a_number_keeps_no_promise() {
        assert!(!Check::at_least("a", f64::NAN, 0.0).holds);
        assert!(!Check::at_most("a", f64::NAN, 0.0).holds);
    }
}
