//! The text of a file, and where in it a byte stands.

/// A text and a way from byte offsets to lines and columns.
pub(crate) struct Source<'t> {
    pub(crate) text: &'t str,
}

impl<'t> Source<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text }
    }

    /// Line and column of the character at `offset`, both from 1, the column in characters.
    /// An offset past the end stands for the end; a byte order mark takes no column.
    pub(crate) fn position(&self, offset: usize) -> (u32, u32) {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[line_start..]
            .chars()
            .filter(|&c| c != '\u{feff}')
            .count()
            + 1;
        (
            u32::try_from(line).unwrap_or(u32::MAX),
            u32::try_from(column).unwrap_or(u32::MAX),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_characters_not_bytes() {
        let source = Source::new("\u{feff}a = 1\nßü = 2");
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(3), (1, 1));
        let equals = source.text.rfind('=').unwrap();
        assert_eq!(source.position(equals), (2, 4));
        assert_eq!(source.position(usize::MAX), (2, 7));
    }
}
