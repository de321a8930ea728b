use candor_core::InputError;

/// The targets of a batch: for each row a few classes, each with a weight.
///
/// ```text
/// loss of row j = Σ_k weight_jk · L(o_jk, q_j, s_j, D)
/// ```
///
/// One class of weight 1 is an ordinary label. Weights need not sum to one; under [`SphericalMse`](super::SphericalMse)
/// weights `y` that do have the gradient of `‖o - y‖²`. A class that is named twice in a row counts twice.
///
/// ```
/// use candor_losses::spherical::SparseTargets;
///
/// let targets = SparseTargets::new(&[vec![(4, 1.0)], vec![(0, 0.75), (2, 0.25)]], 5).unwrap();
/// assert_eq!(targets.rows(), 2);
/// assert!(SparseTargets::new(&[vec![(5, 1.0)]], 5).is_err()); // five classes are 0 to 4
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SparseTargets {
    rows: usize,
    classes: usize,
    entries: Vec<TargetEntry>,
}

/// One class of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TargetEntry {
    pub(super) row: usize,
    pub(super) class: usize,
    pub(super) weight: f64,
}

const NAME: &str = "SparseTargets";

impl SparseTargets {
    /// Targets given as one list of (class, weight) a row.
    ///
    /// # Errors
    ///
    /// No row, a row without a class, a class outside `0..classes`, a weight that is negative or not finite.
    pub fn new(rows: &[Vec<(usize, f64)>], classes: usize) -> Result<Self, InputError> {
        InputError::check_not_empty(NAME, "rows", rows.len())?;
        for row in rows {
            InputError::check_not_empty(NAME, "the targets of a row", row.len())?;
        }
        let entries: Vec<TargetEntry> = rows
            .iter()
            .enumerate()
            .flat_map(|(row, targets)| {
                targets
                    .iter()
                    .map(move |&(class, weight)| TargetEntry { row, class, weight })
            })
            .collect();
        let label = |entry: &TargetEntry| i64::try_from(entry.class).unwrap_or(i64::MAX);
        let labels: Vec<i64> = entries.iter().map(label).collect();
        let weights: Vec<f64> = entries.iter().map(|entry| entry.weight).collect();
        InputError::check_labels(NAME, "classes", &labels, classes)?;
        let legal = |weight: f64| weight.is_finite() && weight >= 0.0;
        InputError::check_values(NAME, "weights", &weights, "finite and >= 0", legal)?;
        Ok(Self {
            rows: rows.len(),
            classes,
            entries,
        })
    }

    /// One class a row, of weight 1.
    ///
    /// # Errors
    ///
    /// No label, or a label outside `0..classes`.
    pub fn from_labels(labels: &[i64], classes: usize) -> Result<Self, InputError> {
        InputError::check_not_empty(NAME, "labels", labels.len())?;
        InputError::check_labels(NAME, "labels", labels, classes)?;
        let entry = |(row, &label): (usize, &i64)| TargetEntry {
            row,
            class: label as usize,
            weight: 1.0,
        };
        Ok(Self {
            rows: labels.len(),
            classes,
            entries: labels.iter().enumerate().map(entry).collect(),
        })
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many classes there are to choose from.
    pub fn classes(&self) -> usize {
        self.classes
    }

    pub(super) fn entries(&self) -> &[TargetEntry] {
        &self.entries
    }
}
