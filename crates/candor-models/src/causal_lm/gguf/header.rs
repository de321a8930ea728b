use std::collections::BTreeMap;
use std::ops::Range;

use super::cursor::Cursor;
use super::ggml_type::{GgmlType, READABLE, foreign_name};
use super::meta_value::MetaValue;
use super::scalar::Scalar;
use super::{ALIGNMENT, MAGIC};
use crate::causal_lm::LmError;

/// What a file says of itself, every range of it inside the file.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) meta: BTreeMap<String, MetaValue>,
    pub(super) tensors: BTreeMap<String, TensorEntry>,
}

/// Where a tensor lies and how.
#[derive(Debug)]
pub(super) struct TensorEntry {
    /// Outermost axis first, the reverse of the file; no axis is empty.
    pub(super) shape: Vec<usize>,
    pub(super) ggml_type: GgmlType,
    /// Bytes of the file; before [`Header::read`] is done, of its data section.
    pub(super) range: Range<usize>,
}

impl Header {
    pub(super) fn read(mut cursor: Cursor<'_>, file_length: usize) -> Result<Self, LmError> {
        check_version(&mut cursor)?;
        let tensor_count = cursor.count(LEAST_TENSOR, "tensors")?;
        let value_count = cursor.count(LEAST_VALUE, "values of metadata")?;
        let meta = read_meta(&mut cursor, value_count)?;
        let alignment = alignment(&cursor, &meta)?;
        let mut tensors = read_tensors(&mut cursor, tensor_count, alignment)?;
        place(&cursor, &mut tensors, alignment, file_length)?;
        Ok(Self { meta, tensors })
    }
}

/// Name, number of axes, one axis, type and offset.
const LEAST_TENSOR: usize = 8 + 4 + 8 + 4 + 8;
/// Key, type and one byte.
const LEAST_VALUE: usize = 8 + 4 + 1;
/// What ggml can hold.
const MAX_AXES: u32 = 4;

fn check_version(cursor: &mut Cursor<'_>) -> Result<(), LmError> {
    let magic: [u8; 4] = cursor.array()?;
    if magic != MAGIC {
        let seen = magic.escape_ascii();
        return Err(cursor.malformed(format!("it begins with `{seen}`, not with `GGUF`")));
    }
    match u32::read(cursor)? {
        2 | 3 => Ok(()),
        other if matches!(other.swap_bytes(), 2 | 3) => {
            Err(cursor
                .malformed("its numbers are big-endian, only little-endian is read".to_owned()))
        }
        other => {
            Err(cursor.malformed(format!("its version is {other}, versions 2 and 3 are read")))
        }
    }
}

fn read_meta(
    cursor: &mut Cursor<'_>,
    count: usize,
) -> Result<BTreeMap<String, MetaValue>, LmError> {
    let mut meta = BTreeMap::new();
    for _ in 0..count {
        let key = String::read(cursor)?;
        let value = MetaValue::read(cursor)?;
        if meta.contains_key(&key) {
            return Err(cursor.malformed(format!("metadata `{key}` stands in it twice")));
        }
        meta.insert(key, value);
    }
    Ok(meta)
}

fn alignment(cursor: &Cursor<'_>, meta: &BTreeMap<String, MetaValue>) -> Result<usize, LmError> {
    const KEY: &str = "general.alignment";
    let Some(value) = meta.get(KEY) else {
        return Ok(ALIGNMENT);
    };
    let alignment = value.as_u64().and_then(|value| usize::try_from(value).ok());
    match alignment {
        Some(alignment) if alignment.is_power_of_two() => Ok(alignment),
        _ => Err(LmError::Metadata {
            path: cursor.path().to_owned(),
            key: KEY.to_owned(),
            seen: format!("{value:?}"),
            wanted: "a power of two",
        }),
    }
}

fn read_tensors(
    cursor: &mut Cursor<'_>,
    count: usize,
    alignment: usize,
) -> Result<BTreeMap<String, TensorEntry>, LmError> {
    let mut tensors = BTreeMap::new();
    for _ in 0..count {
        let name = String::read(cursor)?;
        if tensors.contains_key(&name) {
            return Err(cursor.malformed(format!("tensor `{name}` stands in it twice")));
        }
        let entry = read_tensor(cursor, &name, alignment)?;
        tensors.insert(name, entry);
    }
    Ok(tensors)
}

