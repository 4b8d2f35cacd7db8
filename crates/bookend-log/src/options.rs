//! What the owner of a log decides: how large segments grow, and when bytes must have reached the disk.

use std::time::Duration;

/// Settings of one log. Any values are valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// A segment that would grow past this is sealed and the next one begun; space comes back in steps of this size.
    /// An entry larger than this has a segment to itself.
    pub segment_bytes_max: u64,
    /// When appended bytes are made to survive a power cut.
    pub fsync: Fsync,
}

/// When appended bytes are made to survive a power cut.
///
/// What was appended survives the end of the process, `kill -9` included, under each of them: it is in the
/// operating system's hands as soon as [`append`](crate::Log::append) returns. Under each of them, too, a drop or an
/// advanced start is undone by no crash of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// Before `append` returns. A power cut loses no entry whose `append` returned; of the one that was under way it may
    /// leave all or nothing. An append costs one fsync. After
    /// [`append_unsynced`](crate::Log::append_unsynced) the promise holds from
    /// [`synced_end`](crate::Log::synced_end) on, and many appenders share an fsync.
    Always,
    /// When the owner calls [`sync`](crate::Log::sync), which it does when [`sync_due`](crate::Log::sync_due) says so,
    /// and whenever a segment is sealed or dropped. A power cut loses at most the entries that were appended in the
    /// last interval, in the time between two calls of `sync_due`, and while the last fsync ran; always the latest
    /// ones, and none of those before them.
    Interval(Duration),
    /// When the operating system likes, usually within 30 s. A power cut may lose any entry of that time, not only the
    /// latest, and may damage a sealed segment or the start, so that the log does not open, or take all names, so that it
    /// starts again at 0; what was dropped may be back. For data that can be had again.
    Never,
}

impl Default for Options {
    /// Segments of 64 MiB, synced every second.
    fn default() -> Self {
        Self { segment_bytes_max: 64 * 1024 * 1024, fsync: Fsync::Interval(Duration::from_secs(1)) }
    }
}
