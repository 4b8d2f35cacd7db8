//! One member of a [`Group`](super::state::Group).

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::protocol::StrBytes;

use super::request::{Join, Ticket};

/// The assignment strategies a member knows, the best first, each with what it says about itself.
pub(crate) type Protocols = Vec<(StrBytes, Bytes)>;

/// A member, from its first join to its end.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: StrBytes,
    pub(crate) instance_id: Option<StrBytes>,
    pub(crate) protocol_type: StrBytes,
    pub(crate) protocols: Protocols,
    pub(crate) rebalance_timeout: Duration,
    session_timeout: Duration,
    /// When the session runs out; a member that [waits](Self::waits) on us is alive.
    pub(crate) expires: Instant,
    /// The parked join of this member.
    pub(crate) join: Option<Ticket>,
    /// The parked sync of this member.
    pub(crate) sync: Option<Ticket>,
    /// Not in any generation yet.
    pub(crate) newcomer: bool,
    pub(crate) assignment: Bytes,
}

impl Member {
    pub(crate) fn new(id: StrBytes, join: &Join, ticket: Ticket, now: Instant) -> Self {
        Self {
            id,
            instance_id: join.instance_id.clone(),
            protocol_type: join.protocol_type.clone(),
            protocols: join.protocols.clone(),
            rebalance_timeout: join.rebalance_timeout,
            session_timeout: join.session_timeout,
            expires: now + join.session_timeout,
            join: Some(ticket),
            sync: None,
            newcomer: true,
            assignment: Bytes::new(),
        }
    }

    /// Takes over what a repeated join says; returns the ticket of the join it replaces.
    pub(crate) fn update(&mut self, join: &Join, now: Instant) -> Option<Ticket> {
        self.protocols.clone_from(&join.protocols);
        self.rebalance_timeout = join.rebalance_timeout;
        self.session_timeout = join.session_timeout;
        self.seen(now);
        self.join.take()
    }

    /// A sign of life.
    pub(crate) fn seen(&mut self, now: Instant) {
        self.expires = now + self.session_timeout;
    }

    /// Whether it waits for an answer of ours.
    pub(crate) fn waits(&self) -> bool {
        self.join.is_some() || self.sync.is_some()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &StrBytes> {
        self.protocols.iter().map(|(name, _)| name)
    }

    pub(crate) fn supports(&self, protocol: &StrBytes) -> bool {
        self.names().any(|name| name == protocol)
    }

    /// What the leader learns about this member.
    pub(crate) fn describe(&self, protocol: &StrBytes) -> (StrBytes, Option<StrBytes>, Bytes) {
        let metadata = self.protocols.iter().find(|(name, _)| name == protocol);
        let metadata = metadata.map(|(_, bytes)| bytes.clone()).unwrap_or_default();
        (self.id.clone(), self.instance_id.clone(), metadata)
    }
}
