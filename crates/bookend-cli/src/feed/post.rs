//! Posts pieces on a schedule, a bounded number at a time, and counts the answers.

use std::time::Duration;

use indicatif::ProgressBar;
use tokio::{
    task::{JoinError, JoinSet},
    time::{Instant, sleep_until},
};

use super::{
    remote::Remote,
    source::{Piece, Source},
};
use crate::signals::Stop;

/// Each text goes to the next path.
pub(super) const PATHS: [&str; 3] = ["/FIRST_TOPIC", "/SECOND_TOPIC", "/FIRST_TOPIC_DECORATED"];

/// How fast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Texts per second; 0 is as fast as `concurrency` allows.
    pub(crate) rate: f64,
    /// Requests in flight at most.
    pub(crate) concurrency: usize,
}

impl Pace {
    /// When text `number` is due, counted from the start; an open loop, so a slow answer does not slow the schedule.
    fn due(self, number: u32) -> Duration {
        if self.rate > 0.0 {
            Duration::try_from_secs_f64(f64::from(number) / self.rate).unwrap_or(Duration::MAX)
        } else {
            Duration::ZERO
        }
    }
}

/// What became of the posts.
#[derive(Debug, Default)]
pub(crate) struct Posted {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    /// Why the first of the refused was.
    pub(crate) first_refusal: Option<String>,
}

impl Posted {
    fn count(&mut self, answer: Result<anyhow::Result<()>, JoinError>, bar: &ProgressBar) {
        match answer.map_err(anyhow::Error::from).flatten() {
            Ok(()) => self.accepted += 1,
            Err(error) => {
                self.refused += 1;
                self.first_refusal.get_or_insert_with(|| format!("{error:#}"));
            }
        }
        bar.set_message(format!("{} accepted, {} refused", self.accepted, self.refused));
    }
}

/// Posts until the source ends or `stop` is asked for, then waits for every answer.
pub(super) async fn post_all(
    remote: &Remote,
    mut source: Source,
    pace: Pace,
    stop: &Stop,
    bar: &ProgressBar,
) -> anyhow::Result<Posted> {
    let started = Instant::now();
    let mut posted = Posted::default();
    let mut in_flight = JoinSet::new();
    let mut next: Option<Piece> = None;
    let mut number = 0_u32;
    let mut ended = false;
    while !ended || !in_flight.is_empty() {
        let room = in_flight.len() < pace.concurrency;
        let due = started.checked_add(pace.due(number)).unwrap_or(started);
        tokio::select! {
            () = stop.asked(), if !ended => ended = true,
            Some(answer) = in_flight.join_next() => posted.count(answer, bar),
            piece = source.next(), if !ended && next.is_none() => match piece {
                Some(piece) => next = Some(piece?),
                None => ended = true,
            },
            () = sleep_until(due), if !ended && room && next.is_some() => {
                let Some(Piece { text, read_bytes }) = next.take() else { continue };
                let (remote, path) = (remote.clone(), PATHS[number as usize % PATHS.len()]);
                in_flight.spawn(async move { remote.post(path, &text).await });
                bar.set_position(read_bytes);
                number = number.wrapping_add(1);
            }
        }
    }
    Ok(posted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_does_not_depend_on_answers() {
        let pace = |rate| Pace { rate, concurrency: 1 };
        assert_eq!(pace(50.0).due(100), Duration::from_secs(2));
        assert_eq!(pace(0.0).due(1_000_000), Duration::ZERO);
        assert_eq!(pace(1e-300).due(1), Duration::MAX);
    }
}
