//! The catalog's file: a few lines of text, replaced as a whole.
//!
//! ```text
//! bookend-broker catalog 2
//! cluster 5L6g3nShT-eMCtK--X86sw
//! producers 2000
//! topic 2f6e9d0c4b1a4f0e8d7c6b5a49382716 3 FIRST_TOPIC retention.ms=3600000
//! crc32c 1a2b3c4d
//! ```
//!
//! `producers` is the first producer id that was never reserved. Behind a topic's name stand its settings, those that
//! are not the default; version 1 had none. The last line is the checksum of all before it. A change is written to a
//! second file, synced, and renamed over the first: after a crash, even of the machine, either the old or the new
//! catalog is there.

use std::{fmt::Write as _, fs, io, path::Path, sync::Arc};

use bookend_log::{Files, ReplaceError};
use uuid::Uuid;

use crate::settings::Settings;

const FIRST_LINE: &str = "bookend-broker catalog 2";
/// Without settings; else the same.
const FIRST_LINE_1: &str = "bookend-broker catalog 1";
const NAME: &str = "catalog";

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Saved {
    pub(super) cluster_id: String,
    pub(super) producers_reserved: i64,
    pub(super) topics: Vec<SavedTopic>,
}

/// A topic, as the file knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SavedTopic {
    pub(super) id: Uuid,
    pub(super) partitions: u32,
    pub(super) name: String,
    pub(super) settings: Arc<Settings>,
}

/// Reads the catalog in `dir`; `None` if there is none yet.
pub(super) fn load(dir: &Path) -> io::Result<Option<Saved>> {
    match fs::read_to_string(dir.join(NAME)) {
        Ok(text) => parse(&text).map(Some).ok_or_else(|| {
            let broken = format!("`{}` is damaged", dir.join(NAME).display());
            io::Error::new(io::ErrorKind::InvalidData, broken)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces the catalog in `dir`.
pub(super) fn store(files: &Files, dir: &Path, saved: &Saved) -> Result<(), ReplaceError> {
    files.replace(&dir.join(NAME), render(saved).as_bytes())
}

fn render(saved: &Saved) -> String {
    let mut text = format!(
        "{FIRST_LINE}\ncluster {}\nproducers {}\n",
        saved.cluster_id, saved.producers_reserved
    );
    for topic in &saved.topics {
        write!(text, "topic {} {} {}", topic.id.simple(), topic.partitions, topic.name)
            .expect("writing to a string does not fail");
        for (name, value) in topic.settings.given() {
            write!(text, " {name}={value}").expect("writing to a string does not fail");
        }
        text.push('\n');
    }
    let crc = crc32c::crc32c(text.as_bytes());
    writeln!(text, "crc32c {crc:08x}").expect("writing to a string does not fail");
    text
}

fn parse(text: &str) -> Option<Saved> {
    let end = text.trim_end().rfind('\n')? + 1;
    let (body, last) = text.split_at(end);
    let crc = u32::from_str_radix(last.trim_end().strip_prefix("crc32c ")?, 16).ok()?;
    if crc32c::crc32c(body.as_bytes()) != crc {
        return None;
    }
    let mut lines = body.lines();
    if !matches!(lines.next()?, FIRST_LINE | FIRST_LINE_1) {
        return None;
    }
    let cluster_id = lines.next()?.strip_prefix("cluster ")?.to_owned();
    let producers_reserved = lines.next()?.strip_prefix("producers ")?.parse().ok()?;
    let topics = lines.map(parse_topic).collect::<Option<_>>()?;
    Some(Saved { cluster_id, producers_reserved, topics })
}

fn parse_topic(line: &str) -> Option<SavedTopic> {
    let mut words = line.strip_prefix("topic ")?.split(' ');
    let id = Uuid::try_parse(words.next()?).ok()?;
    let partitions = words.next()?.parse().ok()?;
    let name = words.next()?.to_owned();
    let given: Vec<_> = words.map(|word| word.split_once('=')).collect::<Option<_>>()?;
    let settings = Arc::new(Settings::new(given).ok()?);
    Some(SavedTopic { id, partitions, name, settings })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Saved {
        let topic = |n: u8, name: &str| SavedTopic {
            id: Uuid::from_bytes([n; 16]),
            partitions: n.into(),
            name: name.to_owned(),
            settings: Arc::default(),
        };
        let mut second = topic(2, "metrics.dlt");
        let given = [("retention.ms", "-1"), ("message.timestamp.type", "LogAppendTime")];
        second.settings = Arc::new(Settings::new(given).unwrap());
        Saved {
            cluster_id: "abc".to_owned(),
            producers_reserved: 2_000,
            topics: vec![topic(1, "FIRST_TOPIC"), second],
        }
    }

    #[test]
    fn what_is_stored_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load(dir.path()).unwrap(), None);
        store(&Files::under(dir.path()), dir.path(), &sample()).unwrap();
        assert_eq!(load(dir.path()).unwrap(), Some(sample()));
    }

    // Goal: a folder of the first version opens. Method: such a file, written by hand.
    #[test]
    fn the_first_version_is_read() {
        let body = format!(
            "bookend-broker catalog 1\ncluster abc\nproducers 2000\ntopic {} 1 FIRST_TOPIC\n",
            "01".repeat(16)
        );
        let text = format!("{body}crc32c {:08x}\n", crc32c::crc32c(body.as_bytes()));
        let read = parse(&text).unwrap();
        assert_eq!(read.topics, sample().topics[..1]);
        assert_eq!((read.cluster_id.as_str(), read.producers_reserved), ("abc", 2_000));
    }

    // Goal: no damage goes unseen. Method: every cut and every flipped bit of a small catalog.
    #[test]
    fn a_damaged_file_is_refused() {
        let good = render(&sample());
        for length in 0..good.len() - 1 {
            assert_eq!(parse(&good[..length]), None, "cut at {length}");
        }
        let checked = good.rfind("crc32c").unwrap();
        for bit in 0..checked * 8 {
            let mut bytes = good.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(text) = String::from_utf8(bytes) {
                assert_eq!(parse(&text), None, "bit {bit}");
            }
        }
    }
}
