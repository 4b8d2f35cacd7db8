//! The committed offsets, in rooms by theme; the log's files are real ones in a temporary folder.

mod keeping;
mod expiring;
mod rewriting;

use std::path::Path;

use bookend_log::{Fsync, Options};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::{Committed, Offsets, Place};

const FIRST: Uuid = Uuid::from_bytes([1; 16]);
const SECOND: Uuid = Uuid::from_bytes([2; 16]);
/// The time at which everything happens unless a test says another.
const NOON: i64 = 1_000_000;

fn options() -> Options {
    Options { fsync: Fsync::Never, ..Options::default() }
}

fn open(dir: &Path) -> Offsets {
    Offsets::open(dir, options(), NOON, |_| true).unwrap()
}

fn at(offset: i64) -> Committed {
    Committed { offset, leader_epoch: 0, metadata: Some("why".into()) }
}

/// The protocol type of a group whose members commit.
fn consumer() -> StrBytes {
    StrBytes::from_static_str("consumer")
}

fn commit(offsets: &Offsets, group: &str, place: Place, offset: i64) {
    offsets.commit(group, vec![(place, at(offset))], NOON, || Ok(None)).unwrap();
}
