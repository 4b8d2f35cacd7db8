//! Aligned tables: a head and rows, numbers to the right, two blanks between columns.

use std::fmt::Write;

use super::{
    paint::{Paint, Style},
    text::plain,
};

/// Two blanks, which no value needs, so that `awk -F '  +'` finds the columns.
const GAP: &str = "  ";

/// A table under construction. A column whose head begins with `>` is aligned to the right.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    head: [&'static str; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(head: [&'static str; N]) -> Self {
        Self { head, rows: Vec::new() }
    }

    /// Adds a row. What others have named is shown without the power to move the cursor.
    pub(crate) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|cell| plain(&cell).into_owned()));
    }

    /// The table as text, without a line break at its end.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let names = self.head.map(|name| name.trim_start_matches('>'));
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0).max(names[column].chars().count())
        };
        let widths: [usize; N] = std::array::from_fn(width);
        let line = |cells: [&str; N]| {
            let mut line = String::new();
            for (column, cell) in cells.into_iter().enumerate() {
                let width = widths[column];
                let result = if self.head[column].starts_with('>') {
                    write!(line, "{cell:>width$}{GAP}")
                } else {
                    write!(line, "{cell:<width$}{GAP}")
                };
                result.expect("a String takes all that is written");
            }
            line.truncate(line.trim_end().len());
            line
        };
        let mut text = String::new();
        paint.push(&mut text, Style::Bold, &line(names));
        for row in &self.rows {
            text.push('\n');
            text.push_str(&line(row.each_ref().map(String::as_str)));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(["TOPIC", ">RECORDS", "NOTE"]);
        table.row(["A".to_owned(), "7".to_owned(), String::new()]);
        table.row(["LONGER".to_owned(), "1234567890".to_owned(), "ünï".to_owned()]);
        let text = "TOPIC      RECORDS  NOTE\nA                7\nLONGER  1234567890  ünï";
        assert_eq!(table.render(Paint { colored: false }), text);
        let colored = table.render(Paint { colored: true });
        assert!(colored.starts_with("\x1b[1mTOPIC      RECORDS  NOTE\x1b[0m\n"), "{colored:?}");
    }

    // Goal: the name of a group or client, which is anybody's, does not paint the terminal.
    #[test]
    fn names_have_no_power() {
        let mut table = Table::new(["GROUP"]);
        table.row(["\x1b[2Jgone\n".to_owned()]);
        assert_eq!(table.render(Paint { colored: false }), "GROUP\n\\u{1b}[2Jgone\\n");
    }
}
