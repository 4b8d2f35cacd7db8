//! What the tests of those who look share: a broker with records in it, and a command that asks it.

use std::time::Duration;

use rdkafka::{
    ClientConfig,
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer},
};
use serde_json::Value;
use tempfile::TempDir;

use crate::process::{End, PATIENCE, Process, bookend};

/// A broker of its own for a test.
pub(crate) struct House {
    broker: Process,
    pub(crate) addr: String,
    folder: TempDir,
}

impl House {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (broker, addr) = broker(&folder, "0");
        Self { broker, addr, folder }
    }

    /// Kills the broker, and gives what starts it again at its address.
    pub(crate) fn leave(self) -> impl FnOnce() -> Self {
        let Self { broker: killed, addr, folder } = self;
        killed.kill();
        move || {
            let port = addr.rsplit_once(':').expect("an address has a port").1;
            let (broker, addr) = broker(&folder, port);
            Self { broker, addr, folder }
        }
    }

    /// Runs `bookend` with these arguments on this broker.
    pub(crate) fn begin(&self, args: &[&str]) -> Process {
        bookend(&[args, &["--brokers", &self.addr]].concat())
    }

    /// The same, to its end.
    pub(crate) fn ask(&self, args: &[&str]) -> End {
        self.begin(args).end()
    }

    /// What it says, which is well.
    #[track_caller]
    pub(crate) fn lines(&self, args: &[&str]) -> Vec<String> {
        let end = self.ask(args);
        assert_eq!(end.code(), 0, "{args:?}: {end:?}");
        assert!(!end.stdout.iter().any(|line| line.contains('\x1b')), "colors in a pipe: {end:?}");
        end.stdout
    }

    /// The one document it says with `--json`.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let lines = self.lines(&[args, &["--json"]].concat());
        assert_eq!(lines.len(), 1, "{args:?}: {lines:?}");
        serde_json::from_str(&lines[0]).expect("it is JSON")
    }

    /// It fails with this code, in one sentence with these words, and says nothing on stdout.
    #[track_caller]
    pub(crate) fn fails(&self, args: &[&str], code: i32, words: &[&str]) {
        let end = self.ask(args);
        assert_eq!(end.code(), code, "{args:?}: {end:?}");
        assert!(end.stdout.is_empty(), "{args:?}: {end:?}");
        let sentences = end.stderr.iter().filter(|line| line.starts_with("bookend: ")).count();
        assert_eq!(sentences, 1, "{args:?}: {end:?}");
        for word in words {
            assert!(end.complaint().contains(word), "{args:?} does not say `{word}`: {end:?}");
        }
    }

    /// Sends one record to partition 0 of `topic`.
    pub(crate) fn send(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, Option<&[u8]>)],
    ) {
        self.send_to(topic, 0, key, value, headers);
    }

    /// Sends one record to a partition of `topic`.
    pub(crate) fn send_to(
        &self,
        topic: &str,
        partition: i32,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, Option<&[u8]>)],
    ) {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", &self.addr)
            .create()
            .expect("the settings");
        let mut list = OwnedHeaders::new();
        for (key, value) in headers {
            list = list.insert(Header { key, value: *value });
        }
        let mut record = BaseRecord::<[u8], [u8]>::to(topic).partition(partition).headers(list);
        record.key = key;
        record.payload = value;
        producer.send(record).map_err(|(error, _)| error).expect("the queue has room");
        producer.flush(PATIENCE).expect("the broker takes it");
    }

    /// `count` records with a number each.
    pub(crate) fn fill(&self, topic: &str, count: u32) {
        for number in 0..count {
            self.send(topic, None, Some(number.to_string().as_bytes()), &[]);
        }
    }

    pub(crate) fn stop(self) {
        assert_eq!(self.broker.stop().code(), 0);
    }
}

fn broker(folder: &TempDir, port: &str) -> (Process, String) {
    let data = folder.path().to_str().expect("a temporary path is text");
    let mut broker = bookend(&["broker", "--port", port, "--data", data]);
    let addr = broker.address("broker");
    (broker, addr)
}

/// How long a client of a test waits for one answer, before it looks again.
pub(crate) const SOON: Duration = Duration::from_millis(100);
