use super::LmTokenizer;
use crate::causal_lm::LmError;

/// Text of tokens that arrive one by one, given out as soon as its characters are complete.
///
/// A character may be spread over several tokens; its bytes are held back until the last of them is there. All that
/// [`push`](Self::push) and [`finish`](Self::finish) gave, joined, is what [`LmTokenizer::decode`] gives for all
/// tokens at once.
///
/// ```
/// use candor_models::causal_lm::{DecodeStream, LmTokenizer};
///
/// let tokenizer = LmTokenizer::bytes()?;
/// let mut stream = DecodeStream::new(&tokenizer);
/// let pieces = tokenizer.encode("né")?.into_iter().map(|id| stream.push(id));
/// assert_eq!(pieces.collect::<Result<Vec<_>, _>>()?, ["n", "", "é"]);
/// assert_eq!(stream.finish()?, "");
/// # Ok::<(), candor_models::causal_lm::LmError>(())
/// ```
#[derive(Debug, Clone)]
pub struct DecodeStream<'a> {
    tokenizer: &'a LmTokenizer,
    /// Tokens given out last, because a decoder may treat the beginning of a text in its own way, then those held back.
    ids: Vec<u32>,
    given: usize,
}

impl<'a> DecodeStream<'a> {
    /// Nothing decoded yet.
    pub fn new(tokenizer: &'a LmTokenizer) -> Self {
        Self {
            tokenizer,
            ids: Vec::new(),
            given: 0,
        }
    }

    /// Takes a token and gives the text that is complete with it, which may be empty.
    ///
    /// # Errors
    ///
    /// An id outside the vocabulary; the stream stays as it was.
    pub fn push(&mut self, id: u32) -> Result<String, LmError> {
        self.tokenizer.check_ids(&[id])?;
        self.ids.push(id);
        let fresh = self.fresh()?;
        // Bytes that are no character yet read as this sign, and so do those that never will be.
        if fresh.is_empty() || fresh.ends_with(char::REPLACEMENT_CHARACTER) {
            return Ok(String::new());
        }
        self.ids.drain(..self.given);
        self.given = self.ids.len();
        Ok(fresh)
    }

    /// What was held back, with the sign for broken characters where the last one is not complete.
    ///
    /// # Errors
    ///
    /// None for tokens that [`push`](Self::push) took.
    pub fn finish(self) -> Result<String, LmError> {
        self.fresh()
    }

    fn fresh(&self) -> Result<String, LmError> {
        let given = self.tokenizer.decode(&self.ids[..self.given])?;
        let all = self.tokenizer.decode(&self.ids)?;
        Ok(all.get(given.len()..).unwrap_or_default().to_owned())
    }
}
