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
/// operating system's hands as soon as [`append`](crate::Log::append) returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// Before `append` returns. A power cut loses nothing that was appended; an append costs one fsync.
    Always,
    /// When the owner calls [`sync`](crate::Log::sync), which it does when [`sync_due`](crate::Log::sync_due) says so,
    /// and whenever a segment is sealed. A power cut loses at most what was appended in the last interval plus the
    /// time between two calls of `sync_due`.
    Interval(Duration),
    /// When the operating system likes, usually within 30 s. A power cut may lose any entry of that time, and may
    /// damage a sealed segment, so that the log does not open, or all names, so that it starts again at 0. For data that
    /// can be had again.
    Never,
}

impl Default for Options {
    /// Segments of 64 MiB, synced every second.
    fn default() -> Self {
        Self { segment_bytes_max: 64 * 1024 * 1024, fsync: Fsync::Interval(Duration::from_secs(1)) }
    }
}
