//! The end of the worker: everything is sent that can be, and what cannot is told.

use std::{thread, time::Instant};

use tokio::sync::oneshot;

use super::{
    stats::{DropReason, Stats},
    transport::{Report, Transport, Verdict},
    watch,
    worker::{Command, TICK_MAX, TICK_MIN, Worker},
};
use crate::recorder::{Now, Source};

impl<T: Transport> Worker<T> {
    /// Stops the intake, sends what is here, and at the deadline says what could not be sent.
    pub(super) fn close(
        mut self,
        deadline: Option<Instant>,
        mut done: Vec<oneshot::Sender<Stats>>,
    ) {
        loop {
            self.take_in();
            self.sources.iter().for_each(|(_, source)| source.close());
            // Everything was recorded before this, so nothing is held back.
            let now = Now::read();
            let active = self.turn(&now);
            self.engine.flush();
            if self.is_settled() || deadline.is_some_and(|deadline| now.instant >= deadline) {
                break;
            }
            while let Ok(command) = self.commands.try_recv() {
                match command {
                    Command::Stats(reply) => drop(reply.send(self.stats(Instant::now()))),
                    Command::Flush(reply) => self.flush(reply),
                    Command::Shutdown(_, also) => done.extend(also),
                }
            }
            thread::park_timeout(if active { TICK_MIN } else { TICK_MAX });
        }
        self.give_up();
        let mut stats = self.own_stats(Instant::now());
        stats.unknown = self.engine.handed();
        let sources = self.sources.into_iter().map(|(_, source)| source).collect();
        let stats = self.shared.close(stats, sources);
        watch::publish(&stats);
        for done in done {
            done.send(stats).ok();
        }
    }

    fn is_settled(&self) -> bool {
        let waits = |source: &dyn Source| source.counts().waiting > 0;
        self.engine.queued() == 0
            && self.engine.handed() == 0
            && !self.sources.iter().any(|(_, source)| waits(&**source))
    }

    /// What is not handed over is dropped; what is in flight stays handed over, its end unknown.
    fn give_up(&mut self) {
        self.engine.drop_queued(DropReason::Shutdown);
        if self.engine.handed() == 0 {
            return;
        }
        self.transport.purge(&mut self.reports);
        for Report { ticket, verdict } in std::mem::take(&mut self.reports) {
            match verdict {
                Verdict::Acked => drop(self.engine.settle(ticket, Ok(()))),
                Verdict::Unsent => drop(self.engine.settle(ticket, Err(DropReason::Shutdown))),
                Verdict::Failed(_) => drop(self.engine.settle(ticket, Err(DropReason::Refused))),
                Verdict::Unknown => {}
            }
        }
    }
}
