//! Cuts a text into what is posted: its lines, or its paragraphs. Pure.

/// What is posted at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Each line that is not blank.
    Line,
    /// Lines up to a blank one, joined by line feeds.
    Paragraph,
}

/// Takes lines, gives pieces.
#[derive(Debug)]
pub(super) struct Splitter {
    unit: Unit,
    /// The paragraph so far.
    paragraph: String,
    piece_bytes_max: usize,
}

impl Splitter {
    /// A paragraph that would grow past `piece_bytes_max` is given in parts, each of whole lines.
    pub(super) fn new(unit: Unit, piece_bytes_max: usize) -> Self {
        Self { unit, paragraph: String::new(), piece_bytes_max }
    }

    /// Takes the next line, with or without its end; gives a piece when one is complete.
    pub(super) fn push(&mut self, line: &str) -> Option<String> {
        let line = line.trim_end();
        match self.unit {
            Unit::Line => (!line.is_empty()).then(|| line.to_owned()),
            Unit::Paragraph if line.is_empty() => self.finish(),
            Unit::Paragraph => {
                let full = self.paragraph.len() + 1 + line.len() > self.piece_bytes_max;
                let piece = if full { self.finish() } else { None };
                if !self.paragraph.is_empty() {
                    self.paragraph.push('\n');
                }
                self.paragraph.push_str(line);
                piece
            }
        }
    }

    /// The piece that the end of the text, or of a paragraph, completes.
    pub(super) fn finish(&mut self) -> Option<String> {
        let piece = std::mem::take(&mut self.paragraph);
        (!piece.is_empty()).then_some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(unit: Unit, text: &str, piece_bytes_max: usize) -> Vec<String> {
        let mut splitter = Splitter::new(unit, piece_bytes_max);
        let mut pieces: Vec<_> =
            text.split_inclusive('\n').filter_map(|line| splitter.push(line)).collect();
        pieces.extend(splitter.finish());
        pieces
    }

    #[test]
    fn lines_and_paragraphs() {
        let text = "\n one\r\ntwo  \n\n \t\n\nthree\nfour";
        for (unit, expected) in [
            (Unit::Line, &[" one", "two", "three", "four"][..]),
            (Unit::Paragraph, &[" one\ntwo", "three\nfour"][..]),
        ] {
            assert_eq!(split(unit, text, 100), expected, "{unit:?}");
        }
        assert!(split(Unit::Line, "", 100).is_empty());
        assert!(split(Unit::Paragraph, "\n\n", 100).is_empty());
    }

    #[test]
    fn a_long_paragraph_comes_in_parts() {
        assert_eq!(
            split(Unit::Paragraph, "aaaa\nbbbb\ncccc\n\ndd", 9),
            ["aaaa\nbbbb", "cccc", "dd"]
        );
    }
}
