//! What a measured future costs beside the plain one: bytes and polls.

use std::{
    future::poll_fn,
    mem::size_of_val,
    pin::pin,
    task::{Context, Poll, Waker},
};

use bookend::{Recorder, measured};

use crate::ledger::ledger;

type Sizes = Recorder<usize, ()>;

/// What [`measured`] may add, with a `before` of eight bytes.
const ADDED_BYTES_MAX: usize = 64;

/// Pending for `times` polls.
async fn pending_for(mut times: usize) {
    poll_fn(|_| match times.checked_sub(1) {
        None => Poll::Ready(()),
        Some(left) => {
            times = left;
            Poll::Pending
        }
    })
    .await;
}

fn polls(future: impl Future) -> usize {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    let mut polls = 1;
    while future.as_mut().poll(&mut context).is_pending() {
        polls += 1;
    }
    polls
}

/// The same function, plain and measured.
macro_rules! pair {
    ($plain:ident, $measured:ident, ($($argument:ident: $type:ty),*) -> $returned:ty $body:block) => {
        async fn $plain(_: Sizes, $($argument: $type),*) -> $returned $body

        #[measured(recorder, before = 1)]
        async fn $measured(recorder: Sizes, $($argument: $type),*) -> $returned $body
    };
}

pair!(plain, small, (times: usize) -> () { pending_for(times).await });
pair!(plain_large, large, (bytes: [u8; 1024], times: usize) -> Result<u8, String> {
    pending_for(times).await;
    Ok(bytes[0])
});
pair!(plain_borrowed, borrowed, (text: &str, times: usize) -> usize {
    pending_for(times).await;
    text.len()
});

// Goal: not one poll more. Method: the same pending body, counted.
#[test]
fn no_polls_are_added() {
    let (recorder, _ledger) = ledger();
    for times in 0..4 {
        assert_eq!(polls(plain(recorder, times)), times + 1);
        assert_eq!(polls(small(recorder, times)), times + 1);
        assert_eq!(polls(large(recorder, [0; 1024], times)), times + 1);
    }
}

// Goal: few bytes more, whatever the arguments weigh.
#[test]
fn few_bytes_are_added() {
    let (recorder, _ledger) = ledger();
    let text = String::from("text");
    let sizes = [
        (size_of_val(&plain(recorder, 0)), size_of_val(&small(recorder, 0))),
        (
            size_of_val(&plain_large(recorder, [0; 1024], 0)),
            size_of_val(&large(recorder, [0; 1024], 0)),
        ),
        (
            size_of_val(&plain_borrowed(recorder, &text, 0)),
            size_of_val(&borrowed(recorder, &text, 0)),
        ),
    ];
    for (plain, measured) in sizes {
        let added = measured - plain;
        assert!(added <= ADDED_BYTES_MAX, "{plain} + {added} bytes");
    }
}
