use std::fmt::{Debug, Display};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A configuration means the same after a trip through JSON, and `init()` accepts it.
pub fn check_config<C, T, E>(config: &C, init: impl Fn(&C) -> Result<T, E>)
where
    C: Serialize + DeserializeOwned + Debug,
    E: Display,
{
    let text = serde_json::to_string(config).expect("a configuration can be written as JSON");
    let back: C = serde_json::from_str(&text).expect("a configuration reads its own JSON");
    assert_eq!(
        format!("{config:?}"),
        format!("{back:?}"),
        "lost on the way through JSON"
    );
    if let Err(error) = init(config) {
        panic!("{config:?} is refused: {error}");
    }
}

/// `init()` refused a configuration and its message names the field.
pub fn check_refused<T, E: Display>(result: Result<T, E>, field: &str) {
    match result {
        Ok(_) => panic!("an illegal {field} was accepted"),
        Err(error) => assert!(
            error.to_string().contains(field),
            "the message does not name {field}: {error}"
        ),
    }
}

/// The type may be shared between threads (checked by the compiler).
pub fn check_send_sync<T: Send + Sync>() {}
