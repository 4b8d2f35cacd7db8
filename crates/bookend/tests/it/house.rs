//! What the tests share: a broker, messages on it, and waiting with a deadline.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    process,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bookend::{
    Kafka, Position, Sender, SenderOptions, Service,
    extract::{Json, State},
    kafka::KafkaOptions,
    sender::SendError,
    service::{RunError, ServiceHandle, ServiceReport},
};
use bookend_broker::Broker;
use tokio::{
    sync::{Semaphore, oneshot},
    task::JoinHandle,
    time::timeout,
};

/// No single wait of a test is longer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Any port of a host that is this test's alone, for a broker that comes back there: a port of it that was freed is taken
/// by nobody else. Linux has all of 127.0.0.0/8; elsewhere there is one host for all.
pub(crate) fn own_address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(2);
    if !cfg!(target_os = "linux") {
        return (Ipv4Addr::LOCALHOST, 0).into();
    }
    let [.., high, low] = process::id().to_be_bytes();
    (Ipv4Addr::new(127, high, low, NEXT.fetch_add(1, SeqCst)), 0).into()
}

/// What handlers saw: for each number, where.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<BTreeMap<u64, Vec<Position>>>>);

impl Seen {
    /// How many different numbers.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// How many times any number was seen more than once.
    pub(crate) fn repeated(&self) -> usize {
        self.0.lock().unwrap().values().map(|positions| positions.len() - 1).sum()
    }

    fn add(&self, number: u64, at: Position) {
        self.0.lock().unwrap().entry(number).or_default().push(at);
    }
}

/// The handler of most tests.
pub(crate) async fn see(Json(number): Json<u64>, at: Position, State(seen): State<Seen>) {
    seen.add(number, at);
}

/// A gate that handlers wait at.
#[derive(Clone)]
pub(crate) struct Gate {
    begun: Arc<AtomicUsize>,
    permits: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn closed() -> Self {
        Self { begun: Arc::default(), permits: Arc::new(Semaphore::new(0)) }
    }

    /// How many calls have come to the gate.
    pub(crate) fn begun(&self) -> usize {
        self.begun.load(SeqCst)
    }

    pub(crate) fn open(&self) {
        self.permits.add_permits(Semaphore::MAX_PERMITS);
    }
}

/// A handler that waits until the gate is open.
pub(crate) async fn wait_at(State(gate): State<Gate>) {
    gate.begun.fetch_add(1, SeqCst);
    drop(gate.permits.acquire().await.unwrap());
}

pub(crate) fn kafka(broker: &Broker) -> Kafka {
    // A member that is gone is noticed soon, so that no test waits for long.
    kafka_with_session(broker, Duration::from_secs(6))
}

/// Settings of a member that is noticed to be gone only after every deadline of a test.
pub(crate) fn kafka_with_long_session(broker: &Broker) -> Kafka {
    kafka_with_session(broker, DEADLINE * 4)
}

fn kafka_with_session(broker: &Broker, timeout: Duration) -> Kafka {
    let mut options = KafkaOptions::new(broker.bootstrap());
    options.settings.push(("session.timeout.ms".into(), timeout.as_millis().to_string()));
    options.settings.push(("heartbeat.interval.ms".into(), "200".into()));
    Kafka::new(options).unwrap()
}

/// Sends these numbers to `topic`, and waits until all are acknowledged.
pub(crate) async fn send(broker: &Broker, topic: &str, numbers: std::ops::Range<u64>) {
    let sender = Sender::start(kafka(broker), SenderOptions::default()).unwrap();
    let count = numbers.end - numbers.start;
    let numbers_of_topic = sender.topic::<u64>(topic).unwrap();
    for number in numbers {
        while let Err(refused) = numbers_of_topic.send(number.to_string(), number) {
            assert!(matches!(refused, SendError::Full(_)), "{refused}");
            tokio::task::yield_now().await;
        }
    }
    timeout(DEADLINE, sender.flush()).await.unwrap();
    assert_eq!(sender.stats().await.acked, count);
    sender.shutdown(DEADLINE).await;
}

/// A service that runs in the background.
pub(crate) struct Running {
    pub(crate) handle: ServiceHandle,
    stop: oneshot::Sender<()>,
    end: JoinHandle<Result<ServiceReport, RunError>>,
}

pub(crate) fn start(service: Service<()>, broker: &Broker) -> Running {
    start_on(service, kafka(broker))
}

/// A member whose session outlives every wait of a test: if it does not leave, the others notice in vain.
pub(crate) fn start_with_long_session(service: Service<()>, broker: &Broker) -> Running {
    start_on(service, kafka_with_long_session(broker))
}

fn start_on(service: Service<()>, kafka: Kafka) -> Running {
    let handle = service.handle();
    let (stop, stopped) = oneshot::channel();
    let run = service.run(kafka, async { drop(stopped.await) });
    Running { handle, stop, end: tokio::spawn(run) }
}

impl Running {
    /// Stops it as a signal would.
    pub(crate) async fn stop(self) -> ServiceReport {
        self.stopping().report().await
    }

    /// Asks it to stop, as a signal would.
    pub(crate) fn stopping(self) -> Stopping {
        self.stop.send(()).unwrap();
        Stopping(self.end)
    }

    /// Waits until it stops by itself, with an error.
    pub(crate) async fn error(self) -> RunError {
        timeout(DEADLINE, self.end).await.unwrap().unwrap().unwrap_err()
    }

    /// Ends it in the middle: its future is dropped.
    pub(crate) fn drop_future(self) {
        self.end.abort();
    }
}

/// A service that was asked to stop.
pub(crate) struct Stopping(JoinHandle<Result<ServiceReport, RunError>>);

impl Stopping {
    /// Waits until it has.
    pub(crate) async fn report(self) -> ServiceReport {
        timeout(DEADLINE, self.0).await.unwrap().unwrap().unwrap()
    }
}

/// Waits until `what` holds, looking often.
#[track_caller]
pub(crate) fn until(
    what: &'static str,
    holds: impl Fn() -> bool + Send + Sync,
) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let look = async {
            let mut often = tokio::time::interval(Duration::from_millis(5));
            while !holds() {
                often.tick().await;
            }
        };
        let is_so = timeout(DEADLINE, look).await.is_ok();
        assert!(is_so, "{caller}: waited in vain until {what}");
    }
}
