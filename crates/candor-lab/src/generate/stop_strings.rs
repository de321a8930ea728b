/// Lets text through until one of some texts turns up in it, which does not come through.
///
/// What may be the beginning of one is held back until the next piece decides.
#[derive(Debug)]
pub(super) struct StopStrings<'a> {
    stops: &'a [String],
    held: String,
    found: bool,
}

impl<'a> StopStrings<'a> {
    pub(super) fn new(stops: &'a [String]) -> Self {
        Self {
            stops,
            held: String::new(),
            found: false,
        }
    }

    /// Whether one of the texts has turned up.
    pub(super) fn found(&self) -> bool {
        self.found
    }

    /// Takes a piece and gives what is sure to come before any of the texts.
    pub(super) fn push(&mut self, piece: &str) -> String {
        if self.found {
            return String::new();
        }
        self.held.push_str(piece);
        if let Some(at) = self.first_stop() {
            self.found = true;
            self.held.truncate(at);
            return std::mem::take(&mut self.held);
        }
        let undecided = self.held.split_off(self.first_undecided());
        std::mem::replace(&mut self.held, undecided)
    }

    /// What was held back and turned out to be no such text.
    pub(super) fn finish(self) -> String {
        self.held
    }

    fn first_stop(&self) -> Option<usize> {
        let places = self.stops.iter().filter_map(|stop| self.held.find(stop));
        places.min()
    }

    /// Where a text begins that may become one of the stops.
    fn first_undecided(&self) -> usize {
        let may_become = |at: usize| {
            let end = &self.held[at..];
            self.stops.iter().any(|stop| stop.starts_with(end))
        };
        let mut starts = self.held.char_indices().map(|(at, _)| at);
        starts.find(|&at| may_become(at)).unwrap_or(self.held.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(stops: &[&str], pieces: &[&str]) -> (String, bool) {
        let stops: Vec<String> = stops.iter().map(|&stop| stop.to_owned()).collect();
        let mut strings = StopStrings::new(&stops);
        let text: String = pieces.iter().map(|piece| strings.push(piece)).collect();
        let found = strings.found();
        (text + &strings.finish(), found)
    }

    #[test]
    fn a_stop_over_several_pieces_ends_the_text_before_it() {
        assert_eq!(
            through(&["###"], &["one #", "#", "# two", " three"]),
            ("one ".to_owned(), true)
        );
    }

    #[test]
    fn what_only_begins_like_a_stop_comes_through_in_the_end() {
        assert_eq!(
            through(&["###"], &["one #", "# two #"]),
            ("one ## two #".to_owned(), false)
        );
        // The second é begins with the byte that is held back.
        assert_eq!(through(&["ée"], &["é", "é"]), ("éé".to_owned(), false));
    }

    #[test]
    fn the_first_of_several_stops_counts() {
        assert_eq!(through(&["b", "ab"], &["xab"]), ("x".to_owned(), true));
        assert_eq!(through(&[], &["x", "y"]), ("xy".to_owned(), false));
    }

    #[test]
    fn nothing_is_held_back_that_cannot_become_a_stop() {
        let stops = ["end".to_owned()];
        let mut strings = StopStrings::new(&stops);
        assert_eq!(strings.push("that"), "that");
        assert_eq!(strings.push("tree"), "tre");
        assert_eq!(strings.push("n"), "");
        assert_eq!(strings.push("t"), "ent");
    }
}
