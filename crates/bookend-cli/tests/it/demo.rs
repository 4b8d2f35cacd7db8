//! `bookend demo --exit`: the first thing that anyone runs.

use std::fs::File;

use crate::process::{End, bookend, command};

fn check(end: &End) {
    let closing = end.closing();
    for field in ["accepted", "recorded", "acked", "stored"] {
        assert_eq!(closing[field], 360, "{field} in {closing}");
    }
    assert_eq!((&closing["dropped"], &closing["exact"]), (&0.into(), &true.into()), "{closing}");
    for topic in crate::table::TOPICS {
        assert_eq!(closing["stored_by_topic"][topic], 120, "{closing}");
    }
    assert!(closing["seconds"].as_f64().is_some_and(|seconds| seconds < 60.0), "{closing}");
    assert_eq!(end.code(), 0);
}

// Goal: it is exact, and two side by side do not clash.
#[test]
fn two_side_by_side_are_exact() {
    let (one, two) =
        (bookend(&["demo", "--exit", "--json"]), bookend(&["demo", "--exit", "--json"]));
    check(&one.end());
    check(&two.end());
}

// Goal: without `--exit` it goes on until it is asked to stop, and then its ledger is exact too.
#[tokio::test]
async fn goes_on_until_it_is_stopped() {
    let mut demo = bookend(&["demo", "--port", "0", "--task-ms", "5", "--json"]);
    let caller = crate::http::Caller::new(&demo.http());
    caller.ledger_when(|ledger| crate::http::stored(ledger) > 30).await;
    let end = demo.stop();
    let closing = end.closing();
    assert_eq!((end.code(), &closing["exact"]), (0, &true.into()), "{closing}");
    assert_eq!(closing["recorded"], closing["stored"], "{closing}");
}

// Goal: a log that cannot be written is lost, and nothing else. Method: a stderr that is a full disk, and much to log.
#[test]
fn a_log_that_cannot_be_written_harms_nobody() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut demo = command(&["demo", "--exit", "--task-ms", "5", "--json"]);
    let output = demo.env("RUST_LOG", "debug").stderr(full).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    check(&End { status: output.status, stdout, stderr: Vec::new() });
}
