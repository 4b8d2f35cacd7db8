//! Every API in every version: its error answer is an answer, and what is not struck is answered as usual.

use std::time::Duration;

use kafka_protocol::messages::ApiKey;

use super::{
    super::tests::{Scene, body, every_version, frame, sample},
    *,
};
use crate::fault::{Api, Fault};

/// No code of the protocol, so that it is found wherever it stands.
const CODE: i16 = 12_345;

fn error() -> Fault {
    Fault::error(ErrorCode(CODE))
}

/// How often the code stands in an answer.
fn struck(response: &ResponseKind) -> usize {
    format!("{response:?}").matches("error_code: 12345").count()
}

/// A scene with the topic of the samples.
async fn scene() -> Scene {
    let scene = Scene::new();
    scene.ask(12, sample(ApiKey::Metadata, 12)).await;
    scene
}

fn end(scene: &Scene) -> i64 {
    scene.node.catalog.find("topic").unwrap().partition(0).unwrap().end()
}

// Goal: the code reaches the client, whatever it asks in whatever version, and the request has no effect.
#[tokio::test]
async fn every_version_of_every_api_can_be_refused() {
    let scene = scene().await;
    let fault = scene.node.faults.add(error().until_lifted());
    for (times, (api, version)) in (1..).zip(every_version()) {
        let response = scene.ask(version, sample(api.key, version)).await;
        assert!(struck(&response) > 0, "{:?} {version}: {response:?}", api.key);
        assert_eq!(fault.struck(), times);
    }
    assert_eq!(end(&scene), 0);
    assert_eq!(scene.node.catalog.all().len(), 1);
}

// Goal: an error for one partition leaves the others alone. Method: the samples name partitions 0 and 7 of one topic;
// what is refused differs from what an unknown partition 7 is answered.
#[tokio::test]
async fn only_the_partition_that_is_meant_is_struck() {
    let scene = scene().await;
    scene.node.faults.add(error().partition("topic", 7).until_lifted());
    for (api, version) in every_version() {
        let response = scene.ask(version, sample(api.key, version)).await;
        let expected = match api.key {
            ApiKey::Produce => 2,
            ApiKey::Fetch if version < 13 => 2,
            ApiKey::OffsetCommit | ApiKey::OffsetFetch | ApiKey::Metadata => 1,
            _ => continue,
        };
        assert_eq!(struck(&response), expected, "{:?} {version}: {response:?}", api.key);
        if let ResponseKind::Produce(r) = response {
            let [topic, ..] = &r.responses[..] else { panic!("{version}: {r:?}") };
            let codes: Vec<_> = topic.partition_responses.iter().map(|p| p.error_code).collect();
            assert_eq!(codes[..2], [0, CODE], "{version}");
        }
    }
    assert!(end(&scene) > 0, "partition 0 was written");
}

// Goal: an error after the effect stands in place of the answer to what it is meant for, and beside the others.
#[tokio::test]
async fn only_the_partition_that_is_meant_is_struck_after_its_effect() {
    let scene = scene().await;
    let named = [
        ApiKey::Produce,
        ApiKey::Fetch,
        ApiKey::ListOffsets,
        ApiKey::Metadata,
        ApiKey::OffsetCommit,
        ApiKey::OffsetFetch,
    ];
    for (api, version) in every_version().filter(|(api, _)| named.contains(&api.key)) {
        let ask = async |fault: Fault| {
            let struck = scene.node.faults.add(fault.partition("topic", 0));
            let answer = scene.ask(version, sample(api.key, version)).await;
            struck.lift();
            answer
        };
        let fault = Fault::error_after(ErrorCode(CODE));
        let (before, after) = (ask(error()).await, ask(fault).await);
        scene.ask(12, sample(ApiKey::Metadata, 12)).await;
        assert_eq!(struck(&after), struck(&before), "{:?} {version}: {after:?}", api.key);
        let indexes = |response: &ResponseKind| {
            let text = format!("{response:?}");
            (text.matches("index: 0,").count(), text.matches("index: 7,").count())
        };
        if api.key == ApiKey::Produce || api.key == ApiKey::OffsetCommit {
            assert_eq!(indexes(&after), indexes(&before), "{:?} {version}: {after:?}", api.key);
        }
    }
    assert!(end(&scene) > 0, "partition 0 was written");
}

// Goal: whatever is asked in whatever version takes effect and is answered with the code, each thing once.
// Method: paused time, as some would wait.
#[tokio::test(start_paused = true)]
async fn an_error_after_the_effect_stands_in_place_of_the_answer() {
    let scene = scene().await;
    for (api, version) in every_version() {
        let ask = async |fault: Fault| {
            scene.node.faults.add(fault);
            scene.ask(version, sample(api.key, version)).await
        };
        let before = ask(error()).await;
        let after = ask(Fault::error_after(ErrorCode(CODE))).await;
        assert_eq!(struck(&after), struck(&before), "{:?} {version}: {after:?}", api.key);
        if api.key == ApiKey::Produce {
            assert!(end(&scene) > 0, "{version}");
        }
        // It may be deleted by now.
        scene.ask(12, sample(ApiKey::Metadata, 12)).await;
    }
}

// Goal: a topic that is fetched by its id is the one that was named.
#[tokio::test]
async fn a_topic_is_meant_by_its_id_as_well() {
    let scene = scene().await;
    scene.node.faults.add(error().on(Api::Fetch).partition("topic", 0));
    let RequestKind::Fetch(mut fetch) = sample(ApiKey::Fetch, 13) else { panic!() };
    fetch.topics.truncate(1);
    fetch.topics[0].topic_id = scene.node.catalog.find("topic").unwrap().id;
    let ResponseKind::Fetch(response) = scene.ask(13, fetch.into()).await else { panic!() };
    assert_eq!(response.responses.len(), 1);
    let codes = response.responses[0].partitions.iter().map(|p| (p.partition_index, p.error_code));
    assert_eq!(codes.collect::<Vec<_>>(), [(7, 3), (0, CODE)]);
}

// Goal: a delayed answer leaves late, and not at all once the client is gone. Method: paused time.
#[tokio::test(start_paused = true)]
async fn a_delay_ends_with_the_client() {
    let scene = scene().await;
    let delay = Duration::from_secs(3_600);
    scene.node.faults.add(Fault::delay(delay).times(2));
    let begin = tokio::time::Instant::now();
    scene.ask(4, sample(ApiKey::Heartbeat, 4)).await;
    assert!(begin.elapsed() >= delay);
    let late = scene.answer(frame(ApiKey::Heartbeat, 4, &body(ApiKey::Heartbeat, 4)));
    let leave = async { scene.leave() };
    let (late, ()) = tokio::join!(late, leave);
    assert!(matches!(late, Err(Refusal::Gone)));
    assert!(begin.elapsed() < 2 * delay);
}
