//! One table for people on stderr, one JSON line per row for machines on stdout.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark's output is its point")]

use bookend::{
    TopicName,
    sender::transport::{NotTaken, Outgoing, Report, Ticket, Transport, Verdict},
};
use serde_json::{Value, json};

use crate::{
    machine::Machine,
    pairs::{Paired, Ratio},
};

/// One measured line.
#[derive(Debug)]
pub(crate) struct Row {
    text: String,
    json: Value,
}

impl Row {
    pub(crate) fn paired(id: &str, what: &str, paired: &Paired, goal: &str) -> Self {
        let Paired { wall, null: same, base } = paired;
        let verdict = if paired.is_valid() { "" } else { "  VOID: the machine was not calm" };
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

    pub(crate) fn count(id: &str, what: &str, count: u64, of: u64, goal: &str) -> Self {
        let text = format!("{id:4} {what:40} {count} in {of}  goal {goal}");
        Self { text, json: json!({"id": id, "what": what, "count": count, "of": of, "goal": goal}) }
    }
}

/// Prints the table and the lines.
pub(crate) fn print(machine: &Machine, rows: &[Row]) {
    eprintln!("{machine}");
    for row in rows {
        eprintln!("{}", row.text);
        let mut json = row.json.clone();
        json["machine"] = machine.to_json();
        println!("{json}");
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
