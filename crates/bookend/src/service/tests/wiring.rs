//! From the wiring to the real thread, and a worker that dies.

use super::*;

// Goal: a worker that dies, by a fault in something that is dropped, ends the service instead of standing still.
#[tokio::test(start_paused = true)]
async fn a_dead_worker_ends_the_service() {
    struct PanicsWhenDropped;
    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic!("dropped on purpose");
        }
    }
    // The call itself does not panic: what the future keeps does, when the future is dropped after its end.
    let handler = || {
        let kept = PanicsWhenDropped;
        futures_util::future::poll_fn(move |_| {
            let _ = &kept;
            std::task::Poll::Ready(())
        })
    };
    let running = run(Service::new("group").on("T", handler), &[0]).await;
    running.messages(0, 0..1, "");
    let error = running.end().await.0.unwrap_err();
    assert!(matches!(error, RunError::WorkerGone { .. }), "{error:?}");
}

/// A connection that must not be tried.
struct Never;

impl Connect for Never {
    type Transport = fake::Fake;

    async fn connect(self, _: Subscription, _: Wake) -> Result<fake::Fake, TransportError> {
        panic!("connected in spite of faults")
    }
}

// Goal: every fault of the wiring is reported at once, with its line, before anything is connected.
#[tokio::test]
async fn wrong_wiring_does_not_connect() {
    async fn nothing() {}
    let line = Location::caller().line();
    let service = Service::new("")
        .on("A", nothing)
        .on("no spaces", nothing)
        .on("A", nothing)
        .with_partitions(0);
    let error = service.run(Never, std::future::pending()).await.unwrap_err();
    let RunError::Misuse(faults) = &error else { panic!("{error:?}") };
    assert_eq!(faults.len(), 4);
    let text = error.to_string();
    for offset in 1..=5 {
        assert!(text.contains(&format!("{}:{}", file!(), line + offset)), "{offset} in {text}");
    }
}

/// A service's own thread, with a transport that has three messages.
struct ThreeMessages(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Connect for ThreeMessages {
    type Transport = fake::Fake;

    async fn connect(
        self,
        subscription: Subscription,
        wake: Wake,
    ) -> Result<fake::Fake, TransportError> {
        self.0.lock().unwrap().insert("topics", format!("{:?}", subscription.topics));
        Ok(fake::Fake::with_messages(3, wake))
    }
}

// Goal: the real thread drives the engine: it wakes for messages and for the shutdown. Method: real time, no waits
// but for the events themselves.
#[tokio::test]
async fn a_thread_drives_it() {
    let shared = Shared::new();
    let service = service(&shared);
    let handle = service.handle();
    assert_eq!(handle.stats().phase, Phase::Starting);
    let seen = Arc::default();
    let all_handled = async {
        while shared.handled().len() < 3 {
            tokio::task::yield_now().await;
        }
    };
    let report = service.run(ThreeMessages(Arc::clone(&seen)), all_handled).await.unwrap();
    assert_eq!(report.topics[&TopicName::new("T").unwrap()].done, 3);
    assert_eq!(handle.stats().phase, Phase::Ended);
    assert_eq!(seen.lock().unwrap()["topics"], "[\"T\"]");
}
