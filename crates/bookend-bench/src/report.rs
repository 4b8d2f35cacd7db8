//! One table for people on stderr, one JSON line per row for machines on stdout.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark's output is its point")]

use std::io::IsTerminal as _;

use bookend::{
    TopicName,
    sender::transport::{NotTaken, Outgoing, Report, Ticket, Transport, Verdict},
};
use serde_json::{Value, json};

use crate::{
    machine::Machine,
    pairs::{Paired, Ratio},
};

/// What is said of a run that must not be believed.
const VOID: &str = "  VOID: the machine was not calm";

/// One measured line.
#[derive(Debug)]
pub(crate) struct Row {
    text: String,
    json: Value,
}

impl Row {
    pub(crate) fn paired(id: &str, what: &str, paired: &Paired, goal: &str) -> Self {
        let Paired { wall, null: same, base } = paired;
        let verdict = if paired.is_valid() { "" } else { VOID };
        let text = format!(
            "{id:4} {what:40} {:.3} × [{:.3}, {:.3}]  A/A [{:.3}, {:.3}]  base {base:?}  goal {goal}{verdict}",
            wall.median, wall.low, wall.high, same.low, same.high,
        );
        let json = json!({
            "id": id, "what": what, "ratio": wall.median, "low": wall.low, "high": wall.high, "null_low": same.low, "null_high": same.high,
            "valid": paired.is_valid(), "goal": goal,
        });
        Self { text, json }
    }

    pub(crate) fn ratio(id: &str, what: &str, ratio: Ratio, goal: &str) -> Self {
        let Ratio { median, low, high } = ratio;
        let text = format!("{id:4} {what:40} {median:.3} × [{low:.3}, {high:.3}]  goal {goal}");
        Self {
            text,
            json: json!({"id": id, "what": what, "ratio": median, "low": low, "high": high, "goal": goal}),
        }
    }

    /// A ratio that holds only if `null`, of an arm against its like, is 1.
    pub(crate) fn against(id: &str, what: &str, ratio: Ratio, null: Ratio, goal: &str) -> Self {
        let mut row = Self::ratio(id, what, ratio, goal);
        let is_valid = null.is_one();
        let verdict = if is_valid { "" } else { VOID };
        row.text = format!("{}  A/A [{:.3}, {:.3}]{verdict}", row.text, null.low, null.high);
        row.json["null_low"] = null.low.into();
        row.json["null_high"] = null.high.into();
        row.json["valid"] = is_valid.into();
        row
    }

    /// A value of its own; it says little without its machine.
    pub(crate) fn plain(id: &str, what: &str, value: f64, unit: &str, note: &str) -> Self {
        let text = format!("{id:4} {what:40} {value:.2} {unit}  {note}");
        let json = json!({"id": id, "what": what, "value": value, "unit": unit, "note": note});
        Self { text, json }
    }

    /// What a reader has to know beside the figures.
    pub(crate) fn words(id: &str, what: &str, words: &str) -> Self {
        let text = format!("{id:4} {what}: {words}");
        Self { text, json: json!({"id": id, "what": what, "words": words}) }
    }

    pub(crate) fn count(id: &str, what: &str, count: u64, of: u64, goal: &str) -> Self {
        let text = format!("{id:4} {what:40} {count} in {of}  goal {goal}");
        Self { text, json: json!({"id": id, "what": what, "count": count, "of": of, "goal": goal}) }
    }
}

/// Prints the table and the lines.
pub(crate) fn print(machine: &Machine, rows: &[Row]) {
    progress("done");
    eprintln!("\r{machine}");
    for row in rows {
        eprintln!("{}", row.text);
        let mut json = row.json.clone();
        json["machine"] = machine.to_json();
        println!("{json}");
    }
}

/// Says where a long run is, if people are watching.
pub(crate) fn progress(words: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r{words} …\x1b[K");
    }
}

/// A transport that acknowledges everything at once, and keeps nothing.
#[derive(Debug, Default)]
pub(crate) struct Nowhere(Vec<Report>);

impl Transport for Nowhere {
    fn partitions(&mut self, _: &TopicName) -> Option<u32> {
        Some(1)
    }

    fn message_bytes_max(&self) -> usize {
        1_000_000
    }

    fn send(&mut self, ticket: Ticket, _: Outgoing<'_>) -> Result<(), NotTaken> {
        self.0.push(Report { ticket, verdict: Verdict::Acked });
        Ok(())
    }

    fn poll(&mut self, reports: &mut Vec<Report>) {
        reports.append(&mut self.0);
    }

    fn purge(&mut self, reports: &mut Vec<Report>) {
        reports.append(&mut self.0);
    }

    fn rebuild(&mut self) -> Result<(), String> {
        self.0.clear();
        Ok(())
    }
}
