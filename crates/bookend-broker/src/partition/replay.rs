//! What a partition remembers of its producers from one start to the next: a snapshot, and the log behind it.

use std::{ops::ControlFlow, path::Path};

use bookend_log::Log;

use super::{
    Partition, Stored, batch, offset,
    producers::{
        Producers, REPLAYED_MS,
        census::Census,
        snapshot::{self, Mark},
    },
};
use crate::error::StartError;

impl Partition {
    /// Saves what is known of the producers, so that the next start need not read it from the log.
    pub(super) fn save_producers(&self, stored: &mut Stored) {
        let end = stored.log.end();
        let saved = checksum_before(&stored.log, end).and_then(|checksum| {
            let stored = snapshot::store(&self.dir, Mark { end, checksum }, &stored.producers);
            stored.map_err(|error| error.to_string())
        });
        if let Err(error) = saved {
            tracing::warn!(dir = %self.dir.display(), error, "the producers could not be saved; the next start takes longer");
        }
        stored.unsaved_bytes = 0;
    }
}

/// Learns what the partition knew of its producers, from its snapshot and the headers of what came later; also says
/// how many bytes came later.
pub(super) fn learn(
    dir: &Path,
    log: &Log,
    census: &Census,
) -> Result<(Producers, u64), StartError> {
    let (mut producers, from) = match snapshot::load(dir).filter(|(mark, _)| fits(*mark, log)) {
        Some((mark, known)) => (Producers::restore(known, census), mark.end.max(log.start())),
        None => (Producers::new(census), log.start()),
    };
    if from == log.end() {
        return Ok((producers, 0));
    }
    let mut wrong = None;
    let mut bytes = 0;
    log.scan(from, batch::HEADER_BYTES, |entry, header| {
        bytes += batch::length(header);
        match batch::parse_header(header) {
            Ok((_, Some(stamp))) => {
                producers.record(&stamp, offset(entry.first), REPLAYED_MS);
            }
            Ok((_, None)) => {}
            Err(_) => wrong = Some(offset(entry.first)),
        }
        if wrong.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    match wrong {
        Some(offset) => Err(StartError::NotABatch { offset }),
        None => Ok((producers, bytes)),
    }
}

/// Whether a snapshot is of this log as it is: a power cut may have taken what it speaks of.
fn fits(mark: Mark, log: &Log) -> bool {
    // Of what retention has taken it may speak: nothing contradicts it.
    mark.end <= log.start()
        || (mark.end <= log.end() && checksum_before(log, mark.end) == Ok(mark.checksum))
}

/// The checksum of the batch that ends at `end`; 0 if the log has no batch before it.
fn checksum_before(log: &Log, end: u64) -> Result<u32, String> {
    if end <= log.start() {
        return Ok(0);
    }
    let mut checksum = Err("no batch ends there".to_owned());
    let scanned = log.scan(end - 1, batch::HEADER_BYTES, |entry, header| {
        if entry.first + u64::from(entry.count) == end && batch::parse_header(header).is_ok() {
            checksum = Ok(batch::checksum(header));
        }
        ControlFlow::Break(())
    });
    scanned.map_err(|error| error.to_string())?;
    checksum
}