fn read_tensor(
    cursor: &mut Cursor<'_>,
    name: &str,
    alignment: usize,
) -> Result<TensorEntry, LmError> {
    let mut shape = read_axes(cursor, name)?;
    let id = u32::read(cursor)?;
    let Some(ggml_type) = GgmlType::from_id(id) else {
        return Err(LmError::UnsupportedTensorType {
            path: cursor.path().to_owned(),
            tensor: name.to_owned(),
            seen: foreign_name(id),
            wanted: READABLE,
        });
    };
    let bytes = bytes_of(&shape, ggml_type).ok_or_else(|| {
        let kind = ggml_type.name();
        cursor.malformed(format!(
            "tensor `{name}` with axes {shape:?} is not made of {kind} blocks, or too large to count"
        ))
    })?;
    let offset = u64::read(cursor)?;
    let start = usize::try_from(offset)
        .ok()
        .filter(|offset| offset.is_multiple_of(alignment));
    let end = start.and_then(|start| start.checked_add(bytes));
    let (Some(start), Some(end)) = (start, end) else {
        return Err(cursor.malformed(format!(
            "tensor `{name}` has the offset {offset}, which is too large or no multiple of {alignment}"
        )));
    };
    shape.reverse();
    Ok(TensorEntry {
        shape,
        ggml_type,
        range: start..end,
    })
}

/// The axes as the file has them, the fastest first.
fn read_axes(cursor: &mut Cursor<'_>, name: &str) -> Result<Vec<usize>, LmError> {
    let count = u32::read(cursor)?;
    if count == 0 || count > MAX_AXES {
        return Err(cursor.malformed(format!(
            "tensor `{name}` has {count} axes, 1 to {MAX_AXES} are possible"
        )));
    }
    let mut axes = Vec::new();
    for _ in 0..count {
        let size = u64::read(cursor)?;
        match usize::try_from(size) {
            Ok(size) if size > 0 => axes.push(size),
            _ => return Err(cursor.malformed(format!("tensor `{name}` has an axis of {size}"))),
        }
    }
    Ok(axes)
}

/// Bytes of a tensor; blocks do not cross from one row to the next.
fn bytes_of(axes: &[usize], ggml_type: GgmlType) -> Option<usize> {
    let (columns, outer) = axes.split_first()?;
    let row = ggml_type.bytes_of(*columns)?;
    // As `f32` the values have to be countable too.
    axes.iter()
        .try_fold(4usize, |bytes, &size| bytes.checked_mul(size))?;
    outer
        .iter()
        .try_fold(row, |bytes, &size| bytes.checked_mul(size))
}

/// Moves the ranges from the data section to the file; refuses those that leave it or overlap.
fn place(
    cursor: &Cursor<'_>,
    tensors: &mut BTreeMap<String, TensorEntry>,
    alignment: usize,
    file_length: usize,
) -> Result<(), LmError> {
    let data = cursor.position().checked_next_multiple_of(alignment);
    let mut placed = Vec::new();
    for (name, entry) in tensors.iter_mut() {
        let range = data.and_then(|data| {
            let end = data.checked_add(entry.range.end)?;
            (end <= file_length).then_some(data + entry.range.start..end)
        });
        let Some(range) = range else {
            return Err(cursor.malformed(format!(
                "tensor `{name}` ends beyond the {file_length} bytes of the file; it was cut off"
            )));
        };
        placed.push((range.clone(), name.as_str()));
        entry.range = range;
    }
    // Ranges that overlap would let a small file hold any number of large tensors.
    placed.sort_by_key(|(range, _)| range.start);
    match placed
        .windows(2)
        .find(|pair| pair[1].0.start < pair[0].0.end)
    {
        None => Ok(()),
        Some(pair) => Err(cursor.malformed(format!(
            "tensors `{}` and `{}` overlap",
            pair[0].1, pair[1].1
        ))),
    }
}
