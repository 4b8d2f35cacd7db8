//! The line of injected faults: who is struck, how often, and until when.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::watch;

use super::{Effect, Fault, Target};

/// A fault that was injected: tells how often it struck, and lifts it. Dropping this changes nothing.
#[derive(Debug, Clone)]
pub struct Injected {
    order: Arc<Order>,
}

impl Injected {
    /// How often it struck.
    #[must_use]
    pub fn struck(&self) -> u64 {
        self.order.met.borrow().saturating_sub(self.order.fault.skip)
    }

    /// Waits until it has struck this many times.
    ///
    /// # Cancel safety
    /// Dropping this future loses nothing: strikes are counted all the same.
    pub async fn has_struck(&self, times: u64) {
        let mut met = self.order.met.subscribe();
        let enough = times.saturating_add(self.order.fault.skip);
        // The sender lives in the order, which is held here.
        drop(met.wait_for(|met| times == 0 || *met >= enough).await);
    }

    /// Ends it: it strikes no more. An answer that it holds back already stays held back.
    pub fn lift(&self) {
        self.order.lifted.store(true, Ordering::Release);
    }
}

#[derive(Debug)]
struct Order {
    fault: Fault,
    /// How many it was meant for, those that it let go included. Changes under the lock of the line only.
    met: watch::Sender<u64>,
    lifted: AtomicBool,
}

impl Order {
    fn is_over(&self) -> bool {
        let end = self.fault.times.map(|times| times.saturating_add(self.fault.skip));
        self.lifted.load(Ordering::Acquire) || end.is_some_and(|end| *self.met.borrow() >= end)
    }

    /// Counts one that it is meant for; whether that one is struck.
    fn meet(&self) -> bool {
        let mut struck = false;
        self.met.send_modify(|met| {
            struck = *met >= self.fault.skip;
            *met += 1;
        });
        struck
    }
}

/// The faults that are in force, in the order of injection.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Whether there may be any, so that a broker without faults takes no lock.
    any: AtomicBool,
    line: Mutex<Vec<Arc<Order>>>,
    /// Changes whenever all connections are to be cut.
    cuts: watch::Sender<()>,
}

impl Faults {
    pub(crate) fn add(&self, fault: Fault) -> Injected {
        let order =
            Arc::new(Order { fault, met: watch::Sender::new(0), lifted: AtomicBool::new(false) });
        self.line().push(Arc::clone(&order));
        self.any.store(true, Ordering::Release);
        Injected { order }
    }

    pub(crate) fn lift_all(&self) {
        for order in mem::take(&mut *self.line()) {
            order.lifted.store(true, Ordering::Release);
        }
    }

    /// The fault that strikes a request of the API with this key; `names` tells what else it names.
    pub(crate) fn strike(&self, key: i16, names: impl Fn(&Target<'_>) -> bool) -> Option<Fault> {
        self.first(|fault| {
            fault.effect != Effect::RefuseConnection
                && fault.api.is_none_or(|api| api as i16 == key)
                && (fault.topic.is_none() || names(&fault.target()))
        })
    }

    /// Whether a new connection is to be closed.
    pub(crate) fn refuses_connection(&self) -> bool {
        self.first(|fault| fault.effect == Effect::RefuseConnection).is_some()
    }

    /// Ends every [`next_cut`](Self::next_cut).
    pub(crate) fn cut_connections(&self) {
        self.cuts.send_replace(());
    }

    /// Waits until connections that stand at the time of this call are to be cut.
    pub(crate) fn next_cut(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut cuts = self.cuts.subscribe();
        async move {
            if cuts.changed().await.is_err() {
                // The node is gone, and with it the faults: what remains of the broker ends by itself.
                std::future::pending::<()>().await;
            }
        }
    }

    /// The first fault in the line that is meant for what `is_meant` says, and strikes it.
    fn first(&self, is_meant: impl Fn(&Fault) -> bool) -> Option<Fault> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let mut line = self.line();
        line.retain(|order| !order.is_over());
        let struck = line.iter().find(|order| is_meant(&order.fault) && order.meet());
        let fault = struck.map(|order| order.fault.clone());
        self.any.store(!line.is_empty(), Ordering::Release);
        fault
    }

    fn line(&self) -> MutexGuard<'_, Vec<Arc<Order>>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Api, ErrorCode},
        *,
    };

    const BAD: Fault = Fault {
        effect: Effect::Error(ErrorCode::UNKNOWN_SERVER_ERROR),
        api: None,
        topic: None,
        partition: None,
        skip: 0,
        times: Some(1),
    };

    fn strike(faults: &Faults, api: Api) -> bool {
        faults.strike(api as i16, |target| target.topic == Some("t")).is_some()
    }

    // Goal: each request is struck by the first fault that is meant for it, as often as that says.
    #[test]
    fn faults_strike_in_order_and_as_often_as_they_say() {
        let faults = Faults::default();
        assert!(!strike(&faults, Api::Fetch));
        let produce = faults.add(BAD.on(Api::Produce).skip(1).times(2));
        let any = faults.add(BAD);
        assert!(strike(&faults, Api::Fetch), "by the second");
        let struck = [(); 5].map(|()| strike(&faults, Api::Produce));
        assert_eq!(struck, [false, true, true, false, false]);
        assert_eq!((produce.struck(), any.struck()), (2, 1));
    }

    #[test]
    fn a_fault_for_a_topic_strikes_no_other() {
        let faults = Faults::default();
        faults.add(BAD.topic("other").until_lifted());
        assert!(!strike(&faults, Api::Fetch));
        let ours = faults.add(BAD.topic("t").until_lifted());
        assert!(strike(&faults, Api::Fetch) && strike(&faults, Api::Metadata));
        ours.lift();
        assert!(!strike(&faults, Api::Fetch));
        assert_eq!(ours.struck(), 2);
    }

    #[test]
    fn connections_and_requests_are_struck_apart() {
        let faults = Faults::default();
        faults.add(Fault::refuse_connections().until_lifted());
        assert!(!strike(&faults, Api::Fetch) && faults.refuses_connection());
        faults.lift_all();
        assert!(!faults.refuses_connection());
    }
}
