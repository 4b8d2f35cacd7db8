//! Running a service: checked, connected, driven by its own thread until it is told to stop.

use std::{
    sync::{Arc, OnceLock},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, sync::oneshot, time::timeout};
use tracing::warn;

use super::{
    Service,
    board::Board,
    engine::{Engine, Wiring},
    error::{RunError, ServiceReport},
    mailbox::{Mailbox, Stop},
    stats::Phase,
    transport::{Connect, Subscription, Transport, Wake},
};
use crate::router::{Misuse, Routes};

/// How long leaving the group may take, after everything else is done.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(5);

impl Service<()> {
    /// Connects and handles messages until `shutdown` completes or a handler stops the service.
    ///
    /// To stop, it takes no more messages, lets the handlers at work end, commits, and leaves the group; what is
    /// queued comes again. All of it is bounded by the [drain timeout](Service::with_drain_timeout).
    ///
    /// # Logs
    /// With librdkafka, the client crate logs "Failed to close consumer queue on drop" as an error at each clean end,
    /// when it closes a second time what is closed. It means nothing; the target to silence is `rdkafka`.
    ///
    /// # Errors
    /// [`RunError::Misuse`] with all faults of the wiring, before anything is connected; the other variants say why
    /// it did not start or go on.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    ///
    /// # Cancel safety
    /// Dropped before it completes, the service commits what is settled and leaves the group in the background.
    /// Handlers at work are cut off, and their messages come again.
    pub async fn run(
        self,
        kafka: impl Connect,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<ServiceReport, RunError> {
        let mut shutdown = std::pin::pin!(shutdown);
        let handle = self.handle();
        let _ended = PhaseOnDrop(Arc::clone(&handle.board));
        let Checked { subscription, prepare } = self.check().map_err(RunError::Misuse)?;
        let (wake, thread_of_wake) = thread_wake();
        let mailbox = Arc::new(Mailbox::new(wake.clone()));
        let transport = tokio::select! {
            transport = kafka.connect(subscription, wake) => transport.map_err(RunError::Connect)?,
            () = &mut shutdown => return Ok(ServiceReport::default()),
        };
        let wiring = prepare(Arc::clone(&mailbox));
        let _abandoned = AbandonOnDrop(Arc::clone(&mailbox));
        let (done, mut result) = oneshot::channel();
        let (left, has_left) = oneshot::channel::<()>();
        let life = move || {
            thread_of_wake.get_or_init(thread::current);
            let (result, transport) = drive(transport, wiring);
            // A receiver that is gone was told by its mailbox; there is nobody else to tell.
            drop(done.send(result));
            transport.close();
            drop(left);
        };
        let spawned = thread::Builder::new().name("bookend-service".to_owned()).spawn(life);
        spawned.map_err(|error| RunError::Connect(error.into()))?;
        let result = tokio::select! {
            result = &mut result => result,
            () = shutdown => {
                mailbox.stop(Stop::Drain);
                result.await
            }
        };
        // Completes with an error as soon as the other end is dropped, which is what it waits for.
        if timeout(LEAVE_TIMEOUT, has_left).await.is_err() {
            warn!("the consumer group was not left in time; it notices by itself");
        }
        let panicked = |_| Err(RunError::Failed { reason: "its thread panicked".to_owned() });
        result.unwrap_or_else(panicked)
    }

    /// What to subscribe to and what to run, or everything that is wrong.
    pub(super) fn check(self) -> Result<Checked, Vec<Misuse>> {
        let mut faults = self.faults;
        let routes: Routes = match self.router.check() {
            Ok(routes) if faults.is_empty() => routes,
            Ok(_) => return Err(faults),
            Err(more) => {
                faults.extend(more);
                return Err(faults);
            }
        };
        let topics = routes.keys().cloned().collect();
        let (group, partitions) = (self.group.clone(), self.partitions);
        self.board.open(routes.keys());
        let (board, drain) = (self.board, self.drain);
        let prepare = move |mailbox| Wiring {
            group: self.group,
            routes,
            mailbox,
            board,
            runtime: Handle::current(),
            drain,
            // Without randomness the waits of several members may fall together, which is all it is for.
            seed: getrandom::u64().unwrap_or_default(),
        };
        let subscription = Subscription { group, topics, partitions };
        Ok(Checked { subscription, prepare: Box::new(prepare) })
    }
}

/// A service without faults.
pub(super) struct Checked {
    subscription: Subscription,
    pub(super) prepare: Box<dyn FnOnce(Arc<Mailbox>) -> Wiring + Send>,
}

/// Turns the engine until it is over, on this thread.
fn drive<T: Transport>(transport: T, wiring: Wiring) -> (Result<ServiceReport, RunError>, T) {
    let board = Arc::clone(&wiring.board);
    let mut engine = Engine::new(transport, wiring, Instant::now());
    board.enter(Phase::Running);
    while let Some(wait) = engine.turn(Instant::now()) {
        if !wait.is_zero() {
            thread::park_timeout(wait);
        }
    }
    engine.finish()
}

/// A wake for a thread that is not there yet. Its first turn comes without one, so none is missed.
fn thread_wake() -> (Wake, Arc<OnceLock<Thread>>) {
    let thread = Arc::new(OnceLock::<Thread>::new());
    let wake = {
        let thread = Arc::clone(&thread);
        Wake::new(move || thread.get().into_iter().for_each(Thread::unpark))
    };
    (wake, thread)
}

struct AbandonOnDrop(Arc<Mailbox>);

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        self.0.stop(Stop::Abandon);
    }
}

struct PhaseOnDrop(Arc<Board>);

impl Drop for PhaseOnDrop {
    fn drop(&mut self) {
        self.0.enter(Phase::Ended);
    }
}
