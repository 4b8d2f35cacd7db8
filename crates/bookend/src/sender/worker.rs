//! The one thread that moves messages: it gathers, batches, hands over, and books what is reported.
//!
//! A thread rather than a task, so that it outlives any runtime. Up the stream: the sources of
//! [`recorder`](crate::recorder). Down the stream: a [`Transport`].

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;
use tracing::{info, warn};

use super::{
    engine::Engine,
    events::Events,
    shared::Shared,
    stats::{DropReason, Stats},
    transport::{NotTaken, Report, Ticket, Transport, Verdict},
    watch::Watch,
};
use crate::recorder::{Now, Source, Taken, Unmade};

/// A tenth of the linger is a tick, within these bounds: questions to the worker wait that long at most.
const TICK_MIN: Duration = Duration::from_micros(200);
const TICK_MAX: Duration = Duration::from_millis(20);

/// The first pause after a client broke; it doubles up to [`REBUILD_PAUSE_MAX`].
const REBUILD_PAUSE: Duration = Duration::from_secs(1);
const REBUILD_PAUSE_MAX: Duration = Duration::from_secs(30);

/// What a handle asks of the worker.
pub(super) enum Command {
    Stats(oneshot::Sender<Stats>),
    Flush(oneshot::Sender<()>),
    /// Ends the worker once everything is settled, or at the deadline.
    Shutdown(Instant, Option<oneshot::Sender<Stats>>),
}

pub(super) struct Worker<T> {
    pub(super) engine: Engine,
    pub(super) transport: T,
    pub(super) commands: Receiver<Command>,
    pub(super) shared: Arc<Shared>,
    pub(super) events: Events,
    pub(super) linger: Duration,
    pub(super) sources: Vec<(usize, Box<dyn Source>)>,
    pub(super) flushes: Vec<(u64, oneshot::Sender<()>)>,
    pub(super) taken: Vec<Taken>,
    pub(super) reports: Vec<Report>,
    pub(super) rebuild: Rebuild,
    pub(super) watch: Watch,
}

/// When a broken client is rebuilt.
#[derive(Debug, Default)]
pub(super) struct Rebuild {
    due: Option<Instant>,
    pause: Duration,
}

impl<T: Transport> Worker<T> {
    /// Runs until a shutdown, or until every handle is gone.
    pub(super) fn run(mut self) {
        self.shared.bell.belongs_to(thread::current());
        let (deadline, done) = loop {
            self.take_in();
            match self.commands.try_recv() {
                Ok(Command::Shutdown(deadline, done)) => break (deadline, done),
                Ok(Command::Stats(reply)) => drop(reply.send(self.stats(Instant::now()))),
                Ok(Command::Flush(reply)) => self.flush(reply),
                Err(TryRecvError::Empty) => {
                    let active = self.turn(&Now::read());
                    self.rest(active);
                }
                Err(TryRecvError::Disconnected) => break (Instant::now(), None),
            }
        };
        self.close(deadline, done.into_iter().collect());
    }

    pub(super) fn take_in(&mut self) {
        for source in self.shared.arrivals() {
            let topic = self.engine.topic(source.topic());
            self.transport.partitions(source.topic()); // asks ahead of the first message
            self.sources.push((topic, source));
        }
    }

    pub(super) fn flush(&mut self, reply: oneshot::Sender<()>) {
        self.gather(&Now::read());
        self.flushes.push((self.engine.flush(), reply));
    }

    /// One round of everything. Returns whether anything moved.
    pub(super) fn turn(&mut self, now: &Now) -> bool {
        let gathered = self.gather(now);
        self.route();
        self.engine.close_due(now.instant);
        self.rebuild_if_due(now.instant);
        let handed = self.hand_over(now.instant);
        self.transport.poll(Duration::ZERO, &mut self.reports);
        let reported = !self.reports.is_empty();
        self.book(now.instant);
        let engine = &self.engine;
        let flushed = self.flushes.iter().take_while(|(upto, _)| engine.flushed(*upto)).count();
        for (_, reply) in self.flushes.drain(..flushed) {
            reply.send(()).ok(); // an error says that nobody waits any more
        }
        self.watch.look(now.instant, || self.engine.oldest());
        gathered || handed || reported
    }

    fn gather(&mut self, now: &Now) -> bool {
        for (topic, source) in &mut self.sources {
            source.gather(now, *topic, &mut self.taken);
        }
        // Stable: within one source the order of its shards' values is that of their times.
        self.taken.sort_by_key(|taken| taken.at);
        let gathered = !self.taken.is_empty();
        for Taken { at, topic, made } in self.taken.drain(..) {
            match made {
                Ok(message) => self.engine.accept(topic, at, message),
                Err(Unmade::Panicked) => self.engine.drop_unaccepted(DropReason::Panicked),
                Err(Unmade::Unencodable) => self.engine.drop_unaccepted(DropReason::Unencodable),
            }
        }
        gathered
    }

