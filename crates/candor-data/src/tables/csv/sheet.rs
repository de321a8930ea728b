use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use csv::{Position, StringRecord};

use super::schema::{Classes, ColumnKind};
use crate::DataError;
use crate::tables::{Coding, Column};

/// How many levels a column may have that the schema does not list.
const LEVEL_LIMIT: usize = 1024;

/// The rows of a file beside the columns they should have.
pub(super) struct Sheet<'a> {
    pub(super) file: &'a Path,
    pub(super) columns: &'a [(String, ColumnKind)],
    pub(super) rows: Vec<StringRecord>,
}

impl Sheet<'_> {
    pub(super) fn check_width(&self, row: &StringRecord) -> Result<(), DataError> {
        let (seen, wanted) = (row.len(), self.columns.len());
        if seen == wanted {
            return Ok(());
        }
        Err(DataError::RaggedRow {
            file: self.file.to_owned(),
            line: line(row),
            seen,
            wanted,
        })
    }

    pub(super) fn check_header(&self, header: &StringRecord) -> Result<(), DataError> {
        let mut names = header.iter().zip(self.columns).enumerate();
        match names.find(|(_, (seen, (wanted, _)))| seen != wanted) {
            None => Ok(()),
            Some((place, (seen, (wanted, _)))) => Err(DataError::Header {
                file: self.file.to_owned(),
                position: place + 1,
                seen: seen.to_owned(),
                wanted: wanted.clone(),
            }),
        }
    }

    /// The fields of a column, row by row.
    fn fields(&self, column: usize) -> impl Iterator<Item = (&StringRecord, &str)> {
        self.rows.iter().map(move |row| (row, &row[column]))
    }

    fn numbers(&self, column: usize) -> Result<Vec<f32>, DataError> {
        self.fields(column)
            .map(|(row, field)| self.number(row, column, field))
            .collect()
    }

    fn number(&self, row: &StringRecord, column: usize, field: &str) -> Result<f32, DataError> {
        let (file, line) = (self.file.to_owned(), line(row));
        let (column, value) = (self.columns[column].0.clone(), field.to_owned());
        match field.parse::<f32>() {
            // Rust reads `NaN`, `inf` and `1e99` as numbers.
            Ok(number) if number.is_finite() => Ok(number),
            Ok(_) => Err(DataError::NotFinite {
                file,
                line,
                column,
                value,
            }),
            Err(_) => Err(DataError::NotANumber {
                file,
                line,
                column,
                value,
            }),
        }
    }

    /// The listed levels, or those of the file, and each row's place among them.
    fn levels(
        &self,
        column: usize,
        listed: &[String],
    ) -> Result<(Vec<String>, Vec<usize>), DataError> {
        let levels = if listed.is_empty() {
            self.found_levels(column)?
        } else {
            listed.to_vec()
        };
        let order = order(&levels);
        let places = self.fields(column).map(|(row, field)| {
            let place = order.get(field).copied();
            place.ok_or_else(|| DataError::UnknownLevel {
                file: self.file.to_owned(),
                line: line(row),
                column: self.columns[column].0.clone(),
                value: field.to_owned(),
                levels: levels.len(),
            })
        });
        let places = places.collect::<Result<_, _>>()?;
        Ok((levels, places))
    }

    /// A column of identifiers would become a feature a row, and a table of the square of its rows.
    fn found_levels(&self, column: usize) -> Result<Vec<String>, DataError> {
        let levels = self.distinct(column);
        if levels.len() <= LEVEL_LIMIT {
            return Ok(levels);
        }
        Err(DataError::TooManyLevels {
            file: self.file.to_owned(),
            column: self.columns[column].0.clone(),
            levels: levels.len(),
            limit: LEVEL_LIMIT,
        })
    }

    fn distinct(&self, column: usize) -> Vec<String> {
        let found: BTreeSet<&str> = self.fields(column).map(|(_, field)| field).collect();
        found.into_iter().map(str::to_owned).collect()
    }

    /// The coded columns and, row by row, their features.
    pub(super) fn features(&self) -> Result<(Vec<Column>, Vec<Vec<f32>>), DataError> {
        let mut columns = Vec::new();
        let mut features = vec![Vec::new(); self.rows.len()];
        for (at, (name, kind)) in self.columns.iter().enumerate() {
            let coding = match kind {
                ColumnKind::Target | ColumnKind::Ignore => continue,
                ColumnKind::Numeric => {
                    let numbers = self.numbers(at)?;
                    append(&mut features, numbers.into_iter().map(|number| [number]));
                    Coding::Numeric
                }
                ColumnKind::Index { levels } => {
                    let (levels, places) = self.levels(at, levels)?;
                    append(
                        &mut features,
                        places.into_iter().map(|place| [place as f32]),
                    );
                    Coding::Index { levels }
                }
                ColumnKind::OneHot { levels } => {
                    let (levels, places) = self.levels(at, levels)?;
                    let width = levels.len();
                    let hot = |place| (0..width).map(move |at| f32::from(at == place));
                    append(&mut features, places.into_iter().map(hot));
                    Coding::OneHot { levels }
                }
            };
            columns.push(Column {
                name: name.clone(),
                coding,
            });
        }
        Ok((columns, features))
    }

    fn target(&self) -> usize {
        let target = |(_, kind): &(String, ColumnKind)| *kind == ColumnKind::Target;
        self.columns.iter().position(target).unwrap_or_default() // `init` saw to it that there is one
    }

    pub(super) fn targets(&self) -> Result<Vec<f32>, DataError> {
        self.numbers(self.target())
    }

    /// The names of the classes and each row's class.
    pub(super) fn labels(&self, classes: &Classes) -> Result<(Vec<String>, Vec<usize>), DataError> {
        let target = self.target();
        let names = match classes {
            Classes::Found => self.distinct(target),
            Classes::Named(names) | Classes::Indexed(names) => names.clone(),
        };
        let order = order(&names);
        let labels = self.fields(target).map(|(row, field)| match classes {
            Classes::Indexed(_) => self.indexed(row, field, names.len()),
            Classes::Found | Classes::Named(_) => {
                let label = order.get(field).copied();
                label.ok_or_else(|| self.unknown_class(row, field, names.len()))
            }
        });
        let labels = labels.collect::<Result<_, _>>()?;
        Ok((names, labels))
    }

    fn indexed(&self, row: &StringRecord, field: &str, classes: usize) -> Result<usize, DataError> {
        let Ok(label) = field.parse::<i64>() else {
            return Err(self.unknown_class(row, field, classes));
        };
        match usize::try_from(label) {
            Ok(index) if index < classes => Ok(index),
            _ => Err(DataError::LabelOutOfRange {
                file: self.file.to_owned(),
                line: line(row),
                label,
                classes,
            }),
        }
    }

    fn unknown_class(&self, row: &StringRecord, field: &str, classes: usize) -> DataError {
        DataError::UnknownClass {
            file: self.file.to_owned(),
            line: line(row),
            value: field.to_owned(),
            classes,
        }
    }
}

/// Each name's place.
fn order(names: &[String]) -> BTreeMap<&str, usize> {
    let places = names.iter().enumerate();
    places.map(|(place, name)| (name.as_str(), place)).collect()
}

/// Puts a column's features behind those that each row has already.
fn append<F: IntoIterator<Item = f32>>(rows: &mut [Vec<f32>], column: impl Iterator<Item = F>) {
    for (row, features) in rows.iter_mut().zip(column) {
        row.extend(features);
    }
}

fn line(row: &StringRecord) -> u64 {
    row.position().map_or(0, Position::line)
}

/// What the CSV parser could not make sense of.
pub(super) fn unreadable(file: &Path, error: csv::Error) -> DataError {
    let line = error.position().map_or(0, Position::line);
    let reason = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(source) => DataError::read(file)(source),
        _ => DataError::Malformed {
            file: file.to_owned(),
            line,
            reason,
        },
    }
}
