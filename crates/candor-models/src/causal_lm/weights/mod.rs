//! Where weights come from and what the exporters write them out of.

mod atomic_file;
mod float_format;
mod head_dim;
mod map;
mod mapped_file;
mod rope_rows;
mod source;
mod tensors;

pub use float_format::FloatFormat;
pub use map::WeightMap;
pub use rope_rows::{InRopeLayout, permute_rope_rows};
pub use source::WeightSource;
pub use tensors::{check_tensors, tensor_shapes};

pub(in crate::causal_lm) use atomic_file::AtomicFile;
pub(in crate::causal_lm) use head_dim::even_head_dim;
pub(in crate::causal_lm) use mapped_file::map_file;
pub(in crate::causal_lm) use tensors::{EMBEDDING, FINAL_NORM, HEAD};
