//! Networks that read a set and write an order of it: read, process, write.
//!
//! | component | what it is |
//! |---|---|
//! | [`ProcessBlock`] | a permutation-invariant embedding of a memory, by steps of attention (Set2Set) |
//! | [`SetEncoder`] | one linear layer an element, then the process block |
//! | [`PointerStep`], [`AdditiveAttention`] | glimpses at a memory, then a distribution over its elements |
//! | [`PointerDecoder`] | an LSTM that points at the elements one after the other |
//! | [`ReadProcessWrite`] | encoder and decoder: log-probabilities of orders, and the order it would choose |
//!
//! Source: Vinyals, Bengio, Kudlur: Order Matters: Sequence to sequence for sets, 2016, arXiv 1511.06391. The losses
//! that search for an order are in `candor-losses`, family `sets`.

mod additive_attention;
mod lstm_cell;
mod pointer_decoder;
mod pointer_step;
mod process_block;
mod read_process_write;
mod row_check;
mod set_encoder;

pub use additive_attention::AdditiveAttention;
pub use lstm_cell::LstmCell;
pub use pointer_decoder::{PointerDecoder, PointerDecoderConfig};
pub use pointer_step::{PointerOutput, PointerStep, PointerStepConfig};
pub use process_block::{ProcessBlock, ProcessBlockConfig, Processed};
pub use read_process_write::{ReadProcessWrite, ReadProcessWriteConfig};
pub use set_encoder::{EncodedSet, SetEncoder, SetEncoderConfig};
