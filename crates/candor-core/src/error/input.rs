use thiserror::Error;

/// A value in a tensor or slice that the formula is not defined for.
///
/// Looking for one reads the device, so `forward` does not: an objective with preconditions offers
/// `validate(…)`, which data readers and pipelines call once where data enters. Measures that run on the
/// host return it directly.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum InputError {
    /// A class label outside `0..classes`.
    #[error("{component}: {argument}[{index}] = {label} is not a label of {classes} classes")]
    LabelOutOfRange {
        /// The component that was called.
        component: &'static str,
        /// The argument.
        argument: &'static str,
        /// Flat position of the first offender.
        index: usize,
        /// The label seen.
        label: i64,
        /// How many classes there are.
        classes: usize,
    },
    /// A number outside the range that the formula is defined on (NaN and infinities included).
    #[error("{component}: {argument}[{index}] = {value} is out of range, it must be {legal}")]
    OutOfRange {
        /// The component that was called.
        component: &'static str,
        /// The argument.
        argument: &'static str,
        /// Flat position of the first offender.
        index: usize,
        /// The value seen.
        value: f64,
        /// The legal range, as text.
        legal: &'static str,
    },
    /// Two arguments whose shapes do not fit.
    #[error("{component}: {argument} has shape {seen:?}, wanted {wanted:?}")]
    Shape {
        /// The component that was called.
        component: &'static str,
        /// The argument.
        argument: &'static str,
        /// The shape seen.
        seen: Vec<usize>,
        /// The shape wanted.
        wanted: Vec<usize>,
    },
    /// Nothing to work on: an empty batch, a mask without an entry, a list without a value.
    #[error("{component}: {argument} is empty: {wanted}")]
    Empty {
        /// The component that was called.
        component: &'static str,
        /// The argument.
        argument: &'static str,
        /// What it must hold.
        wanted: &'static str,
    },
    /// The quantity has no value for this input.
    #[error("{component} is undefined: {reason}")]
    Undefined {
        /// The component that was called.
        component: &'static str,
        /// Why there is no value.
        reason: &'static str,
    },
}

impl InputError {
    /// Refuses a first value that `legal` does not hold for.
    ///
    /// # Errors
    ///
    /// [`InputError::OutOfRange`] with the position and the value.
    pub fn check_values(
        component: &'static str,
        argument: &'static str,
        values: &[f64],
        range: &'static str,
        legal: impl Fn(f64) -> bool,
    ) -> Result<(), Self> {
        match values.iter().position(|&value| !legal(value)) {
            None => Ok(()),
            Some(index) => Err(Self::OutOfRange {
                component,
                argument,
                index,
                value: values[index],
                legal: range,
            }),
        }
    }

    /// Refuses NaN and infinities.
    ///
    /// # Errors
    ///
    /// [`InputError::OutOfRange`] with the position and the value.
    pub fn check_finite(
        component: &'static str,
        argument: &'static str,
        values: &[f64],
    ) -> Result<(), Self> {
        Self::check_values(component, argument, values, "finite", f64::is_finite)
    }

    /// Refuses a label outside `0..classes`.
    ///
    /// # Errors
    ///
    /// [`InputError::LabelOutOfRange`] with the position and the label.
    pub fn check_labels(
        component: &'static str,
        argument: &'static str,
        labels: &[i64],
        classes: usize,
    ) -> Result<(), Self> {
        let legal = |label: i64| usize::try_from(label).is_ok_and(|label| label < classes);
        match labels.iter().position(|&label| !legal(label)) {
            None => Ok(()),
            Some(index) => Err(Self::LabelOutOfRange {
                component,
                argument,
                index,
                label: labels[index],
                classes,
            }),
        }
    }

    /// Refuses a shape other than the wanted one.
    ///
    /// # Errors
    ///
    /// [`InputError::Shape`] with both shapes.
    pub fn check_dims(
        component: &'static str,
        argument: &'static str,
        seen: &[usize],
        wanted: &[usize],
    ) -> Result<(), Self> {
        if seen == wanted {
            Ok(())
        } else {
            Err(Self::Shape {
                component,
                argument,
                seen: seen.to_vec(),
                wanted: wanted.to_vec(),
            })
        }
    }

    /// Refuses a length of zero.
    ///
    /// # Errors
    ///
    /// [`InputError::Empty`].
    pub fn check_not_empty(
        component: &'static str,
        argument: &'static str,
        length: usize,
    ) -> Result<(), Self> {
        if length > 0 {
            Ok(())
        } else {
            Err(Self::Empty {
                component,
                argument,
                wanted: "at least one row is needed",
            })
        }
    }
}