    fn route(&mut self) {
        let transport = &mut self.transport;
        let known: Vec<_> = self
            .engine
            .unrouted()
            .filter_map(|(topic, name)| Some((topic, transport.partitions(name)?)))
            .collect();
        for (topic, count) in known {
            self.engine.partitions_known(topic, count);
        }
    }

    fn hand_over(&mut self, now: Instant) -> bool {
        let mut handed = false;
        while self.rebuild.due.is_none() {
            let Some(ticket) = self.engine.hand_over() else { break };
            let Some(outgoing) = self.engine.outgoing(ticket) else { break };
            match self.transport.send(ticket, outgoing) {
                Ok(()) => handed = true,
                Err(NotTaken::Busy) => {
                    self.engine.take_back(ticket);
                    break;
                }
                Err(why) => self.failed(ticket, why, now),
            }
        }
        handed
    }

    fn book(&mut self, now: Instant) {
        let mut acked = 0;
        for Report { ticket, verdict } in std::mem::take(&mut self.reports) {
            match verdict {
                Verdict::Acked => {
                    if let Some(topic) = self.engine.settle(ticket, Ok(())) {
                        self.events.acked(self.engine.topic_name(topic));
                        acked += 1;
                    }
                }
                Verdict::Failed(why) => self.failed(ticket, why, now),
                // Only a purge says so, and the worker purges at its end alone.
                Verdict::Unsent | Verdict::Unknown => {}
            }
        }
        if acked > 0 {
            self.rebuild.pause = Duration::ZERO;
        }
        self.events.flush();
    }

    fn failed(&mut self, ticket: Ticket, why: NotTaken, now: Instant) {
        let reason = match why {
            NotTaken::Busy => return self.engine.take_back(ticket),
            NotTaken::TooLarge => DropReason::TooLarge,
            NotTaken::Refused(text) => {
                warn!(
                    reason = text,
                    "the broker refused a message for good; it is dropped and counted"
                );
                DropReason::Refused
            }
            NotTaken::Broken(text) => return self.broken(&text, now),
        };
        self.engine.settle(ticket, Err(reason));
        self.events.dropped(reason);
    }

    /// The message stays where it is; the rebuilt client gets it again, in order.
    fn broken(&mut self, why: &str, now: Instant) {
        if self.rebuild.due.is_none() {
            let pause = self.rebuild.pause;
            warn!(
                reason = why,
                ?pause,
                "the producer is broken; a new one sends what is outstanding"
            );
            self.rebuild.due = Some(now + pause);
            self.rebuild.pause = (pause * 2).clamp(REBUILD_PAUSE, REBUILD_PAUSE_MAX);
        }
    }

    fn rebuild_if_due(&mut self, now: Instant) {
        if self.rebuild.due.is_none_or(|due| due > now) {
            return;
        }
        self.rebuild.due = None;
        match self.transport.rebuild() {
            Ok(()) => {
                self.reports.clear();
                self.engine.recall();
                self.events.rebuilt();
                info!("the producer was rebuilt");
            }
            Err(error) => self.broken(&error, now),
        }
    }

    /// Waits for the next thing to do. While messages are in flight that is a report; while batches linger, the next
    /// tick; with nothing here, a task's first record rings the bell.
    fn rest(&mut self, active: bool) {
        let tick = (self.linger / 10).clamp(TICK_MIN, TICK_MAX);
        if self.engine.handed() > 0 {
            // When nothing moved a broker is slow or away, and a few ticks later is soon enough.
            let wait = if active { tick } else { (5 * tick).min(TICK_MAX) };
            self.transport.poll(wait, &mut self.reports);
        } else if self.engine.queued() > 0 || self.sources.iter().any(|(_, source)| source.holds())
        {
            thread::park_timeout(tick);
        } else if !active {
            self.shared.bell.lie_down();
            // What was recorded before the bell was armed is seen here; what comes after rings it.
            if self.sources.iter().all(|(_, source)| source.counts().waiting == 0) {
                thread::park();
            }
            self.shared.bell.get_up();
        }
    }

    pub(super) fn stats(&self, now: Instant) -> Stats {
        let sources = self.sources.iter().map(|(_, source)| &**source);
        sources.fold(self.own_stats(now), |stats, source| stats.with(&source.counts()))
    }

    /// Without what the sources know.
    pub(super) fn own_stats(&self, now: Instant) -> Stats {
        Stats {
            queued: self.engine.queued(),
            handed: self.engine.handed(),
            acked: self.engine.acked(),
            dropped: self.engine.dropped(),
            oldest_waiting: self.engine.oldest().map(|at| now.saturating_duration_since(at)),
            ..Stats::default()
        }
    }
}
