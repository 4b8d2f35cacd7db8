//! Tables in Markdown between two marks, `<!-- tidy: NAME -->` and `<!-- tidy: end -->`.

/// A table's rows, each a list of cells; the columns are found by their titles.
#[derive(Debug)]
pub(super) struct Table {
    titles: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug)]
pub(super) struct Row {
    /// From 1.
    pub(super) line: usize,
    cells: Vec<String>,
}

impl Table {
    /// The table called `name`, if it is there.
    pub(super) fn find(text: &str, name: &str) -> Option<Self> {
        let mark = format!("<!-- tidy: {name} -->");
        let mut lines = text.lines().enumerate().skip_while(|(_, line)| line.trim() != mark);
        lines.next()?;
        let inside = lines.take_while(|(_, line)| line.trim() != "<!-- tidy: end -->");
        let mut rows =
            inside.filter(|(_, line)| line.trim().starts_with('|')).map(|(index, line)| {
                let cells = line.trim().trim_matches('|').split('|');
                Row { line: index + 1, cells: cells.map(|cell| cell.trim().to_owned()).collect() }
            });
        let titles = rows.next()?.cells;
        Some(Self { titles, rows: rows.skip(1).collect() })
    }

    /// Every row: what its first cell names, and what stands in backticks in the column `title`.
    pub(super) fn column<'a>(
        &'a self,
        title: &str,
    ) -> impl Iterator<Item = (&'a Row, &'a str, Vec<&'a str>)> + use<'a> {
        let column = self.titles.iter().position(|it| it == title);
        self.rows.iter().filter_map(move |row| {
            let cell = column.and_then(|column| row.cells.get(column)).map_or("", String::as_str);
            Some((row, row.name()?, quoted(cell)))
        })
    }

    /// What the column `title` names although it is not `there`, with its row.
    pub(super) fn stale<'a>(
        &'a self,
        title: &str,
        there: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = (&'a Row, &'a str)> {
        let named = self
            .column(title)
            .flat_map(|(row, _, names)| names.into_iter().map(move |it| (row, it)));
        named.filter(move |(_, name)| !there(name))
    }

    /// What the first cells name.
    pub(super) fn names(&self) -> impl Iterator<Item = (&Row, &str)> {
        self.rows.iter().filter_map(|row| Some((row, row.name()?)))
    }
}

impl Row {
    fn name(&self) -> Option<&str> {
        quoted(self.cells.first()?).first().copied()
    }
}

/// What stands in backticks.
pub(super) fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_found_by_its_marks_and_titles() {
        let text = "| not | this |\n<!-- tidy: a -->\n\n| x | why | may use |\n|---|---|---|\n| `b` | c | `d`, `e` |\n| `f` | | |\n<!-- tidy: end -->\n| nor | this |";
        let table = Table::find(text, "a").unwrap();
        let rows: Vec<_> =
            table.column("may use").map(|(row, name, uses)| (row.line, name, uses)).collect();
        assert_eq!(rows, [(6, "b", vec!["d", "e"]), (7, "f", vec![])]);
        assert_eq!(table.names().map(|(_, name)| name).collect::<Vec<_>>(), ["b", "f"]);
        let stale: Vec<_> =
            table.stale("may use", |name| name == "d").map(|(_, name)| name).collect();
        assert_eq!(stale, ["e"]);
        assert!(Table::find(text, "b").is_none());
    }
}
