//! What becomes of a request that a [fault](crate::fault) strikes.
//!
//! [`refuse`] splits off what an error strikes and answers that, [`merge`] puts this answer and that of the rest together.

mod merge;
mod refuse;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use kafka_protocol::{
    ResponseError,
    messages::{RequestHeader, RequestKind, ResponseKind},
};
use uuid::Uuid;

use self::refuse::Split;
use super::{Client, Refusal};
use crate::{
    fault::{Effect, ErrorCode, Target},
    node::Node,
};

/// What of a request is struck.
struct Hit<'a> {
    node: &'a Node,
    target: Target<'a>,
    code: i16,
    version: i16,
}

impl Hit<'_> {
    fn topic(&self, name: &str, id: Uuid) -> bool {
        match self.target.topic {
            None => true,
            Some(wanted) if !name.is_empty() => name == wanted,
            Some(wanted) => {
                self.node.catalog.find_id(id).is_some_and(|topic| &*topic.name == wanted)
            }
        }
    }

    fn partition(&self, index: i32) -> bool {
        self.target.partition.is_none_or(|wanted| wanted == index)
    }

    /// What has no topic is struck by faults that name none.
    fn all(&self) -> bool {
        self.target.topic.is_none()
    }
}

/// Lets the request be answered, and whatever fault is meant for it happen.
pub(super) async fn dispatch(
    node: &Arc<Node>,
    client: &Client,
    header: &RequestHeader,
    request: RequestKind,
) -> Result<Option<ResponseKind>, Refusal> {
    let version = header.request_api_version;
    let names = |target: &Target<'_>| {
        let hit = Hit { node, target: *target, code: 0, version };
        refuse::split(request.clone(), &hit).refused.is_some()
    };
    let Some(fault) = node.faults.strike(header.request_api_key, names) else {
        return super::dispatch(node, client, header, version, request).await;
    };
    tracing::info!(api = header.request_api_key, ?fault, "a request is struck by a fault");
    match fault.effect() {
        Effect::CutBefore => Err(Refusal::Fault),
        Effect::CutAfter => {
            super::dispatch(node, client, header, version, request).await?;
            Err(Refusal::Fault)
        }
        Effect::Delay(by) => {
            let answer = super::dispatch(node, client, header, version, request).await?;
            tokio::select! {
                () = tokio::time::sleep(by) => Ok(answer),
                () = client.gone() => Err(Refusal::Gone),
            }
        }
        Effect::Error(ErrorCode(code)) => {
            let hit = Hit { node, target: fault.target(), code, version };
            let is_silent = is_silent(&request);
            let Split { rest, refused } = refuse::split(request, &hit);
            let answer = match rest {
                None => None,
                Some(rest) => super::dispatch(node, client, header, version, rest).await?,
            };
            if is_silent { Err(unacknowledged(code)) } else { Ok(merge::merge(answer, refused)) }
        }
        Effect::ErrorAfter(ErrorCode(code)) => {
            let hit = Hit { node, target: fault.target(), code, version };
            let is_silent = is_silent(&request);
            // What is struck is found out first: afterwards a topic that is named by its id may be gone.
            let Split { rest, refused } = refuse::split(request.clone(), &hit);
            let answer = super::dispatch(node, client, header, version, request).await?;
            if is_silent {
                return Err(unacknowledged(code));
            }
            Ok(merge::merge(answer.filter(|_| rest.is_some()), refused))
        }
        Effect::RefuseConnection => unreachable!("it strikes connections, never requests"),
    }
}

/// Whether it is a request without an answer.
fn is_silent(request: &RequestKind) -> bool {
    matches!(request, RequestKind::Produce(produce) if produce.acks == 0)
}

/// What a client that asked for no answer gets in place of an error.
fn unacknowledged(code: i16) -> Refusal {
    ResponseError::try_from_code(code).map_or(Refusal::Fault, Refusal::Unacknowledged)
}
