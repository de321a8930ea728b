use serde::{Deserialize, Serialize};

/// Which way a column's numbers are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Better {
    /// Higher is better.
    Higher,
    /// Lower is better.
    Lower,
    /// Neither.
    Neither,
}

/// A column of numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Column {
    name: String,
    better: Better,
    decimals: usize,
}

/// A table of numbers with a name for each row, made to be read by eye: a bar in every cell, the best in bold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    caption: String,
    columns: Vec<Column>,
    rows: Vec<(String, Vec<f64>)>,
}

/// A cell as the page shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// The number.
    pub text: String,
    /// Length of its bar, in percent of the cell.
    pub bar: f64,
    /// Whether it is the best of its column.
    pub best: bool,
}

impl Table {
    /// A table without columns.
    pub fn new(caption: impl Into<String>) -> Self {
        Self {
            caption: caption.into(),
            ..Self::default()
        }
    }

    /// Adds a column.
    pub fn column(mut self, name: &str, better: Better, decimals: usize) -> Self {
        self.columns.push(Column {
            name: name.to_owned(),
            better,
            decimals,
        });
        self
    }

    /// Adds a row; a number that is missing is not-a-number.
    pub fn row(mut self, name: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        self.rows.push((name.into(), values.into_iter().collect()));
        self
    }

    /// What the table shows.
    pub fn caption(&self) -> &str {
        &self.caption
    }

    /// The columns' names, with an arrow to the better side.
    pub fn headings(&self) -> Vec<String> {
        let heading = |column: &Column| match column.better {
            Better::Higher => format!("{} ↑", column.name),
            Better::Lower => format!("{} ↓", column.name),
            Better::Neither => column.name.clone(),
        };
        self.columns.iter().map(heading).collect()
    }

    /// The rows as the page shows them.
    pub fn cells(&self) -> Vec<(&str, Vec<Cell>)> {
        self.rows
            .iter()
            .map(|(name, values)| {
                let cells = values
                    .iter()
                    .enumerate()
                    .map(|(column, &value)| self.cell(column, value));
                (name.as_str(), cells.collect())
            })
            .collect()
    }

    fn cell(&self, column: usize, value: f64) -> Cell {
        let finite = || {
            let of_column = |(_, values): &(String, Vec<f64>)| values.get(column).copied();
            self.rows
                .iter()
                .filter_map(of_column)
                .filter(|value| value.is_finite())
        };
        let longest = finite().map(f64::abs).fold(0.0, f64::max);
        let best = match self.columns[column].better {
            Better::Higher => Some(finite().fold(f64::NEG_INFINITY, f64::max)),
            Better::Lower => Some(finite().fold(f64::INFINITY, f64::min)),
            Better::Neither => None,
        };
        let text = if value.is_finite() {
            format!("{value:.*}", self.columns[column].decimals)
        } else {
            "–".to_owned()
        };
        Cell {
            text,
            bar: if longest > 0.0 && value.is_finite() {
                100.0 * value.abs() / longest
            } else {
                0.0
            },
            best: best == Some(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_marked_and_a_missing_number_is_a_dash() {
        let table = Table::new("t")
            .column("loss", Better::Lower, 1)
            .row("a", [2.0])
            .row("b", [1.0])
            .row("c", [f64::NAN]);
        let cells = table.cells();
        assert!(!cells[0].1[0].best && cells[1].1[0].best);
        assert_eq!(cells[2].1[0].text, "–");
        assert!(cells[2].1[0].bar.abs() < 1e-9);
        assert!((cells[1].1[0].bar - 50.0).abs() < 1e-9);
    }
}
