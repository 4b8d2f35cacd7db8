//! Client × case: what the zoo's JSON lines say of two brokers, and where they differ.

use std::collections::BTreeSet;

use anyhow::Context as _;
use serde_json::Value;

/// The case that is expected to differ: the embedded broker has no transactions, and says so by refusing them.
const TRANSACTIONS: &str = "txn";

/// One case of one client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cell {
    client: String,
    version: String,
    case: String,
    /// `None` is what the client cannot do.
    good: Option<bool>,
    why: String,
}

impl Cell {
    fn is_at(&self, other: &Self) -> bool {
        self.client == other.client && self.case == other.case
    }

    fn mark(&self) -> &'static str {
        match self.good {
            Some(true) => "✓",
            Some(false) => "✗",
            None => "–",
        }
    }
}

/// Reads what `zoo run --json` wrote: a line for each case.
pub(super) fn read(lines: &str) -> anyhow::Result<Vec<Cell>> {
    lines.lines().map(|line| cell(line).with_context(|| format!("no result: {line}"))).collect()
}

fn cell(line: &str) -> anyhow::Result<Cell> {
    let line: Value = serde_json::from_str(line)?;
    let text = |name: &str| line[name].as_str().map(str::to_owned).context("a field is missing");
    let detail = &line["detail"];
    let why = ["reason", "error"].iter().find_map(|name| detail[name].as_str());
    Ok(Cell {
        client: text("client")?,
        version: text("version")?,
        case: text("case")?,
        good: line["ok"].as_bool(),
        why: why.unwrap_or_default().to_owned(),
    })
}

/// The same clients on Apache Kafka and on ours.
#[derive(Debug)]
pub(super) struct Compared {
    pub(super) reference: Vec<Cell>,
    pub(super) ours: Vec<Cell>,
}

impl Compared {
    /// Our cells, in the order of the zoo; where one is not Apache Kafka's, it says so.
    pub(super) fn table(&self, kafka: &str) -> String {
        let cases = in_order(self.ours.iter().map(|cell| &*cell.case));
        let clients = in_order(self.ours.iter().map(|cell| &*cell.client));
        let rows = clients.into_iter().map(|client| {
            let mut row: Vec<_> = self.ours.iter().filter(|cell| cell.client == client).collect();
            row.sort_by_key(|cell| cases.iter().position(|case| *case == cell.case));
            let version = row.first().map_or("?", |cell| &*cell.version);
            let marks: Vec<_> = row.iter().map(|cell| self.marked(cell)).collect();
            format!("| {client} {version} | {} |", marks.join(" | "))
        });
        let head =
            format!("| client | {} |\n|---|{}", cases.join(" | "), "---|".repeat(cases.len()));
        let mut words =
            format!("\nEvery cell is that of Apache Kafka {kafka}, unless it says otherwise");
        if self.pairs().any(|(ours, theirs)| is_expected(ours, theirs)) {
            words += "; ¹ the embedded broker has no transactions: it refuses them, Apache Kafka has them";
        }
        words += ".\n";
        let lines: Vec<_> = std::iter::once(head).chain(rows).chain([words]).collect();
        lines.join("\n")
    }

    fn marked(&self, ours: &Cell) -> String {
        let mark = ours.mark();
        match self.reference.iter().find(|cell| cell.is_at(ours)) {
            Some(theirs) if !differs(ours, theirs) => mark.to_owned(),
            Some(theirs) if is_expected(ours, theirs) => format!("{mark} ¹"),
            theirs => format!("**{mark}** (Apache Kafka: {})", theirs.map_or("?", Cell::mark)),
        }
    }

    fn pairs(&self) -> impl Iterator<Item = (&Cell, &Cell)> {
        self.ours.iter().filter_map(|ours| {
            self.reference.iter().find(|cell| cell.is_at(ours)).map(|theirs| (ours, theirs))
        })
    }

