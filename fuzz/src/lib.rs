//! What the fuzz targets share: an allocator with a limit, and a folder in memory where the system has one.
//!
//! A target is a function from bytes to a panic or nothing. `cargo xtask fuzz` builds and runs them.

mod seeds;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    io::Write as _,
    path::Path,
    process::abort,
    sync::atomic::{AtomicUsize, Ordering},
};

use tempfile::TempDir;

pub use self::seeds::sow;

/// The largest request of the broker, and what may stand around it: nothing is ever allocated that is larger.
const SINGLE_BYTES_MAX: usize = 100 * 1024 * 1024 + 64 * 1024;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static CEILING: AtomicUsize = AtomicUsize::new(usize::MAX);

/// The system's allocator, which ends the process when too much is asked of it.
struct Limited;

impl Limited {
    fn count(bytes: usize) {
        let live = LIVE.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if bytes > SINGLE_BYTES_MAX || live > CEILING.load(Ordering::Relaxed) {
            // Nothing here may allocate. The signal is libFuzzer's to catch: it writes down what led here.
            CEILING.store(usize::MAX, Ordering::Relaxed);
            drop(std::io::stderr().write_all(b"too much memory is asked for\n"));
            abort();
        }
    }
}

// SAFETY: every call is handed to `System` unchanged; the counting touches no memory that is allocated.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`; the pointer came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Limited = Limited;

/// Runs `f`, and ends the process if it holds more than `bytes` at any moment beyond what is held now.
pub fn within<T>(bytes: usize, f: impl FnOnce() -> T) -> T {
    let ceiling = LIVE.load(Ordering::Relaxed).saturating_add(bytes);
    CEILING.store(ceiling, Ordering::Relaxed);
    let value = f();
    CEILING.store(usize::MAX, Ordering::Relaxed);
    value
}

/// A new folder, on no real disk if that can be had.
///
/// # Panics
/// When it cannot be created.
#[must_use]
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let builder = tempfile::Builder::new();
    let folder = if memory.is_dir() { builder.tempdir_in(memory) } else { builder.tempdir() };
    folder.expect("there is room for a folder")
}

/// Takes so many bytes from the front of `data`; zeros where it ends.
pub fn take<const N: usize>(data: &mut &[u8]) -> [u8; N] {
    let mut taken = [0; N];
    let count = N.min(data.len());
    taken[..count].copy_from_slice(&data[..count]);
    *data = &data[count..];
    taken
}
