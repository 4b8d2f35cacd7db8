//! What consumers get of a partition. Downstream: [`records`](crate::records), the shape in which it is answered.

use bookend_log::{Bounds, Payload, ReadError};
use kafka_protocol::ResponseError;

use super::{LEADER_EPOCH, Partition, batch, offset};

/// What a read of a partition found.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    pub(crate) payloads: Vec<Payload>,
    /// Whether others follow that were not within its bounds.
    pub(crate) has_more: bool,
}

impl Partition {
    /// Reads whole batches within `bounds` from the one that holds `from`; none at the end. They are put behind what
    /// `to` holds, or located.
    ///
    /// What is not synced yet is not there yet, as [`end`](Self::end) says.
    pub(crate) fn read(
        &self,
        from: i64,
        bounds: Bounds,
        to: &mut Vec<u8>,
    ) -> Result<Batches, ResponseError> {
        let end = self.end();
        if from == end {
            return Ok(Batches::default());
        }
        let index = u64::try_from(from).map_err(|_| ResponseError::OffsetOutOfRange)?;
        let mut read_end = to.len();
        let entries = self.read_lock().log.read_joined(index, bounds, to);
        let entries = entries.map_err(|error| unreadable(&error))?;
        let mut batches = Batches { payloads: Vec::new(), has_more: from < end };
        for (entry, payload) in entries {
            let first = offset(entry.first);
            if first >= end {
                break;
            }
            if let Payload::Read(at) = &payload {
                // An earlier version of this program stored batches as they came.
                batch::place(&mut to[at.clone()], first, LEADER_EPOCH);
                read_end = at.end;
            }
            batches.payloads.push(payload);
            batches.has_more = first + i64::from(entry.count) < end;
        }
        to.truncate(read_end);
        Ok(batches)
    }
}

pub(super) fn unreadable(error: &ReadError) -> ResponseError {
    if matches!(error, ReadError::OutOfRange { .. }) {
        return ResponseError::OffsetOutOfRange;
    }
    tracing::error!(error = error as &dyn std::error::Error, "a partition could not be read");
    match error {
        ReadError::Corrupt { .. } => ResponseError::CorruptMessage,
        _ => ResponseError::KafkaStorageError,
    }
}
