//! Faults to order, so that tests can see what clients make of them.
//!
//! A [`Fault`] says what happens, where, and how often. [`Broker::inject`](crate::Broker::inject) puts it last in a line;
//! each request is struck by the first in the line that is meant for it, and by no other. Upstream: the tests of
//! anyone's code. Downstream: [`wire`](crate::wire), which asks before every request, and the listener, which asks
//! before every connection.

mod api;
mod code;
mod orders;

use std::time::Duration;

pub(crate) use self::orders::Faults;
pub use self::{api::Api, code::ErrorCode, orders::Injected};

/// Something that shall go wrong: what happens, where, and how often.
///
/// Without more words a fault strikes the next request, whatever it is, and then no more.
///
/// ```
/// use std::time::Duration;
/// use bookend_broker::{Api, ErrorCode, Fault};
///
/// // Two batches for partition 0 of `orders` are refused; other partitions in the same request are not.
/// let fault = Fault::error(ErrorCode::NOT_LEADER_OR_FOLLOWER).on(Api::Produce).partition("orders", 0).times(2);
/// // The third commit takes effect, and its answer gets lost.
/// let fault = Fault::cut_after().on(Api::OffsetCommit).skip(2);
/// // The first batch is stored, and its producer told otherwise; sent again, it must not be stored twice.
/// let fault = Fault::error_after(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND).on(Api::Produce);
/// // Fetching is slow until the fault is lifted.
/// let fault = Fault::delay(Duration::from_millis(200)).on(Api::Fetch).until_lifted();
/// // The next five connections are closed as soon as they stand.
/// let fault = Fault::refuse_connections().times(5);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "nothing happens before `Broker::inject`"]
pub struct Fault {
    effect: Effect,
    api: Option<Api>,
    topic: Option<String>,
    partition: Option<i32>,
    skip: u64,
    /// `None` is until it is lifted.
    times: Option<u64>,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Error(ErrorCode),
    ErrorAfter(ErrorCode),
    Delay(Duration),
    CutBefore,
    CutAfter,
    RefuseConnection,
}

impl Fault {
    /// The request has no effect, and is answered with this error.
    ///
    /// The code stands where the protocol has a place for it: beside each partition, topic, group or
    /// resource of the request that is struck, else over the whole answer. What is not struck is answered as usual.
    /// A produce request that asks for no answer (`acks=0`) loses its connection instead, as in Apache Kafka.
    pub fn error(code: ErrorCode) -> Self {
        Self::new(Effect::Error(code))
    }

    /// The request takes effect, and is answered with this error all the same: the client cannot know the outcome.
    ///
    /// So a broker answers with [`NOT_ENOUGH_REPLICAS_AFTER_APPEND`](ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND), and
    /// often with [`REQUEST_TIMED_OUT`](ErrorCode::REQUEST_TIMED_OUT). Where the code stands is said at
    /// [`error`](Self::error).
    pub fn error_after(code: ErrorCode) -> Self {
        Self::new(Effect::ErrorAfter(code))
    }

    /// The request takes effect, and its answer leaves later by this much. As answers keep their order, so do those to
    /// the requests behind it on the same connection.
    pub fn delay(by: Duration) -> Self {
        Self::new(Effect::Delay(by))
    }

    /// The connection is cut before the request has any effect.
    pub fn cut_before() -> Self {
        Self::new(Effect::CutBefore)
    }

    /// The request takes effect, then the connection is cut before the answer: the client cannot know the outcome.
    pub fn cut_after() -> Self {
        Self::new(Effect::CutAfter)
    }

    /// A new connection is closed as soon as it stands; those that stand already stay. It knows nothing of APIs and
    /// topics.
    pub fn refuse_connections() -> Self {
        Self::new(Effect::RefuseConnection)
    }

    fn new(effect: Effect) -> Self {
        Self { effect, api: None, topic: None, partition: None, skip: 0, times: Some(1) }
    }

    /// Strikes requests of this API only.
    pub fn on(mut self, api: Api) -> Self {
        self.api = Some(api);
        self
    }

    /// Strikes only requests that name this topic, by its name or by its id; an error strikes this topic alone.
    pub fn topic(mut self, name: impl Into<String>) -> Self {
        self.topic = Some(name.into());
        self
    }

    /// As [`topic`](Self::topic), for one partition of it. Requests that name topics without partitions, as
    /// [`Metadata`](Api::Metadata) does, are struck for the topic.
    pub fn partition(self, topic: impl Into<String>, index: i32) -> Self {
        Self { partition: Some(index), ..self.topic(topic) }
    }

    /// Lets this many go well first, of those it is meant for.
    pub fn skip(mut self, count: u64) -> Self {
        self.skip = count;
        self
    }

    /// Strikes this many times instead of once.
    pub fn times(mut self, count: u64) -> Self {
        self.times = Some(count);
        self
    }

    /// Strikes every time, until [`Injected::lift`] or [`Broker::lift_faults`](crate::Broker::lift_faults).
    pub fn until_lifted(mut self) -> Self {
        self.times = None;
        self
    }
}

/// What a fault is meant for, within a request of its API.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) topic: Option<&'a str>,
    pub(crate) partition: Option<i32>,
}

impl Fault {
    pub(crate) fn effect(&self) -> Effect {
        self.effect
    }

    pub(crate) fn target(&self) -> Target<'_> {
        Target { topic: self.topic.as_deref(), partition: self.partition }
    }
}
