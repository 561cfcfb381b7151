//! Words of a text.

/// A word, with its place in UTF-16 units.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub text: String,
    pub start: usize,
    pub end: usize,
}

impl Word {
    /// Returns whether a place is in the word, or directly behind it, where a cursor stands that wrote it.
    pub(crate) fn touches(&self, place: usize) -> bool {
        (self.start..=self.end).contains(&place)
    }

    /// Returns the part of the word before a place.
    pub(crate) fn before(&self, place: usize) -> String {
        let units = self.text.encode_utf16().take(place - self.start);
        char::decode_utf16(units).flatten().collect()
    }
}

/// Returns the words of a text, or of a line.
pub(crate) fn words(text: &str) -> impl Iterator<Item = Word> {
    let separates = |c: char| !c.is_alphanumeric();
    let mut start = 0;
    let parts = text.split_inclusive(separates).map(move |part| {
        let text = part.trim_end_matches(separates);
        let word = Word {
            text: text.to_owned(),
            start,
            end: start + length(text),
        };
        start += length(part);
        word
    });
    parts.filter(|word| !word.text.is_empty())
}

fn length(text: &str) -> usize {
    text.encode_utf16().count()
}
