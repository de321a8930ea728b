use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::RunError;

/// `--set KEY=VALUE` pairs: dotted key, TOML value (a bare word is text).
pub type Overrides = Vec<(String, String)>;

/// Defaults, then the settings file, then the overrides; unknown keys are refused by the settings type.
///
/// # Errors
///
/// [`RunError::Settings`] that names the file (with the line) or the override, and the key.
pub fn load_settings<S>(file: Option<&Path>, overrides: &Overrides) -> Result<S, RunError>
where
    S: Default + Serialize + DeserializeOwned,
{
    load_settings_over(&S::default(), file, overrides)
}

/// The same over other defaults than the type's own.
///
/// # Errors
///
/// As [`load_settings`].
pub fn load_settings_over<S>(
    defaults: &S,
    file: Option<&Path>,
    overrides: &Overrides,
) -> Result<S, RunError>
where
    S: Serialize + DeserializeOwned,
{
    let wrong = |origin: String, problem: &dyn ToString| RunError::Settings {
        origin,
        problem: problem.to_string().trim().replace('\n', " "),
    };
    let mut table =
        Table::try_from(defaults).map_err(|error| wrong("(defaults)".to_owned(), &error))?;
    if let Some(path) = file {
        let text =
            std::fs::read_to_string(path).map_err(|error| RunError::file("read", path, error))?;
        let origin = path.display().to_string();
        // Read as the settings type first: its errors carry the line of the file.
        toml::from_str::<S>(&text).map_err(|error| wrong(origin.clone(), &error))?;
        let given: Table = toml::from_str(&text).map_err(|error| wrong(origin, &error))?;
        merge(&mut table, given);
    }
    for (key, text) in overrides {
        let value = format!("value = {text}")
            .parse::<Table>()
            .ok()
            .and_then(|mut table| table.remove("value"))
            .unwrap_or_else(|| Value::String(text.clone()));
        let mut one = Value::Table(Table::new());
        insert(&mut one, key, value);
        if let Value::Table(one) = one {
            merge(&mut table, one);
        }
        let origin = format!("--set {key}={text}");
        table
            .clone()
            .try_into::<S>()
            .map_err(|error| wrong(origin, &error))?;
    }
    table
        .try_into()
        .map_err(|error| wrong("(merged)".to_owned(), &error))
}

fn insert(target: &mut Value, dotted: &str, value: Value) {
    let (head, rest) = match dotted.split_once('.') {
        None => (dotted, None),
        Some((head, rest)) => (head, Some(rest)),
    };
    if let Value::Table(table) = target {
        match rest {
            None => {
                table.insert(head.to_owned(), value);
            }
            Some(rest) => {
                let inner = table
                    .entry(head.to_owned())
                    .or_insert_with(|| Value::Table(Table::new()));
                insert(inner, rest, value);
            }
        }
    }
}

fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(base)), Value::Table(over)) => merge(base, over),
            (Some(Value::Float(base)), Value::Integer(over)) => *base = over as f64,
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Serialize, Deserialize, PartialEq)]
    #[serde(default, deny_unknown_fields)]
    struct Settings {
        seed: u64,
        train: Train,
    }

    #[derive(Debug, Serialize, Deserialize, PartialEq)]
    #[serde(default, deny_unknown_fields)]
    struct Train {
        lr: f64,
        epochs: usize,
    }

    impl Default for Train {
        fn default() -> Self {
            Self {
                lr: 1e-3,
                epochs: 5,
            }
        }
    }

    fn set(key: &str, value: &str) -> Overrides {
        vec![(key.to_owned(), value.to_owned())]
    }

    #[test]
    fn overrides_win_over_the_file_and_the_file_over_defaults() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("s.toml");
        std::fs::write(&file, "[train]\nlr = 1\nepochs = 7\n").unwrap();
        let settings: Settings = load_settings(Some(&file), &set("train.epochs", "9")).unwrap();
        assert_eq!(settings.train, Train { lr: 1.0, epochs: 9 });
    }

    #[test]
    fn what_is_not_given_comes_from_the_defaults_that_are_passed() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("s.toml");
        std::fs::write(&file, "[train]\nepochs = 7\n").unwrap();
        let defaults = Settings {
            seed: 3,
            train: Train { lr: 0.5, epochs: 1 },
        };
        let settings = load_settings_over(&defaults, Some(&file), &vec![]).unwrap();
        let train = Train { lr: 0.5, epochs: 7 };
        assert_eq!(settings, Settings { seed: 3, train });
    }

    #[test]
    fn an_unknown_key_is_named_with_its_origin() {
        let error = load_settings::<Settings>(None, &set("train.speed", "9"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("--set train.speed=9") && error.contains("speed"),
            "{error}"
        );
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("s.toml");
        std::fs::write(&file, "seed = 1\nspeed = 3\n").unwrap();
        let error = load_settings::<Settings>(Some(&file), &vec![])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("line 2") && error.contains("speed") && !error.contains('\n'),
            "{error}"
        );
    }
}
