/// The printable characters that stand for the bytes 0 to 255 in the vocabulary of a byte-level tokenizer.
///
/// Bytes 33 to 126, 161 to 172 and 174 to 255 stand for themselves; the other 68, in ascending order, become the
/// characters from 256 on, so that a space is `Ġ`. This is the alphabet of GPT-2.
///
/// ```
/// let alphabet = candor_models::causal_lm::byte_alphabet();
/// assert_eq!(alphabet[b'a' as usize], 'a');
/// assert_eq!(alphabet[b' ' as usize], 'Ġ');
/// ```
pub fn byte_alphabet() -> [char; 256] {
    let mut spare = '\u{100}'..;
    std::array::from_fn(|byte| {
        // 256 values fit into a byte.
        let byte = byte as u8;
        match byte {
            33..=126 | 161..=172 | 174..=255 => char::from(byte),
            // The range has more than 68 characters, so it always gives one.
            _ => spare.next().unwrap_or_default(),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_bytes_share_a_character() {
        let distinct: BTreeSet<char> = byte_alphabet().into_iter().collect();
        assert_eq!(distinct.len(), 256);
        assert_eq!(distinct.last(), Some(&'\u{143}'));
    }
}
