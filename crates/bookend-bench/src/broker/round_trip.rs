//! B1: request and reply through two topics at light load.
//!
//! Open loop: requests leave on a schedule, and a reply's time counts from when its request was *meant* to leave.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use super::{
    Place,
    clients::{Admin, PATIENCE, Reading, Sending},
    process::Process,
};
use crate::report::{self, Row};

/// Between two requests.
const PERIOD: Duration = Duration::from_millis(20);

/// Requests of one slice; before them, some that do not count.
const REQUESTS: u32 = 250;
const WARM_UP: u32 = 20;

/// How long a loop waits before it looks whether it is over.
const LOOK: Duration = Duration::from_millis(20);

const AT_ONCE: [(&str, &str); 1] = [("linger.ms", "0")];

pub(super) fn run(place: &Place, is_smoke: bool) -> Result<Vec<Row>> {
    let ours = place.embedded("round-trip", &[])?;
    let apache = place.apache("round-trip-apache")?;
    let requests = if is_smoke { 10 } else { REQUESTS };
    let [mut our_times, mut their_times] = [vec![], vec![]];
    // A B B A, twice.
    for (slice, is_ours) in
        [false, true, true, false, true, false, false, true].into_iter().enumerate()
    {
        report::progress(&format!("B1: slice {} of 8", slice + 1));
        let (process, times) = match &apache {
            Some(apache) if !is_ours => (apache, &mut their_times),
            _ => (&ours, &mut our_times),
        };
        times.extend(slice_of(process, slice, requests)?);
    }
    let mut rows = Vec::new();
    let goals = ["goal at most 2 (aim 0.5)", "goal at most 10 (aim 2)"];
    for (name, times, goals) in
        [("bookend broker", our_times, goals), ("Apache Kafka", their_times, ["for comparison"; 2])]
    {
        for ((quantile, words), goal) in [(0.5, "p50"), (0.99, "p99")].into_iter().zip(goals) {
            if let Some(time) = at(&times, quantile) {
                let what = format!("request and reply, {name}, {words} of {}", times.len());
                rows.push(Row::plain("B1", &what, time.as_secs_f64() * 1e3, "ms", goal));
            }
        }
    }
    Ok(rows)
}

/// The time that this share of `times` does not pass.
pub(super) fn at(times: &[Duration], share: f64) -> Option<Duration> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a few thousand"
    )]
    let index = (sorted.len() as f64 * share) as usize;
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied()
}

/// Requests on fresh topics; gives how long each reply took.
fn slice_of(process: &Process, slice: usize, requests: u32) -> Result<Vec<Duration>> {
    let [asked, answered] = ["asked", "answered"].map(|name| format!("{name}-{slice}"));
    Admin::start(&process.address)?.create(&[asked.clone(), answered.clone()], 1)?;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let responder = scope.spawn(|| respond(process, &asked, &answered, &is_over));
        let replies = ask(process, &asked, &answered, requests);
        is_over.store(true, Ordering::Release);
        let responded = responder.join().ok().context("the responder does not panic")?;
        responded.and(replies)
    })
}

/// Sends every request back, until it is over.
fn respond(process: &Process, asked: &str, answered: &str, is_over: &AtomicBool) -> Result<()> {
    let requests = Reading::start(&process.address, asked, 0..1, &[])?;
    let replies = Sending::start(&process.address, &AT_ONCE)?;
    requests.begin()?;
    while !is_over.load(Ordering::Acquire) {
        if let Some(request) = requests.next(LOOK, <[u8]>::to_vec)? {
            replies.send(answered, &request)?;
        }
        replies.poll();
    }
    Ok(())
}

fn ask(process: &Process, asked: &str, answered: &str, count: u32) -> Result<Vec<Duration>> {
    let requests = Sending::start(&process.address, &AT_ONCE)?;
    let replies = Reading::start(&process.address, answered, 0..1, &[])?;
    replies.begin()?;
    // One by one, until both sides are connected and have found their way.
    for number in 0..WARM_UP {
        requests.send(asked, &number.to_be_bytes())?;
        reply(&replies)?;
    }
    let begin = Instant::now() + PERIOD;
    let meant = |number: u32| begin + PERIOD * number;
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            for number in 0..count {
                wait_until(meant(number));
                requests.send(asked, &number.to_be_bytes())?;
                requests.poll();
            }
            Ok(())
        });
        let times = (0..count).map(|number| {
            let answer = reply(&replies)?;
            ensure!(answer == number, "the reply to {answer} instead of {number}");
            Ok(meant(number).elapsed())
        });
        let times: Result<Vec<_>> = times.collect();
        sender.join().ok().context("the sender does not panic")?.and(times)
    })
}

/// The number in the next reply.
fn reply(replies: &Reading) -> Result<u32> {
    let value = replies.next(PATIENCE, |value| value.try_into().map(u32::from_be_bytes))?;
    Ok(value.context("no reply came in time")??)
}

/// Parks, which ends more exactly than the millisecond of a runtime's timers.
fn wait_until(time: Instant) {
    while let Some(left) = time.checked_duration_since(Instant::now()).filter(|it| !it.is_zero()) {
        thread::park_timeout(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let times: Vec<_> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(at(&times, 0.5), Some(Duration::from_millis(51)));
        assert_eq!(at(&times, 0.99), Some(Duration::from_millis(100)));
        assert_eq!(at(&times[..1], 0.99), Some(Duration::from_millis(100)));
        assert_eq!(at(&[], 0.5), None);
    }
}
