//! An append-only, checksummed, segmented log on disk.
