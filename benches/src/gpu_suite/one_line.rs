/// A message as one short line: drivers and compilers add backtraces and sources.
pub fn one_line(message: &str) -> String {
    const MOST: usize = 800;
    let message = message.split("Backtrace").next().unwrap_or_default();
    let words: Vec<&str> = message.split_whitespace().collect();
    words.join(" ").chars().take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_driver_says_becomes_a_line() {
        let said = "\n  No memory\nCaused by:\n  a page of 16 GiB\nBacktrace:\n  0: main";
        assert_eq!(one_line(said), "No memory Caused by: a page of 16 GiB");
        assert_eq!(one_line(&"é".repeat(1000)).chars().count(), 800);
    }
}
