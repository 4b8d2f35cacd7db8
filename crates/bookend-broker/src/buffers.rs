//! Buffers that records are read into, and that are used again.
//!
//! An answer to a fetch has a megabyte, or more. Memory of that size comes from the system page by page and zeroed, each time
//! anew, which takes as long as all else about a fetch. So a few buffers are kept from one answer to the next. Beside
//! what [`memory`](crate::memory) counts a broker holds [`KEPT_BYTES`] for that, a quarter of a buffer that an answer
//! leaves unused, and for a moment the buffer that one is copied out of. Upstream:
//! [`partition`](crate::partition), which fills them. Downstream: [`wire`](crate::wire), whose answers go by way of
//! [`Bytes`] and bring a buffer back when they are written.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

/// What is kept for later, at most.
const KEPT_BYTES: usize = 8 * 1024 * 1024;
/// What one buffer may have to be kept: twice what consumers ask of a partition unless they are told otherwise. A
/// smaller one costs little to have anew.
const KEPT_EACH: std::ops::RangeInclusive<usize> = 64 * 1024..=2 * 1024 * 1024;
/// What of a buffer an answer may leave unused, as a part of it.
const UNUSED_SHARE: usize = 4;

/// The buffers that wait to be used again; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buffers(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// All of them empty.
    buffers: Vec<Vec<u8>>,
    /// What they could hold together.
    bytes: usize,
}

/// A buffer that comes back.
struct Lent {
    buffer: Vec<u8>,
    home: Buffers,
}

impl Buffers {
    /// What `fill` puts into an empty buffer.
    ///
    /// # Errors
    /// Those of `fill`.
    pub(crate) fn filled<E>(
        &self,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<Bytes, E> {
        let mut lent = Lent { buffer: self.take(), home: self.clone() };
        fill(&mut lent.buffer)?;
        let Lent { buffer, .. } = &mut lent;
        let is_wasted = buffer.capacity() - buffer.len() > buffer.capacity() / UNUSED_SHARE;
        if is_wasted && KEPT_EACH.contains(&buffer.capacity()) {
            return Ok(Bytes::copy_from_slice(buffer));
        }
        if is_wasted {
            buffer.shrink_to_fit();
        }
        // Only what may be kept has to come back.
        let is_kept = KEPT_EACH.contains(&buffer.capacity());
        Ok(if is_kept { Bytes::from_owner(lent) } else { mem::take(buffer).into() })
    }

    /// The one that came back last: it may still be in the processor's cache.
    fn take(&self) -> Vec<u8> {
        let mut kept = self.lock();
        let buffer = kept.buffers.pop().unwrap_or_default();
        kept.bytes -= buffer.capacity();
        buffer
    }

    fn give_back(&self, mut buffer: Vec<u8>) {
        let mut kept = self.lock();
        let bytes = kept.bytes + buffer.capacity();
        if KEPT_EACH.contains(&buffer.capacity()) && bytes <= KEPT_BYTES {
            buffer.clear();
            kept.buffers.push(buffer);
            kept.bytes = bytes;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.home.give_back(mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    fn filled(buffers: &Buffers, room: usize, length: usize) -> Bytes {
        let fill = |to: &mut Vec<u8>| {
            assert!(to.is_empty());
            to.reserve_exact(room);
            to.resize(length, 7);
            Ok::<_, ()>(())
        };
        buffers.filled(fill).unwrap()
    }

    fn kept(buffers: &Buffers) -> Vec<usize> {
        buffers.lock().buffers.iter().map(Vec::capacity).collect()
    }

    // Goal: an answer's buffer is the next one's, and not before the last part of that answer is gone.
    #[test]
    fn a_buffer_comes_back_with_the_last_part_of_its_answer() {
        let buffers = Buffers::default();
        let answer = filled(&buffers, MIB, MIB - 5);
        let at = answer.as_ptr();
        let part = answer.slice(10..20);
        drop(answer);
        assert!(kept(&buffers).is_empty());
        assert_eq!(part, [7; 10][..]);
        drop(part);
        assert_eq!(kept(&buffers), [MIB]);
        assert_eq!(filled(&buffers, MIB, MIB).as_ptr(), at);
    }

    // Goal: what an answer holds is about as much as it has bytes, whatever its buffer could hold.
    #[test]
    fn a_little_does_not_hold_a_large_buffer() {
        let buffers = Buffers::default();
        let little = filled(&buffers, MIB, 1_000);
        assert_eq!((kept(&buffers), little.len()), (vec![MIB], 1_000));
        let much_too_large = Vec::from(filled(&buffers, 9 * MIB, 6 * MIB));
        assert!(much_too_large.capacity() < 7 * MIB);
        drop(filled(&buffers, MIB, 0));
        assert_eq!(kept(&buffers), [MIB]);
        let much = filled(&buffers, MIB, MIB - MIB / UNUSED_SHARE);
        assert!(kept(&buffers).is_empty());
        drop((little, much));
        assert_eq!(kept(&buffers), [MIB]);
    }

    // Goal: what is kept has a bound, small ones and huge ones are not kept, and a fill that fails loses no buffer.
    #[test]
    fn what_is_kept_is_bounded() {
        let buffers = Buffers::default();
        let lent: Vec<_> = (0..20).map(|_| filled(&buffers, MIB, MIB)).collect();
        drop(lent);
        assert_eq!(kept(&buffers), vec![MIB; KEPT_BYTES / MIB]);
        assert_eq!(buffers.filled(|_| Err("full")), Err("full"));
        assert_eq!(buffers.lock().bytes, KEPT_BYTES);
        let buffers = Buffers::default();
        for length in [0, 1, 60_000, 3 * MIB] {
            drop(filled(&buffers, length, length));
        }
        assert_eq!((kept(&buffers), buffers.lock().bytes), (vec![], 0));
    }
}
