//! The three measured tasks: a text comes in, an outside service takes its time, and the answer says how long.
//!
//! Each shows one way to put a bookend before and after an async task. Down the stream: the recorders of the
//! [`Client`](crate::parts::Client).

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, routing::post};
use bookend::{Recorder, measured};
use serde::Serialize;

use super::{gate::Gate, text::TextBody};
use crate::message::{TextElapsed, utf16_len};

/// How long the outside service takes for each path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TaskTimes {
    first: Duration,
    second: Duration,
    decorated: Duration,
}

impl TaskTimes {
    /// The times of the first system, or `task_ms` for all.
    pub(crate) fn new(task_ms: Option<u32>) -> Self {
        let time = |default_ms| Duration::from_millis(task_ms.unwrap_or(default_ms).into());
        Self { first: time(600), second: time(700), decorated: time(500) }
    }
}

/// What the three handlers share.
#[derive(Debug, Clone)]
pub(crate) struct Tasks {
    pub(crate) first_topic: Recorder<usize, TextElapsed>,
    pub(crate) second_topic: Recorder<usize, TextElapsed>,
    pub(crate) decorated: Recorder<usize, TextElapsed>,
    pub(crate) times: TaskTimes,
    /// Requests answered with what was measured.
    pub(crate) accepted: Arc<AtomicU64>,
    pub(crate) gate: Gate,
}

/// The answer, as the first system wrote it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Measurement {
    text_length: usize,
    response_time: u64,
}

impl Tasks {
    fn answer(&self, text_length: usize, elapsed: Duration) -> Json<Measurement> {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        let response_time = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        Json(Measurement { text_length, response_time })
    }
}

pub(super) fn router(tasks: Tasks) -> Router {
    Router::new()
        .route("/FIRST_TOPIC", post(first_topic))
        .route("/SECOND_TOPIC", post(second_topic))
        .route("/FIRST_TOPIC_DECORATED", post(decorated))
        .with_state(tasks)
}

/// By hand: a guard before, `finish` after.
async fn first_topic(
    State(tasks): State<Tasks>,
    TextBody(text, _pass): TextBody,
) -> Json<Measurement> {
    let text_length = utf16_len(&text);
    let recording = tasks.first_topic.start(text_length);
    outside_service(tasks.times.first).await;
    let elapsed = recording.finish();
    tasks.answer(text_length, elapsed)
}

/// Around a future: nothing to forget.
async fn second_topic(
    State(tasks): State<Tasks>,
    TextBody(text, _pass): TextBody,
) -> Json<Measurement> {
    let text_length = utf16_len(&text);
    let elapsed =
        tasks.second_topic.measure(text_length, outside_service(tasks.times.second)).await;
    tasks.answer(text_length, elapsed)
}

/// Without a line in the body.
#[measured(tasks.decorated, before = utf16_len(&text))]
async fn decorated(
    State(tasks): State<Tasks>,
    TextBody(text, _pass): TextBody,
) -> Json<Measurement> {
    let elapsed = outside_service(tasks.times.decorated).await;
    tasks.answer(utf16_len(&text), elapsed)
}

/// Stands for a call to another service; answers how long it took.
async fn outside_service(time: Duration) -> Duration {
    let started = Instant::now();
    tokio::time::sleep(time).await;
    started.elapsed()
}
