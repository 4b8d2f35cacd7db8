//! How a sender batches, compresses, and what it may hold.

use crate::batch::BatchLimits;

/// How batches are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// As the first system did.
    #[default]
    Gzip,
    /// Fast, and small enough.
    Snappy,
    /// Faster still.
    Lz4,
    /// The smallest for its speed.
    Zstd,
}

impl Compression {
    /// The name in Kafka's `compression.type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

/// How a sender batches and what it may hold. Every value is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderOptions {
    /// When a batch leaves.
    pub batch: BatchLimits,
    /// How batches are compressed; gzip unless told.
    pub compression: Compression,
    /// Bytes of messages that wait for their report, at most; 64 MiB unless told. What comes on top while the broker
    /// is away is dropped as [`DropReason::MemoryFull`](super::DropReason::MemoryFull).
    pub memory_bytes_max: usize,
    /// Whether each message carries an id in a header, by which a store recognizes one that was sent again.
    pub ids: bool,
}

impl Default for SenderOptions {
    fn default() -> Self {
        Self {
            batch: BatchLimits::default(),
            compression: Compression::default(),
            memory_bytes_max: 64 * 1_024 * 1_024,
            ids: true,
        }
    }
}
