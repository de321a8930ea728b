use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use burn::config::Config;
use candor_core::ConfigError;
use csv::{ReaderBuilder, Trim};

use super::schema::{Classes, ColumnKind};
use super::sheet::{Sheet, unreadable};
use crate::DataError;
use crate::tables::{TabularDataset, TabularItem};

/// Configuration of a [`CsvReader`]: the columns in the file's order, by name.
#[derive(Config, Debug)]
pub struct CsvReaderConfig {
    /// Every column of the file with its name.
    pub columns: Vec<(String, ColumnKind)>,
    /// What separates fields. Default: a comma.
    #[config(default = "','")]
    pub delimiter: char,
    /// Whether the first line holds the columns' names; if so they must be these. Default: it does.
    #[config(default = true)]
    pub header: bool,
}

impl CsvReaderConfig {
    /// Builds the reader.
    ///
    /// # Errors
    ///
    /// No target or several, no feature, two columns of one name, or a delimiter that cannot be one.
    pub fn init(&self) -> Result<CsvReader, ConfigError> {
        const NAME: &str = "CsvReaderConfig";
        let targets = self.count(|kind| *kind == ColumnKind::Target);
        if targets != 1 {
            let problem = format!("columns holds {targets} targets, wanted one");
            return Err(ConfigError::contradiction(NAME, problem));
        }
        if self.count(|kind| !matches!(kind, ColumnKind::Target | ColumnKind::Ignore)) == 0 {
            return Err(ConfigError::contradiction(NAME, "columns holds no feature"));
        }
        let mut names = BTreeSet::new();
        if let Some((twice, _)) = self.columns.iter().find(|(name, _)| !names.insert(name)) {
            let problem = format!("columns names `{twice}` twice");
            return Err(ConfigError::contradiction(NAME, problem));
        }
        if !self.delimiter.is_ascii() || matches!(self.delimiter, '"' | '\n' | '\r') {
            let legal = "an ASCII character, neither a quote nor a line end";
            let seen = self.delimiter.escape_debug();
            return Err(ConfigError::out_of_range(NAME, "delimiter", seen, legal));
        }
        Ok(CsvReader {
            columns: self.columns.clone(),
            delimiter: self.delimiter as u8,
            header: self.header,
        })
    }

    fn count(&self, fits: impl Fn(&ColumnKind) -> bool) -> usize {
        self.columns.iter().filter(|(_, kind)| fits(kind)).count()
    }
}

/// Reads tables from CSV files whose every column is declared.
///
/// Blanks around fields are dropped, quoted fields may hold delimiters and line ends, empty lines are passed
/// over. A missing value has no special mark: it is an error in a numeric column and a level in a categorical one.
///
/// ```
/// use candor_data::{Classes, ColumnKind, CsvReaderConfig};
///
/// let text = "size,color,kind\n1.5,red,cat\n2,blue,dog\n";
/// let one_hot = ColumnKind::OneHot { levels: vec![] };
/// let columns = [("size", ColumnKind::Numeric), ("color", one_hot), ("kind", ColumnKind::Target)];
/// let columns = columns.map(|(name, kind)| (name.to_owned(), kind)).to_vec();
/// let reader = CsvReaderConfig::new(columns).init()?;
/// let table = reader.classes_from(text.as_bytes(), "pets.csv", &Classes::Found)?;
/// assert_eq!(table.feature_names(), ["size", "color=blue", "color=red"]);
/// assert_eq!((table.items()[0].features.as_slice(), table.labels()), ([1.5, 0.0, 1.0].as_slice(), vec![0, 1]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct CsvReader {
    columns: Vec<(String, ColumnKind)>,
    delimiter: u8,
    header: bool,
}

impl CsvReader {
    /// Reads a file whose target is a class.
    ///
    /// # Errors
    ///
    /// The first field, row or header that does not fit, with its line and column; a file without rows.
    pub fn read_classes(
        &self,
        path: impl AsRef<Path>,
        classes: &Classes,
    ) -> Result<TabularDataset<usize>, DataError> {
        let path = path.as_ref();
        let file = File::open(path).map_err(DataError::read(path))?;
        self.classes_from(file, path, classes)
    }

    /// Reads a file whose target is a number.
    ///
    /// # Errors
    ///
    /// The first field, row or header that does not fit, with its line and column; a file without rows.
    pub fn read_values(&self, path: impl AsRef<Path>) -> Result<TabularDataset<f32>, DataError> {
        let path = path.as_ref();
        let file = File::open(path).map_err(DataError::read(path))?;
        self.values_from(file, path)
    }

    /// Reads text whose target is a class; errors call it `name`.
    ///
    /// # Errors
    ///
    /// The first field, row or header that does not fit, with its line and column; text without rows.
    pub fn classes_from(
        &self,
        text: impl Read,
        name: impl AsRef<Path>,
        classes: &Classes,
    ) -> Result<TabularDataset<usize>, DataError> {
        let sheet = self.sheet(text, name.as_ref())?;
        let (class_names, labels) = sheet.labels(classes)?;
        let (columns, features) = sheet.features()?;
        TabularDataset::of_classes(items(features, labels), columns, class_names)
    }

    /// Reads text whose target is a number; errors call it `name`.
    ///
    /// # Errors
    ///
    /// The first field, row or header that does not fit, with its line and column; text without rows.
    pub fn values_from(
        &self,
        text: impl Read,
        name: impl AsRef<Path>,
    ) -> Result<TabularDataset<f32>, DataError> {
        let sheet = self.sheet(text, name.as_ref())?;
        let (columns, features) = sheet.features()?;
        TabularDataset::of_values(items(features, sheet.targets()?), columns)
    }

    /// All rows, each with as many fields as there are columns.
    fn sheet<'a>(&'a self, text: impl Read, file: &'a Path) -> Result<Sheet<'a>, DataError> {
        let mut reader = ReaderBuilder::new()
            .delimiter(self.delimiter)
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(text);
        let mut sheet = Sheet {
            file,
            columns: &self.columns,
            rows: Vec::new(),
        };
        for (number, record) in reader.records().enumerate() {
            let row = record.map_err(|error| unreadable(file, error))?;
            sheet.check_width(&row)?;
            if number == 0 && self.header {
                sheet.check_header(&row)?;
            } else {
                sheet.rows.push(row);
            }
        }
        if sheet.rows.is_empty() {
            return Err(DataError::empty(file, "row"));
        }
        Ok(sheet)
    }
}

fn items<T>(features: Vec<Vec<f32>>, targets: Vec<T>) -> Vec<TabularItem<T>> {
    let rows = features.into_iter().zip(targets).enumerate();
    rows.map(|(index, (features, target))| TabularItem {
        features,
        target,
        index,
    })
    .collect()
}
