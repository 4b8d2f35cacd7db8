//! The ledger: where every message is, in exact integers, and what the closing words make of it.
//!
//! [`Ledger`] is what `GET /api/ledger` says and `feed` reads again; [`Closing`] compares two of them. Pure.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

/// Every message of this process, by the state it is in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    /// The sending side; absent where nothing is sent.
    #[serde(flatten)]
    pub(crate) sent: Option<Sent>,
    /// Stored rows by topic, those of earlier runs included; null where nothing is stored.
    pub(crate) stored: Option<BTreeMap<String, u64>>,
}

/// What a sender knows: `recorded + recovered = queued + spooled + handed + acked + dropped`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sent {
    /// Requests answered with what was measured.
    pub(crate) accepted: u64,
    pub(crate) recorded: u64,
    pub(crate) recovered: u64,
    pub(crate) queued: u64,
    pub(crate) spooled: u64,
    pub(crate) handed: u64,
    pub(crate) acked: u64,
    /// By reason.
    pub(crate) dropped: BTreeMap<String, u64>,
}

impl Sent {
    pub(crate) fn dropped_total(&self) -> u64 {
        self.dropped.values().sum()
    }

    /// How many are still on their way to Kafka.
    pub(crate) fn pending(&self) -> u64 {
        self.queued + self.spooled + self.handed
    }

    /// What happened after `before`; the states that a message only passes through stay as they are.
    fn since(&self, before: &Self) -> Self {
        Self {
            accepted: self.accepted.saturating_sub(before.accepted),
            recorded: self.recorded.saturating_sub(before.recorded),
            recovered: self.recovered.saturating_sub(before.recovered),
            acked: self.acked.saturating_sub(before.acked),
            dropped: since(&self.dropped, &before.dropped),
            ..self.clone()
        }
    }
}

impl Ledger {
    pub(crate) fn stored_total(&self) -> u64 {
        self.stored.as_ref().map_or(0, |stored| stored.values().sum())
    }

    /// What happened after `before` was taken.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let nothing = (Sent::default(), BTreeMap::new());
        Self {
            sent: self
                .sent
                .as_ref()
                .map(|sent| sent.since(before.sent.as_ref().unwrap_or(&nothing.0))),
            stored: (self.stored.as_ref())
                .map(|stored| since(stored, before.stored.as_ref().unwrap_or(&nothing.1))),
        }
    }
}

fn since(now: &BTreeMap<String, u64>, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    now.iter()
        .map(|(name, count)| {
            (name.clone(), count.saturating_sub(before.get(name).copied().unwrap_or(0)))
        })
        .collect()
}

/// Who else may have had a hand in the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// One feed and nobody else, until it was done: accepted = recorded = acked = stored.
    Alone,
    /// One feed until it was done, and others may feed beside it: at least what it had accepted is stored.
    Fed,
    /// Until the process was stopped: anyone may post, hang up in the middle of a task, or send to the same topics: at least what was acked is stored.
    Shared,
}

/// The last words of a command: what happened, and whether it adds up.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Closing {
    /// Absent where nobody posts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) accepted: Option<u64>,
    /// Posts that were answered with an error, or not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<u64>,
    #[serde(flatten)]
    pub(crate) sent: Option<ClosingSent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stored: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stored_by_topic: Option<BTreeMap<String, u64>>,
    pub(crate) exact: bool,
    pub(crate) seconds: f64,
    /// Tells for people what the seconds are: those of a feed, or those that a process ran.
    #[serde(skip)]
    pub(crate) traffic: Traffic,
    /// Why it is not exact, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) faults: Vec<String>,
}

/// The sending side of [`Closing`]: totals as integers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ClosingSent {
    pub(crate) recorded: u64,
    pub(crate) recovered: u64,
    pub(crate) queued: u64,
    pub(crate) spooled: u64,
    pub(crate) handed: u64,
    pub(crate) acked: u64,
    pub(crate) dropped: u64,
    pub(crate) dropped_by_reason: BTreeMap<String, u64>,
}

