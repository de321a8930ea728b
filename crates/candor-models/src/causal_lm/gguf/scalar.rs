use super::cursor::Cursor;
use crate::causal_lm::LmError;

/// One value of metadata as it lies in a file, little-endian.
pub(super) trait Scalar: Sized {
    /// The fewest bytes that one takes.
    const LEAST_BYTES: usize;

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, LmError>;

    fn write(&self, bytes: &mut Vec<u8>);
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Scalar for $number {
            const LEAST_BYTES: usize = size_of::<Self>();

            fn read(cursor: &mut Cursor<'_>) -> Result<Self, LmError> {
                cursor.array().map(Self::from_le_bytes)
            }

            fn write(&self, bytes: &mut Vec<u8>) {
                bytes.extend(self.to_le_bytes());
            }
        }
    )*};
}

numbers!(u8, i8, u16, i16, u32, i32, u64, i64, f32, f64);

impl Scalar for bool {
    const LEAST_BYTES: usize = 1;

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, LmError> {
        let at = cursor.position();
        match u8::read(cursor)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(cursor.malformed(format!("the flag at byte {at} is {other}"))),
        }
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(*self));
    }
}

impl Scalar for String {
    const LEAST_BYTES: usize = 8;

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, LmError> {
        let length = cursor.count(1, "bytes of text")?;
        let at = cursor.position();
        let text = cursor.take(length)?;
        match std::str::from_utf8(text) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => Err(cursor.malformed(format!("the text at byte {at} is {error}"))),
        }
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        (self.len() as u64).write(bytes);
        bytes.extend(self.as_bytes());
    }
}