    /// What differs and should not, a line each; also what only one of them was asked.
    pub(super) fn differences(&self) -> Vec<String> {
        let unexpected = self
            .pairs()
            .filter(|(ours, theirs)| differs(ours, theirs) && !is_expected(ours, theirs))
            .map(|(ours, theirs)| {
                let Cell { client, case, .. } = ours;
                let [our, their] =
                    [ours, theirs].map(|cell| format!("{} {}", cell.mark(), cell.why));
                format!("{client} {case}: {} here, {} on Apache Kafka", our.trim(), their.trim())
            });
        let places = |cells: &[Cell]| -> BTreeSet<String> {
            cells.iter().map(|cell| format!("{} {}", cell.client, cell.case)).collect()
        };
        let [ours, theirs] = [&self.ours, &self.reference].map(|cells| places(cells));
        let alone = ours.symmetric_difference(&theirs);
        unexpected.chain(alone.map(|place| format!("{place}: not asked of both"))).collect()
    }
}

fn differs(ours: &Cell, theirs: &Cell) -> bool {
    ours.good != theirs.good
}

fn is_expected(ours: &Cell, theirs: &Cell) -> bool {
    ours.case == TRANSACTIONS && (ours.good, theirs.good) == (Some(false), Some(true))
}

/// Each name once, where it came first.
fn in_order<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut ordered = Vec::new();
    for name in names {
        if !ordered.contains(&name) {
            ordered.push(name);
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"client": "java", "version": "4.4.0", "case": "produce", "ok": true, "detail": {"count": 100}, "seconds": 1.1}"#;

    /// Cells of `client case mark`, separated by commas.
    fn cells(text: &str) -> Vec<Cell> {
        let cell = |text: &str| {
            let mut words = text.split_whitespace().map(str::to_owned);
            let mut next = || words.next().unwrap();
            let (client, case, mark) = (next(), next(), next());
            let good = (mark != "–").then_some(mark == "✓");
            Cell { client, version: "1".to_owned(), case, good, why: "why".to_owned() }
        };
        text.split(',').map(cell).collect()
    }

    fn compared(ours: &str, theirs: &str) -> Compared {
        Compared { reference: cells(theirs), ours: cells(ours) }
    }

    #[test]
    fn results_are_read() {
        let absent = GOOD.replace("true", "null").replace(r#""count": 100"#, r#""reason": "no""#);
        let read = read(&format!("{GOOD}\n{absent}\n")).unwrap();
        assert_eq!((read[0].mark(), &*read[0].why), ("✓", ""));
        assert_eq!((read[1].mark(), &*read[1].why), ("–", "no"));
        assert!(super::read("{}").is_err() && super::read("no JSON").is_err());
    }

    // Goal: transactions are named as what they are, anything else that differs stands out and is reported.
    #[test]
    fn what_differs_is_marked() {
        let theirs = "a rtt ✓,a txn ✓,b rtt ✓,b txn ✓";
        let as_expected = compared("a rtt ✓,a txn ✗,b rtt ✓,b txn ✗", theirs);
        assert_eq!(as_expected.differences(), [""; 0]);
        assert_eq!(
            as_expected.table("4.3"),
            "| client | rtt | txn |\n|---|---|---|\n| a 1 | ✓ | ✗ ¹ |\n| b 1 | ✓ | ✗ ¹ |\n\n\
             Every cell is that of Apache Kafka 4.3, unless it says otherwise; ¹ the embedded broker has no \
             transactions: it refuses them, Apache Kafka has them.\n"
        );
        let broken = compared("a rtt ✗,a txn ✗,b rtt ✓,b txn ✗", theirs);
        assert!(broken.table("4.3").contains("| a 1 | **✗** (Apache Kafka: ✓) | ✗ ¹ |"));
        assert_eq!(broken.differences(), ["a rtt: ✗ why here, ✓ why on Apache Kafka"]);
    }

    // Goal: a run in which Apache Kafka itself fails, or is not asked the same, is no proof of anything.
    #[test]
    fn both_are_asked_the_same() {
        let better = compared("a rtt ✓", "a rtt ✗");
        assert_eq!(better.differences().len(), 1);
        let only_ours = compared("a rtt ✓,a txn ✗", "a rtt ✓");
        assert_eq!(only_ours.differences(), ["a txn: not asked of both"]);
        let only_theirs = compared("a rtt ✓", "a rtt ✓,b rtt ✓");
        assert_eq!(only_theirs.differences(), ["b rtt: not asked of both"]);
    }

    #[test]
    fn cases_that_differ_the_other_way_are_not_expected() {
        assert_eq!(compared("a txn ✓", "a txn ✗").differences().len(), 1);
        assert_eq!(compared("a txn ✗", "a txn ✗").differences(), [""; 0]);
    }
}