impl Closing {
    /// Judges what happened between two ledgers. `posted` is what a feed counted itself: accepted and refused.
    pub(crate) fn new(
        happened: &Ledger,
        posted: Option<(u64, u64)>,
        traffic: Traffic,
        took: Duration,
    ) -> Self {
        let sent = happened.sent.as_ref();
        let accepted = posted.map(|(accepted, _)| accepted).or(sent.map(|sent| sent.accepted));
        let refused = posted.map(|(_, refused)| refused);
        let faults = faults(happened, accepted, refused.unwrap_or(0), traffic);
        Self {
            accepted,
            refused,
            sent: sent.map(ClosingSent::new),
            stored: happened.stored.as_ref().map(|_| happened.stored_total()),
            stored_by_topic: happened.stored.clone(),
            exact: faults.is_empty(),
            traffic,
            seconds: (took.as_secs_f64() * 1_000.0).round() / 1_000.0,
            faults,
        }
    }

    /// Adds what else went wrong.
    pub(crate) fn add_fault(&mut self, fault: String) {
        self.faults.push(fault);
        self.exact = false;
    }
}

impl ClosingSent {
    fn new(sent: &Sent) -> Self {
        Self {
            recorded: sent.recorded,
            recovered: sent.recovered,
            queued: sent.queued,
            spooled: sent.spooled,
            handed: sent.handed,
            acked: sent.acked,
            dropped: sent.dropped_total(),
            dropped_by_reason: sent.dropped.clone(),
        }
    }
}

