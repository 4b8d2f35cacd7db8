//! The one thread that moves messages: it gathers, batches, hands over, and books what is reported.
//!
//! A thread rather than a task, so that it outlives any runtime. Up the stream: the sources of
//! [`recorder`](crate::recorder). Down the stream: a [`Transport`].

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::sync::{
    mpsc::{Receiver, error::TryRecvError},
    oneshot,
};
use tracing::{info, warn};

use super::{
    engine::Engine,
    events::Events,
    rebuild::Rebuild,
    shared::Shared,
    stats::{DropReason, Stats},
    transport::{NotTaken, Report, Ticket, Transport, Verdict},
    watch::Watch,
};
use crate::recorder::{Now, Source, Taken, Unmade};

/// A tenth of the linger is a tick, within these bounds: questions to the worker wait that long at most.
pub(super) const TICK_MIN: Duration = Duration::from_micros(200);
pub(super) const TICK_MAX: Duration = Duration::from_millis(20);

/// What a handle asks of the worker.
pub(super) enum Command {
    Stats(oneshot::Sender<Stats>),
    Flush(oneshot::Sender<()>),
    /// Ends the worker once everything is settled, or at the deadline if there is one.
    Shutdown(Option<Instant>, Option<oneshot::Sender<Stats>>),
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

impl<T: Transport> Worker<T> {
    /// Runs until a shutdown, or until every handle is gone.
    pub(super) fn run(mut self) {
        self.shared.bell.belongs_to(thread::current());
        let (deadline, done) = loop {
            self.take_in();
            // One command a turn, so that no number of questions keeps messages waiting.
            let command = self.commands.try_recv();
            let asked = command.is_ok();
            match command {
                Ok(Command::Shutdown(deadline, done)) => break (deadline, done),
                Ok(Command::Stats(reply)) => drop(reply.send(self.stats(Instant::now()))),
                Ok(Command::Flush(reply)) => self.flush(reply),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => break (Some(Instant::now()), None),
            }
            let active = self.turn(&Now::read());
            if !asked {
                self.rest(active);
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
        let due = self.watch.is_due(now.instant);
        self.route(due);
        self.engine.close_due(now.instant);
        self.rebuild_if_due(now.instant);
        let handed = self.hand_over(now.instant);
        let reported = self.book(now.instant);
        let engine = &self.engine;
        let flushed = self.flushes.iter().take_while(|(upto, _)| engine.flushed(*upto)).count();
        for (_, reply) in self.flushes.drain(..flushed) {
            reply.send(()).ok(); // an error says that nobody waits any more
        }
        if due {
            let stats = self.stats(now.instant);
            self.watch.look(now.instant, &stats);
        }
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

    /// Routes what waits for its topic's partitions, and now and then looks whether a topic has grown.
    fn route(&mut self, all: bool) {
        let transport = &mut self.transport;
        let topics = self.engine.topics(all);
        let known: Vec<_> =
            topics.filter_map(|(topic, name)| Some((topic, transport.partitions(name)?))).collect();
        for (topic, count) in known {
            self.engine.partitions_known(topic, count);
        }
    }

    fn hand_over(&mut self, now: Instant) -> bool {
        let mut handed = false;
        while !self.rebuild.is_pending() {
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

    /// Books what was reported. Returns whether anything was.
    fn book(&mut self, now: Instant) -> bool {
        self.transport.poll(&mut self.reports);
        let reported = !self.reports.is_empty();
        for Report { ticket, verdict } in std::mem::take(&mut self.reports) {
            match verdict {
                Verdict::Acked => {
                    if let Some(topic) = self.engine.settle(ticket, Ok(())) {
                        self.events.acked(self.engine.topic_name(topic));
                    }
                }
                Verdict::Failed(why) => self.failed(ticket, why, now),
                // Only a purge says so, and the worker purges at its end alone.
                Verdict::Unsent | Verdict::Unknown => {}
            }
        }
        self.events.flush();
        reported
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
        if let Some(pause) = self.rebuild.broken(now) {
            warn!(
                reason = why,
                ?pause,
                "the producer is broken; a new one sends what is outstanding"
            );
        }
    }

    fn rebuild_if_due(&mut self, now: Instant) {
        if !self.rebuild.is_due(now) {
            return;
        }
        // What the old client has acknowledged by now is not sent again.
        self.book(now);
        self.rebuild.begun();
        match self.transport.rebuild() {
            Ok(()) => {
                self.engine.recall();
                self.events.rebuilt();
                info!("the producer was rebuilt");
            }
            Err(error) => self.broken(&error, now),
        }
    }

    /// Waits for the next tick; with nothing to do, longer, and until a task's next record rings the bell.
    fn rest(&mut self, active: bool) {
        let tick = (self.linger / 10).clamp(TICK_MIN, TICK_MAX);
        if active {
            return thread::park_timeout(tick);
        }
        self.shared.bell.lie_down();
        // What was recorded before the bell was armed is seen here; what comes after rings it.
        if self.sources.iter().all(|(_, source)| source.counts().waiting == 0) {
            if self.engine.queued() > 0 {
                thread::park_timeout(tick);
            } else if self.engine.handed() > 0 {
                // A broker is slow or away: its reports are soon enough a few ticks later.
                thread::park_timeout((5 * tick).min(TICK_MAX));
            } else {
                thread::park();
            }
        } else {
            thread::park_timeout(tick);
        }
        self.shared.bell.get_up();
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
