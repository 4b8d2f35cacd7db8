//! What both sides read.

use std::ops::ControlFlow;

use bookend_log::{Bounds, Entry, Log, Payload, ReadError};
use proptest::prelude::*;

use super::{Model, info};

/// Reads on both sides, in both ways.
pub(super) fn read(
    log: &Log,
    model: &Model,
    from: u64,
    bounds: Bounds,
) -> Result<(), TestCaseError> {
    let read = log.read(from, bounds.bytes_max);
    let mut joined = b"before".to_vec();
    let entries = log.read_joined(from, bounds, &mut joined);
    if !(model.start..=model.end).contains(&from) {
        for refused in [read.map(drop), entries.map(drop)] {
            let Err(ReadError::OutOfRange { start, end }) = refused else {
                return Err(TestCaseError::fail("read outside of the log"));
            };
            prop_assert_eq!((start, end), (model.start, model.end));
        }
        return Ok(());
    }
    let all = Bounds { first_max: Some(usize::MAX), located_from: None, ..bounds };
    prop_assert_eq!(read.expect("read"), model.read(from, all));
    let mut rest = &joined[b"before".len()..];
    let expected = model.read(from, bounds);
    let (mut entries, mut file) = (entries.expect("read").into_iter(), None);
    for expected in expected {
        let (entry, place) = entries.next().expect("one more");
        prop_assert_eq!(entry, info(&expected));
        let segment = model.segments.iter().rposition(|(first, _)| *first <= expected.first);
        if model.is_located(&expected, bounds) && *file.get_or_insert(segment) == segment {
            let Payload::Located(place) = place else { panic!("{place:?} is not located") };
            prop_assert_eq!(place.read().expect("read"), expected.payload);
        } else {
            let Payload::Read(at) = place else { panic!("{place:?} is not read") };
            prop_assert_eq!(&joined[at], &expected.payload);
            prop_assert!(rest.starts_with(&expected.payload));
            rest = &rest[expected.payload.len()..];
        }
    }
    prop_assert!(entries.next().is_none() && rest.is_empty());
    Ok(())
}

/// Scans on both sides, and stops after some entries.
pub(super) fn scan(
    log: &Log,
    model: &Model,
    from: u64,
    prefix_bytes: usize,
    entries_max: usize,
) -> Result<(), TestCaseError> {
    let mut seen = Vec::new();
    let scanned = log.scan(from, prefix_bytes, |entry, prefix| {
        seen.push((entry, prefix.to_vec()));
        if seen.len() < entries_max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    if (model.start..=model.end).contains(&from) {
        scanned.expect("scanned");
        let prefix =
            |entry: &Entry| entry.payload[..prefix_bytes.min(entry.payload.len())].to_vec();
        let expected = model.from(from).map(|entry| (info(entry), prefix(entry)));
        prop_assert_eq!(seen, expected.take(entries_max).collect::<Vec<_>>());
    } else {
        let refused = matches!(scanned, Err(ReadError::OutOfRange { .. }));
        prop_assert!(refused && seen.is_empty());
    }
    Ok(())
}
