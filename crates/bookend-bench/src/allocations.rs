//! Counts the heap allocations of the calling thread.
#![expect(
    unsafe_code,
    reason = "an allocator can only be counted by being one; every call goes on to the system's"
)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local!(static COUNT: Cell<u64> = const { Cell::new(0) });

/// The system's allocator, with a count per thread.
struct Counting;

// SAFETY: every call is handed to `System` unchanged; the count touches no memory that is allocated.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`; the pointer came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations this thread has made so far. Growing one in place counts as another.
pub(crate) fn so_far() -> u64 {
    COUNT.with(Cell::get)
}
