//! Prints the closing words: a table for people, or one line of JSON.

use std::{
    env,
    io::{self, IsTerminal},
    time::Duration,
};

use crate::{
    exit::{Ending, print, say},
    ledger::{Closing, Traffic},
};

/// Prints `closing`, and gives the ending that follows from it.
///
/// For people on stdout. With `json` the table goes to stderr, and one line of JSON is the last on stdout.
pub(crate) fn close(closing: &Closing, json: bool) -> Ending {
    if json {
        say(table(closing, is_colored(&io::stderr())).trim_end());
        print(&serde_json::to_string(closing).expect("numbers and texts are always JSON"));
    } else {
        print(table(closing, is_colored(&io::stdout())).trim_end());
    }
    Ending::of(closing.exact)
}

/// Whether to use colors there: on a terminal, unless `NO_COLOR` is set.
pub(crate) fn is_colored(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn table(closing: &Closing, colored: bool) -> String {
    let mut rows: Vec<(&str, u64, String)> = Vec::new();
    let mut row = |name, count, note| rows.push((name, count, note));
    if let Some(accepted) = closing.accepted {
        row("accepted", accepted, String::new());
    }
    if let Some(refused) = closing.refused.filter(|refused| *refused > 0) {
        row("refused", refused, String::new());
    }
    if let Some(sent) = &closing.sent {
        let others = closing.traffic == Traffic::Fed && Some(sent.recorded) > closing.accepted;
        row(
            "recorded",
            sent.recorded,
            if others { "others fed too".to_owned() } else { String::new() },
        );
        let passing = [
            ("recovered", sent.recovered),
            ("queued", sent.queued),
            ("spooled", sent.spooled),
            ("handed", sent.handed),
        ];
        for (name, count) in passing.into_iter().filter(|(_, count)| *count > 0) {
            row(name, count, String::new());
        }
        row("acked", sent.acked, String::new());
        row("dropped", sent.dropped, parts(sent.dropped_by_reason.iter()));
    }
    if let (Some(stored), Some(by_topic)) = (closing.stored, &closing.stored_by_topic) {
        row("stored", stored, parts(by_topic.iter()));
    }
    let mut text = String::new();
    for (name, count, note) in rows {
        let line = format!("  {name:<10}{count:>10}   {note}");
        text.extend([line.trim_end(), "\n"]);
    }
    let (green, red, plain) =
        if colored { ("\x1b[32;1m", "\x1b[31;1m", "\x1b[0m") } else { ("", "", "") };
    let took = match closing.traffic {
        Traffic::Alone | Traffic::Fed => format!(" after {:.1} s", closing.seconds),
        Traffic::Shared => format!("; ran for {}", span(Duration::from_secs_f64(closing.seconds))),
    };
    let verdict = if closing.exact {
        format!("{green}exact{plain}{took}\n")
    } else {
        format!("{red}not exact{plain}{took}: {}\n", closing.faults.join("; "))
    };
    text + &verdict
}

/// A time as people say it: `12 s`, `17 min 32 s`, `26 h 5 min`.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// `FIRST_TOPIC 120 · SECOND_TOPIC 120`, without the zeros.
fn parts<'a>(counts: impl Iterator<Item = (&'a String, &'a u64)>) -> String {
    let parts: Vec<_> = counts
        .filter(|(_, count)| **count > 0)
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ledger::{Ledger, Sent};

    fn closing(stored: u64) -> Closing {
        let happened = Ledger {
            sent: Some(Sent { accepted: 3, recorded: 3, acked: 3, ..Sent::default() }),
            stored: Some(BTreeMap::from([("A".to_owned(), stored), ("B".to_owned(), 0)])),
        };
        Closing::new(&happened, None, Traffic::Alone, Duration::from_millis(2_140))
    }

    #[test]
    fn the_table_reads_like_a_ledger() {
        let expected = "  accepted           3\n  recorded           3\n  acked              3\n  \
                        dropped            0\n  stored             3   A 3\nexact after 2.1 s\n";
        assert_eq!(table(&closing(3), false), expected);
    }

    #[test]
    fn a_process_says_how_long_it_ran() {
        for (seconds, said) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min 0 s"),
            (1_052, "17 min 32 s"),
            (93_900, "26 h 5 min"),
        ] {
            let ran = Duration::from_secs(seconds);
            let closing = Closing::new(&Ledger::default(), None, Traffic::Shared, ran);
            assert_eq!(table(&closing, false), format!("exact; ran for {said}\n"));
        }
    }

    #[test]
    fn colors_only_when_asked_for() {
        assert!(!table(&closing(2), false).contains('\x1b'));
        let text = table(&closing(2), true);
        assert!(text.contains("\x1b[31;1mnot exact\x1b[0m"), "{text}");
        assert!(text.ends_with("3 messages were acknowledged, but 2 stored\n"), "{text}");
    }
}
