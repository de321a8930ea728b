use super::cursor::Cursor;
use super::scalar::Scalar;
use crate::causal_lm::LmError;

/// Both enums have one variant a type of the format, so they are written from one table.
macro_rules! meta_types {
    ($($variant:ident($kind:ty) = $id:literal, $name:literal;)*) => {
        /// A value of a GGUF file's metadata.
        ///
        /// The accessors give `None` for a value of another kind.
        ///
        /// ```
        /// use candor_models::causal_lm::gguf::{MetaArray, MetaValue};
        ///
        /// assert_eq!(MetaValue::U32(9).as_u64(), Some(9));
        /// assert_eq!(MetaValue::I32(-9).as_u64(), None);
        /// let tokens = MetaValue::Array(MetaArray::String(vec!["a".to_owned()]));
        /// assert_eq!(tokens.as_strings().unwrap()[0], "a");
        /// ```
        #[derive(Debug, Clone, PartialEq)]
        pub enum MetaValue {
            $(#[doc = concat!("One value of type ", $name, ".")] $variant($kind),)*
            /// A list of values of one type.
            Array(MetaArray),
        }

        /// A list in a GGUF file's metadata.
        #[derive(Debug, Clone, PartialEq)]
        pub enum MetaArray {
            $(#[doc = concat!("Values of type ", $name, ".")] $variant(Vec<$kind>),)*
            /// Lists.
            Array(Vec<MetaArray>),
        }

        impl MetaValue {
            /// What it is, for messages.
            pub(super) fn kind(&self) -> String {
                match self {
                    $(Self::$variant(_) => $name.to_owned(),)*
                    Self::Array(array) => array.kind(),
                }
            }

            pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, LmError> {
                match u32::read(cursor)? {
                    $($id => Scalar::read(cursor).map(Self::$variant),)*
                    ARRAY => MetaArray::read(cursor, MAX_DEPTH).map(Self::Array),
                    other => Err(unknown_type(cursor, other)),
                }
            }

            pub(super) fn write(&self, bytes: &mut Vec<u8>) {
                match self {
                    $(Self::$variant(value) => {
                        u32::write(&$id, bytes);
                        value.write(bytes);
                    })*
                    Self::Array(array) => {
                        ARRAY.write(bytes);
                        array.write(bytes);
                    }
                }
            }
        }

        impl MetaArray {
            fn kind(&self) -> String {
                match self {
                    $(Self::$variant(_) => concat!("a list of ", $name).to_owned(),)*
                    Self::Array(_) => "a list of lists".to_owned(),
                }
            }

            fn read(cursor: &mut Cursor<'_>, depth: usize) -> Result<Self, LmError> {
                match u32::read(cursor)? {
                    $($id => scalars(cursor).map(Self::$variant),)*
                    ARRAY if depth > 1 => arrays(cursor, depth - 1).map(Self::Array),
                    ARRAY => Err(cursor.malformed(format!(
                        "lists are nested more than {MAX_DEPTH} deep at byte {}",
                        cursor.position()
                    ))),
                    other => Err(unknown_type(cursor, other)),
                }
            }

            fn write(&self, bytes: &mut Vec<u8>) {
                match self {
                    $(Self::$variant(values) => {
                        u32::write(&$id, bytes);
                        (values.len() as u64).write(bytes);
                        for value in values {
                            value.write(bytes);
                        }
                    })*
                    Self::Array(arrays) => {
                        ARRAY.write(bytes);
                        (arrays.len() as u64).write(bytes);
                        for array in arrays {
                            array.write(bytes);
                        }
                    }
                }
            }
        }
    };
}

meta_types! {
    U8(u8) = 0, "u8";
    I8(i8) = 1, "i8";
    U16(u16) = 2, "u16";
    I16(i16) = 3, "i16";
    U32(u32) = 4, "u32";
    I32(i32) = 5, "i32";
    F32(f32) = 6, "f32";
    Bool(bool) = 7, "bool";
    String(String) = 8, "string";
    U64(u64) = 10, "u64";
    I64(i64) = 11, "i64";
    F64(f64) = 12, "f64";
}

impl MetaValue {
    /// An integer of any width that is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::U8(value) => Some(value.into()),
            Self::U16(value) => Some(value.into()),
            Self::U32(value) => Some(value.into()),
            Self::U64(value) => Some(value),
            Self::I8(value) => value.try_into().ok(),
            Self::I16(value) => value.try_into().ok(),
            Self::I32(value) => value.try_into().ok(),
            Self::I64(value) => value.try_into().ok(),
            _ => None,
        }
    }

    /// A number with a fraction.
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::F32(value) => Some(value.into()),
            Self::F64(value) => Some(value),
            _ => None,
        }
    }

    /// A flag.
    pub fn as_bool(&self) -> Option<bool> {
        match *self {
            Self::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// A text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(value) => Some(value),
            _ => None,
        }
    }

    /// A list of texts.
    pub fn as_strings(&self) -> Option<&[String]> {
        match self {
            Self::Array(MetaArray::String(values)) => Some(values),
            _ => None,
        }
    }

    /// A list of `i32`, which is how files hold token types.
    pub fn as_i32s(&self) -> Option<&[i32]> {
        match self {
            Self::Array(MetaArray::I32(values)) => Some(values),
            _ => None,
        }
    }
}

const ARRAY: u32 = 9;
/// llama.cpp refuses lists of lists altogether.
const MAX_DEPTH: usize = 4;
/// Bytes of an empty list: the type of its entries and their number.
const EMPTY_LIST: usize = 12;

fn scalars<T: Scalar>(cursor: &mut Cursor<'_>) -> Result<Vec<T>, LmError> {
    let count = cursor.count(T::LEAST_BYTES, "values")?;
    (0..count).map(|_| T::read(cursor)).collect()
}

fn arrays(cursor: &mut Cursor<'_>, depth: usize) -> Result<Vec<MetaArray>, LmError> {
    let count = cursor.count(EMPTY_LIST, "lists")?;
    (0..count).map(|_| MetaArray::read(cursor, depth)).collect()
}

fn unknown_type(cursor: &Cursor<'_>, id: u32) -> LmError {
    let at = cursor.position();
    cursor.malformed(format!("metadata of type {id} before byte {at}"))
}
