use std::iter::once;
use std::path::Path;

use super::gzip;
use crate::tables::TabularDataset;
use crate::{Classes, ColumnKind, CsvReader, CsvReaderConfig, DataError};

/// Lengths and widths of iris flowers, 150 rows, 3 species.
///
/// # Errors
///
/// None with the file that is compiled in.
pub fn iris() -> Result<TabularDataset<usize>, DataError> {
    let features = [
        "sepal length (cm)",
        "sepal width (cm)",
        "petal length (cm)",
        "petal width (cm)",
    ];
    let file = include_bytes!("../../data/iris.csv.gz");
    labelled(file, "iris.csv.gz", &features.map(str::to_owned))
}

/// Chemical analyses of wines, 178 rows, 3 growers.
///
/// # Errors
///
/// None with the file that is compiled in.
pub fn wine() -> Result<TabularDataset<usize>, DataError> {
    let features = [
        "alcohol",
        "malic_acid",
        "ash",
        "alcalinity_of_ash",
        "magnesium",
        "total_phenols",
        "flavanoids",
        "nonflavanoid_phenols",
        "proanthocyanins",
        "color_intensity",
        "hue",
        "od280/od315_of_diluted_wines",
        "proline",
    ];
    let file = include_bytes!("../../data/wine_data.csv.gz");
    labelled(file, "wine_data.csv.gz", &features.map(str::to_owned))
}

/// Measures of cell nuclei, 569 rows, malignant (0) or benign (1).
///
/// # Errors
///
/// None with the file that is compiled in.
pub fn breast_cancer() -> Result<TabularDataset<usize>, DataError> {
    let measures = [
        "radius",
        "texture",
        "perimeter",
        "area",
        "smoothness",
        "compactness",
        "concavity",
        "concave points",
        "symmetry",
        "fractal dimension",
    ];
    let mean = measures.map(|measure| format!("mean {measure}"));
    let error = measures.map(|measure| format!("{measure} error"));
    let worst = measures.map(|measure| format!("worst {measure}"));
    let file = include_bytes!("../../data/breast_cancer.csv.gz");
    labelled(file, "breast_cancer.csv.gz", &[mean, error, worst].concat())
}

/// Progression of diabetes after a year, 442 rows, ten measures at its start in their own units.
///
/// # Errors
///
/// None with the files that are compiled in.
pub fn diabetes() -> Result<TabularDataset<f32>, DataError> {
    let features = [
        "age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6",
    ];
    let name = "diabetes_data_raw.csv.gz";
    let rows = gzip::text(include_bytes!("../../data/diabetes_data_raw.csv.gz"), name)?;
    let target = "diabetes_target.csv.gz";
    let targets = gzip::text(include_bytes!("../../data/diabetes_target.csv.gz"), target)?;
    let joined = rows.lines().zip(targets.lines());
    let joined: Vec<String> = joined.map(|(row, y)| format!("{row} {y}\n")).collect();
    reader(&features.map(str::to_owned), ' ')?.values_from(joined.concat().as_bytes(), name)
}

/// A file whose first line holds the counts of rows and features and the names of the classes.
fn labelled(
    file: &[u8],
    name: &'static str,
    features: &[String],
) -> Result<TabularDataset<usize>, DataError> {
    let text = gzip::text(file, name)?;
    let (first, rows) = text
        .split_once('\n')
        .ok_or_else(|| DataError::empty(Path::new(name), "row"))?;
    let class_names = first.trim().split(',').skip(2).map(str::to_owned).collect();
    let classes = Classes::Indexed(class_names);
    reader(features, ',')?.classes_from(rows.as_bytes(), name, &classes)
}

fn reader(features: &[String], delimiter: char) -> Result<CsvReader, DataError> {
    let features = features
        .iter()
        .map(|name| (name.clone(), ColumnKind::Numeric));
    let columns = features.chain(once(("target".to_owned(), ColumnKind::Target)));
    CsvReaderConfig::new(columns.collect())
        .with_delimiter(delimiter)
        .with_header(false)
        .init()
        .map_err(|error| DataError::record("embedded", 0, error.to_string()))
}
