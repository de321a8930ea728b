use candor_core::InputError;

const NAME: &str = "hungarian";

/// Which column each row is matched with, and what it costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// The column of each row; `None` where there are more rows than columns and the row got none.
    pub columns: Vec<Option<usize>>,
    /// Sum of the matched costs.
    pub total: f64,
}

/// The cheapest matching of `rows` with `cols`, each used at most once, every one of the fewer kind used.
///
/// ```text
/// minimise Σ_i cost[i, σ(i)] over injective σ        O(min(rows, cols)² max(rows, cols))
/// ```
///
/// `cost` is row-major. Of equally cheap matchings the one that SciPy's `linear_sum_assignment` finds is returned.
///
/// # Errors
///
/// No row or column, another number of costs than `rows * cols`, a cost that is not finite, costs so large that their
/// sums overflow.
///
/// # Source
///
/// Kuhn: The Hungarian method for the assignment problem, 1955; solved by the crate `lsap`, Crouse's shortest
/// augmenting paths (2016).
///
/// ```
/// use candor_losses::sets::hungarian;
///
/// let found = hungarian(&[4.0, 1.0, 3.0, 2.0, 0.0, 5.0], 2, 3).unwrap();
/// assert_eq!(found.columns, [Some(1), Some(0)]); // 1 + 2, cheaper than 3 + 0 or 4 + 0
/// assert_eq!(found.total, 3.0);
/// ```
pub fn hungarian(cost: &[f64], rows: usize, cols: usize) -> Result<Assignment, InputError> {
    InputError::check_not_empty(NAME, "cost", rows.min(cols))?;
    let wanted = rows.saturating_mul(cols);
    InputError::check_dims(NAME, "cost", &[cost.len()], &[wanted])?;
    InputError::check_finite(NAME, "cost", cost)?;
    let (matched_rows, matched_cols) =
        lsap::solve(rows, cols, &cost.to_vec(), false).map_err(|_| InputError::Undefined {
            component: NAME,
            reason: "the sums of the costs overflow",
        })?;
    let mut columns = vec![None; rows];
    let mut total = 0.0;
    for (row, col) in matched_rows.into_iter().zip(matched_cols) {
        total += cost.get(row * cols + col).copied().unwrap_or(0.0);
        if let Some(entry) = columns.get_mut(row) {
            *entry = Some(col);
        }
    }
    Ok(Assignment { columns, total })
}