/// Everything that keeps the ledger from being exact.
fn faults(happened: &Ledger, accepted: Option<u64>, refused: u64, traffic: Traffic) -> Vec<String> {
    let mut faults = Vec::new();
    if refused > 0 {
        faults.push(format!("{refused} posted texts were refused or not answered"));
    }
    if let Some(sent) = &happened.sent {
        let reasons = sent.dropped.iter().filter(|(_, count)| **count > 0);
        faults.extend(
            reasons.map(|(reason, count)| format!("{count} messages were dropped: {reason}")),
        );
        let accepted = accepted.unwrap_or(0);
        // Messages of others cannot be told from those of a feed; what is under way or missing may be theirs.
        let others = traffic == Traffic::Fed && sent.recorded > accepted;
        if sent.pending() > 0 && !(others && sent.acked >= accepted) {
            faults.push(format!("{} messages are not acknowledged yet", sent.pending()));
        }
        if sent.recorded + sent.recovered != sent.pending() + sent.acked + sent.dropped_total() {
            faults.push("the sender's numbers do not add up".to_owned());
        }
        if accepted > sent.recorded || (traffic == Traffic::Alone && accepted != sent.recorded) {
            faults.push(format!("{accepted} texts were accepted, but {} recorded", sent.recorded));
        }
        let stored = happened.stored_total();
        let least = if others { accepted } else { sent.acked };
        let short = stored < least || (traffic == Traffic::Alone && stored != sent.acked);
        if happened.stored.is_some() && short {
            faults.push(format!("{} messages were acknowledged, but {stored} stored", sent.acked));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    fn ledger(recorded: u64, acked: u64, dropped: u64, stored: u64) -> Ledger {
        Ledger {
            sent: Some(Sent {
                accepted: recorded,
                recorded,
                acked,
                queued: recorded - acked - dropped,
                dropped: counts(&[("full", dropped)]),
                ..Sent::default()
            }),
            stored: Some(counts(&[("A", stored), ("B", 0)])),
        }
    }

    // Goal: exactly the balanced ledger is exact. Method: each number off by one, in turn.
    #[test]
    fn one_message_off_is_not_exact() {
        let judge = |happened: &Ledger, posted, traffic| {
            Closing::new(happened, posted, traffic, Duration::ZERO).faults
        };
        let good = ledger(7, 7, 0, 7);
        assert_eq!(judge(&good, Some((7, 0)), Traffic::Alone), Vec::<String>::new());
        assert_eq!(judge(&good, None, Traffic::Shared), Vec::<String>::new());
        for (happened, posted, fault) in [
            (ledger(7, 7, 0, 7), (7, 1), "1 posted texts were refused or not answered"),
            (ledger(7, 6, 1, 6), (7, 0), "1 messages were dropped: full"),
            (ledger(7, 6, 0, 6), (7, 0), "1 messages are not acknowledged yet"),
            (ledger(7, 7, 0, 7), (6, 0), "6 texts were accepted, but 7 recorded"),
            (ledger(7, 7, 0, 7), (8, 0), "8 texts were accepted, but 7 recorded"),
            (ledger(7, 7, 0, 6), (7, 0), "7 messages were acknowledged, but 6 stored"),
            (ledger(7, 7, 0, 8), (7, 0), "7 messages were acknowledged, but 8 stored"),
        ] {
            assert_eq!(judge(&happened, Some(posted), Traffic::Alone), [fault]);
        }
        // Others may add rows and hang up in the middle of a task, but never take an acknowledged row away.
        let fed = |happened: &Ledger, accepted| judge(happened, Some((accepted, 0)), Traffic::Fed);
        assert!(fed(&ledger(7, 7, 0, 9), 7).is_empty(), "rows of others");
        assert!(fed(&ledger(9, 8, 0, 8), 7).is_empty(), "others are still feeding");
        assert_eq!(fed(&ledger(9, 8, 0, 6), 7), ["8 messages were acknowledged, but 6 stored"]);
        assert_eq!(fed(&ledger(7, 6, 0, 6), 7), ["1 messages are not acknowledged yet"]);
        assert_eq!(fed(&ledger(6, 6, 0, 6), 7), ["7 texts were accepted, but 6 recorded"]);
        let mut shared = ledger(7, 7, 0, 8);
        assert!(judge(&shared, None, Traffic::Shared).is_empty());
        shared.sent.as_mut().unwrap().accepted = 5;
        assert!(judge(&shared, None, Traffic::Shared).is_empty());
        assert_eq!(judge(&ledger(7, 7, 0, 6), None, Traffic::Shared).len(), 1);
        let mut lost = ledger(7, 7, 0, 7);
        lost.sent.as_mut().unwrap().recorded = 8;
        assert_eq!(judge(&lost, None, Traffic::Shared), ["the sender's numbers do not add up"]);
    }

    #[test]
    fn only_what_happened_since_counts() {
        let happened = ledger(10, 8, 1, 30).since(&ledger(4, 4, 0, 20));
        let sent = happened.sent.clone().unwrap();
        assert_eq!((sent.recorded, sent.acked, sent.dropped_total(), sent.queued), (6, 4, 1, 1));
        assert_eq!(happened.stored_total(), 10);
        assert_eq!(ledger(1, 1, 0, 1).since(&Ledger::default()), ledger(1, 1, 0, 1));
    }

    // Goal: what `/api/ledger` says is what `feed` reads, for every kind of process.
    #[test]
    fn survives_json() {
        let both = ledger(3, 2, 1, 2);
        let client = Ledger { stored: None, ..both.clone() };
        let server = Ledger { sent: None, ..both.clone() };
        for ledger in [both, client, server] {
            let text = serde_json::to_string(&ledger).unwrap();
            assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), ledger, "{text}");
        }
    }

    #[test]
    fn the_closing_line_has_plain_integers() {
        let closing =
            Closing::new(&ledger(3, 2, 1, 2), None, Traffic::Alone, Duration::from_millis(1_500));
        let value = serde_json::to_value(closing).unwrap();
        for (name, expected) in
            [("recorded", 3), ("acked", 2), ("dropped", 1), ("stored", 2), ("accepted", 3)]
        {
            assert_eq!(value[name], expected, "{name}");
        }
        assert_eq!(value["exact"], false);
        assert_eq!(value["stored_by_topic"]["A"], 2);
        assert!((value["seconds"].as_f64().unwrap() - 1.5).abs() < 1e-9);
    }
}
