//! What cannot start says so in one sentence and leaves with 2; a stop ends well at any moment, a second one at once.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
};

use rustix::process::Signal;

use crate::{
    http::Caller,
    process::{End, PATIENCE, bookend, up},
};

/// It does not start, says these words, in one line, and nothing on stdout.
#[track_caller]
fn cannot_start(args: &[&str], words: &[&str]) {
    let end = bookend(args).end();
    assert_eq!(end.code(), 2, "{args:?}: {end:?}");
    let complaint = end.complaint();
    for word in words {
        assert!(complaint.contains(word), "{args:?} does not say `{word}`: {complaint}");
    }
    let sentences = end.stderr.iter().filter(|line| line.starts_with("bookend: ")).count();
    assert_eq!(sentences, 1, "{args:?}: {complaint}");
    assert!(end.stdout.is_empty(), "{args:?}: {end:?}");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a temporary path is text")
}

#[test]
fn a_port_that_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let data = text(folder.path());
    let http = ["up", "--port", &port, "--broker-port", "0", "--data", data];
    cannot_start(&http, &["port", &port, "--port 0"]);
    let words = [port.as_str(), "in use", "choose another port with --broker-port"];
    cannot_start(&["up", "--port", "0", "--broker-port", &port, "--data", data], &words);
    cannot_start(&["broker", "--broker-port", &port, "--data", data], &words);
}

#[test]
fn a_folder_that_another_process_uses() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = up(folder.path(), &[]);
    first.http();
    let data = text(folder.path());
    cannot_start(
        &["up", "--port", "0", "--broker-port", "0", "--data", data],
        &["another process"],
    );
    cannot_start(&["broker", "--broker-port", "0", "--data", data], &["another process"]);
    cannot_start(&["store", "reset", "--data", data], &["another process"]);
    assert_eq!(first.stop().code(), 0);
}

#[test]
fn a_folder_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "no folder").unwrap();
    cannot_start(
        &["up", "--port", "0", "--broker-port", "0", "--data", text(&file)],
        &[text(&file)],
    );
}

// Goal: a store never takes the messages of another cluster for those it has seen; `store reset` is the way out.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_another_incarnation() {
    let folder = tempfile::tempdir().unwrap();
    let data = text(folder.path()).to_owned();
    let mut first = up(folder.path(), &["--task-ms", "1"]);
    Caller::new(&first.http()).post("/FIRST_TOPIC", "once").await.unwrap();
    assert_eq!(first.stop().closing()["stored"], 1);
    fs::remove_dir_all(folder.path().join("broker")).unwrap();
    let again = ["up", "--port", "0", "--broker-port", "0", "--data", &data];
    cannot_start(&again, &["bookend store reset"]);
    assert_eq!(bookend(&["store", "reset", "--data", &data]).end().code(), 0);
    let mut second = up(folder.path(), &["--task-ms", "1"]);
    let ledger = Caller::new(&second.http()).ledger().await.unwrap();
    assert_eq!(crate::http::stored(&ledger), 0, "{ledger}");
    assert_eq!(second.stop().code(), 0);
}

#[test]
fn a_broker_that_does_not_answer() {
    // A port that was free a moment ago; nothing listens there.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    cannot_start(&["client", "--port", "0", "--brokers", &free], &[&free, "10 s", "--brokers"]);
    let data = text(folder.path());
    cannot_start(&["server", "--port", "0", "--brokers", &free, "--data", data], &[&free, "10 s"]);
}

// Goal: whoever looks hears it as soon, in the same words.
#[test]
fn a_look_at_a_broker_that_does_not_answer() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for args in [&["topics", "list"][..], &["groups", "list"], &["tail", "T", "--exit"]] {
        cannot_start(&[args, &["--brokers", &free]].concat(), &[&free, "10 s", "--brokers"]);
    }
}

#[test]
fn a_setting_that_would_break_a_promise() {
    cannot_start(&["client", "--port", "0", "--kafka", "acks=0"], &["acks"]);
    cannot_start(&["topics", "list", "--kafka", "acks=0"], &["acks"]);
}

