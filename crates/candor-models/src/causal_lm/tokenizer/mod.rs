//! Text to token ids and back.

mod byte_alphabet;
mod bytes;
mod control_tokens;
mod decode_stream;
mod definition;
mod gguf;
mod hugging_face;
mod lm_tokenizer;
mod pre_tokenizer;

pub use byte_alphabet::byte_alphabet;
pub use decode_stream::DecodeStream;
pub use lm_tokenizer::LmTokenizer;
