#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! Every fault of a table is named with its file, line and column.

use candor_data::{
    Classes, Coding, ColumnKind, CsvReader, CsvReaderConfig, DataError, TabularDataset,
};
use proptest::prelude::*;

fn levels(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn columns(kinds: &[(&str, ColumnKind)]) -> Vec<(String, ColumnKind)> {
    kinds
        .iter()
        .map(|(name, kind)| ((*name).to_owned(), kind.clone()))
        .collect()
}

fn reader() -> CsvReader {
    let kinds = [("a", ColumnKind::Numeric), ("y", ColumnKind::Target)];
    CsvReaderConfig::new(columns(&kinds)).init().unwrap()
}

fn classes(text: &str, classes: &Classes) -> Result<TabularDataset<usize>, DataError> {
    reader().classes_from(text.as_bytes(), "t.csv", classes)
}

fn fault(text: &str) -> String {
    let two = Classes::Indexed(levels(&["no", "yes"]));
    classes(text, &two).unwrap_err().to_string()
}

#[test]
fn faults_are_named_by_line_and_column() {
    let cases = [
        ("a,y\n1,0\n2\n", "t.csv:3: 1 fields, wanted 2"),
        ("a,y\n1,0,9\n", "t.csv:2: 3 fields, wanted 2"),
        ("a\n1\n", "t.csv:1: 1 fields, wanted 2"),
        (
            "b,y\n1,0\n",
            "t.csv: column 1 is `b`, the schema names it `a`",
        ),
        (
            "a,y\nx,0\n",
            "t.csv:2: column `a` holds `x`, wanted a number",
        ),
        ("a,y\n,0\n", "t.csv:2: column `a` holds ``, wanted a number"),
        (
            "a,y\nNaN,0\n",
            "t.csv:2: column `a` holds `NaN`, wanted a finite number",
        ),
        (
            "a,y\n-inf,0\n",
            "t.csv:2: column `a` holds `-inf`, wanted a finite number",
        ),
        (
            "a,y\n1e39,0\n",
            "t.csv:2: column `a` holds `1e39`, wanted a finite number",
        ),
        (
            "a,y\n1,0\n1,2\n",
            "t.csv:3: label 2 is not one of 2 classes",
        ),
        ("a,y\n1,-1\n", "t.csv:2: label -1 is not one of 2 classes"),
        ("a,y\n1,0.5\n", "t.csv:2: `0.5` is none of the 2 classes"),
        (
            "a,y\n1,99999999999999999999\n",
            "t.csv:2: `99999999999999999999` is none of the 2 classes",
        ),
        ("a,y\n", "t.csv: holds no row"),
        ("", "t.csv: holds no row"),
    ];
    for (text, wanted) in cases {
        let seen = fault(text);
        assert!(seen.starts_with(wanted), "{text:?}: {seen}");
    }
}

#[test]
fn lines_are_counted_through_quoted_line_ends() {
    let kinds = [
        ("a", ColumnKind::Numeric),
        ("note", ColumnKind::Ignore),
        ("y", ColumnKind::Target),
    ];
    let reader = CsvReaderConfig::new(columns(&kinds)).init().unwrap();
    let text = "a,note,y\n1,\"two\nlines, here\",0.5\nx,,0\n";
    let seen = reader
        .values_from(text.as_bytes(), "t.csv")
        .unwrap_err()
        .to_string();
    assert!(seen.starts_with("t.csv:4: column `a` holds `x`"), "{seen}");
}

#[test]
fn bytes_that_are_no_text_are_an_error() {
    let error = reader()
        .values_from(&b"a,y\n\xff,0\n"[..], "t.csv")
        .unwrap_err();
    assert!(
        matches!(error, DataError::Malformed { line: 2, .. }),
        "{error}"
    );
}

#[test]
fn named_classes_refuse_others_and_found_ones_are_sorted() {
    let text = "a,y\n1,dog\n2,cat\n";
    let found = classes(text, &Classes::Found).unwrap();
    assert_eq!(
        (found.class_names(), found.labels()),
        (&levels(&["cat", "dog"])[..], vec![1, 0])
    );
    let named = classes(text, &Classes::Named(levels(&["dog", "cat"]))).unwrap();
    assert_eq!(named.labels(), [0, 1]);
    let error = classes(text, &Classes::Named(levels(&["dog"]))).unwrap_err();
    assert!(
        matches!(error, DataError::UnknownClass { line: 3, .. }),
        "{error}"
    );
}

#[test]
fn categories_are_coded_as_asked() {
    let kinds = [
        (
            "size",
            ColumnKind::Index {
                levels: levels(&["small", "large"]),
            },
        ),
        ("color", ColumnKind::OneHot { levels: vec![] }),
        ("skip", ColumnKind::Ignore),
        ("y", ColumnKind::Target),
    ];
    let config = CsvReaderConfig::new(columns(&kinds)).with_delimiter(';');
    let reader = config.init().unwrap();
    let text = "size;color;skip;y\nlarge; red ;?;1\nsmall;blue;?;2\n";
    let table = reader.values_from(text.as_bytes(), "t.csv").unwrap();
    assert_eq!(table.feature_names(), ["size", "color=blue", "color=red"]);
    assert_eq!(table.items()[0].features, [1.0, 0.0, 1.0]);
    assert_eq!(table.items()[1].features, [0.0, 1.0, 0.0]);
    assert_eq!(table.targets(), [1.0, 2.0]);
    assert_eq!(
        table.columns()[1].coding,
        Coding::OneHot {
            levels: levels(&["blue", "red"])
        }
    );
    let error = reader
        .values_from(&b"size;color;skip;y\nhuge;red;?;1\n"[..], "t.csv")
        .unwrap_err();
    assert!(
        matches!(
            error,
            DataError::UnknownLevel {
                line: 2,
                levels: 2,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn schemas_that_make_no_table_are_refused() {
    let config = |kinds: &[(&str, ColumnKind)]| CsvReaderConfig::new(columns(kinds));
    let (numeric, target) = (("a", ColumnKind::Numeric), ("y", ColumnKind::Target));
    assert!(config(&[numeric.clone(), target.clone()]).init().is_ok());
    let illegal = [
        config(&[]),
        config(std::slice::from_ref(&numeric)),
        config(std::slice::from_ref(&target)),
        config(&[target.clone(), ("z", ColumnKind::Target), numeric.clone()]),
        config(&[numeric.clone(), numeric.clone(), target.clone()]),
        config(&[numeric.clone(), target.clone()]).with_delimiter('é'),
        config(&[numeric, target]).with_delimiter('"'),
    ];
    for config in illegal {
        assert!(config.init().is_err(), "{config:?}");
    }
}

#[test]
fn a_column_of_identifiers_is_refused_as_categories() {
    let kinds = [
        ("id", ColumnKind::OneHot { levels: vec![] }),
        ("y", ColumnKind::Target),
    ];
    let reader = CsvReaderConfig::new(columns(&kinds)).init().unwrap();
    let rows: Vec<String> = (0..1025).map(|id| format!("row{id},0\n")).collect();
    let text = format!("id,y\n{}", rows.concat());
    let error = reader.values_from(text.as_bytes(), "t.csv").unwrap_err();
    let named =
        matches!(&error, DataError::TooManyLevels { column, levels: 1025, .. } if column == "id");
    assert!(named, "{error}");
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_header() {
    let text = "\u{feff}a,y\r\n1,no\r\n";
    assert_eq!(
        classes(text, &Classes::Found).unwrap().items()[0].features,
        [1.0]
    );
}

#[test]
fn a_missing_file_is_named() {
    let error = reader().read_values("no/such.csv").unwrap_err().to_string();
    assert!(error.starts_with("no/such.csv: "), "{error}");
}

proptest! {
    #[test]
    fn any_text_gives_a_table_or_an_error(text in "[-a-z0-9.,\"\n ]{0,80}") {
        let _ = classes(&text, &Classes::Found);
        let _ = reader().values_from(text.as_bytes(), "t.csv");
    }

    #[test]
    fn what_is_written_is_read_back(rows in proptest::collection::vec((any::<i32>(), 0usize..3), 1..20)) {
        let lines: Vec<String> = rows.iter().map(|(a, y)| format!("{a},{y}\n")).collect();
        let text = format!("a,y\n{}", lines.concat());
        let table = classes(&text, &Classes::Indexed(levels(&["p", "q", "r"]))).unwrap();
        for (row, (a, y)) in table.items().iter().zip(rows) {
            prop_assert_eq!((row.features[0], row.target), (a as f32, y));
        }
    }
}