#[test]
fn a_feed_with_an_end_missing() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    cannot_start(&["feed", "/nowhere/at/all", "--url", &url], &["/nowhere/at/all"]);
    cannot_start(&["feed", "-", "--url", &url], &[&free.to_string()]);
    cannot_start(&["feed", "-", "--url", "3000"], &["http://HOST:PORT"]);
}

/// A request whose body the process has asked for, and does not get.
fn half_a_request(addr: &str) -> BufReader<TcpStream> {
    let mut request = TcpStream::connect(addr).expect("it listens");
    request.set_read_timeout(Some(PATIENCE)).expect("a time that is not zero");
    let head = "POST /FIRST_TOPIC HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 15\r\nexpect: 100-continue\r\n\r\n";
    request.write_all(head.as_bytes()).expect("it reads");
    let mut answer = BufReader::new(request);
    let mut asked = String::new();
    answer.read_line(&mut asked).expect("it answers");
    assert_eq!(asked, "HTTP/1.1 100 Continue\r\n");
    answer
}

// Goal: who has sent half a request, or half a head, does not make the end of a process a bad one.
#[test]
fn half_a_request_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = up(folder.path(), &[]);
    let addr = process.http();
    let half = half_a_request(&addr);
    let mut head = TcpStream::connect(&addr).unwrap();
    head.write_all(b"POST /FIRST_TOPIC HT").unwrap();
    stopped_well(&process.stop());
    drop((half, head));
}

// Goal: the first signal waits for what is under way, the second does not.
// Method: a request whose body the process has asked for, so that it is certainly under way; it never gets the body.
#[test]
fn a_second_signal_leaves_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = up(folder.path(), &[]);
    let mut answer = half_a_request(&process.http());
    process.signal(Signal::INT);
    process.complains("once more to leave at once");
    process.signal(Signal::TERM);
    let end = process.end();
    assert_eq!(end.code(), 130, "{end:?}");
    assert!(!end.stdout.iter().any(|line| line.contains("exact")), "it did not wait: {end:?}");
    // Whether its end comes as an error or as the end of the stream: no answer.
    let mut rest = String::new();
    drop(answer.read_to_string(&mut rest));
    assert_eq!(rest.trim(), "");
}

/// It was stopped, ended well, said a ledger without a message, and warned of nothing.
#[track_caller]
fn stopped_well(end: &End) {
    assert_eq!(end.code(), 0, "{end:?}");
    let closing = end.closing();
    assert_eq!(closing["exact"], true, "{closing}");
    for field in ["recorded", "acked", "dropped", "stored"] {
        assert_eq!(closing[field], 0, "{field} in {closing}");
    }
    let scary = |line: &&String| ["WARN", "ERROR", "bookend: "].iter().any(|it| line.contains(it));
    assert_eq!(end.stderr.iter().find(scary), None, "{end:?}");
}

// Goal: a stop in the middle of the start leaves nothing behind. Method: the broker says when it is there and when it
// has topics, and much is not built yet then; what was built can be used again at once.
#[test]
fn stopped_while_starting() {
    let folder = tempfile::tempdir().unwrap();
    for moment in ["broker started", "topic created"] {
        let mut process = up(folder.path(), &[]);
        process.complains(moment);
        stopped_well(&process.stop());
    }
    let mut process = up(folder.path(), &[]);
    process.http();
    stopped_well(&process.stop());
}

// Goal: the wait for a broker ends with the stop, not with the broker. Method: a listener that never answers.
#[test]
fn stopped_while_waiting_for_a_broker() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let brokers = silent.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let client = ["client", "--port", "0", "--json", "--brokers", &brokers];
    let server =
        ["server", "--port", "0", "--json", "--brokers", &brokers, "--data", text(folder.path())];
    for args in [&client[..], &server[..]] {
        let process = bookend(args);
        let called = silent.accept().unwrap();
        let end = process.stop();
        stopped_well(&end);
        assert!(!end.complaint().contains("10 s"), "{end:?}");
        drop(called);
    }
}
