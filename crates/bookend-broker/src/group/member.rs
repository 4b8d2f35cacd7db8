//! One member of a [`Group`](super::state::Group).

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::protocol::StrBytes;

use super::request::{Join, Ticket};

/// The assignment strategies a member knows, the best first, each with what it says about itself.
pub(crate) type Protocols = Vec<(StrBytes, Bytes)>;

/// What a member takes in memory besides what it sent.
const OVERHEAD_BYTES: usize = 512;

/// A member, from its first join to its end.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: StrBytes,
    pub(crate) instance_id: Option<StrBytes>,
    pub(crate) client_id: StrBytes,
    pub(crate) client_host: StrBytes,
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
    /// Has asked for its part in this generation.
    pub(crate) synced: bool,
    pub(crate) assignment: Bytes,
}

impl Member {
    pub(crate) fn new(id: StrBytes, join: &Join, ticket: Ticket, now: Instant) -> Self {
        Self {
            id,
            instance_id: join.instance_id.clone(),
            client_id: join.client_id.clone(),
            client_host: join.client_host.clone(),
            protocol_type: join.protocol_type.clone(),
            protocols: join.protocols.clone(),
            rebalance_timeout: join.rebalance_timeout,
            session_timeout: join.session_timeout,
            expires: now + join.session_timeout,
            join: Some(ticket),
            sync: None,
            newcomer: true,
            synced: false,
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

    /// What it says about itself under a protocol.
    pub(crate) fn metadata(&self, protocol: &StrBytes) -> Bytes {
        let metadata = self.protocols.iter().find(|(name, _)| name == protocol);
        metadata.map(|(_, bytes)| bytes.clone()).unwrap_or_default()
    }

    /// What the leader learns about this member.
    pub(crate) fn introduce(&self, protocol: &StrBytes) -> (StrBytes, Option<StrBytes>, Bytes) {
        (self.id.clone(), self.instance_id.clone(), self.metadata(protocol))
    }

    /// About what it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let names = [&self.id, &self.client_id, &self.client_host, &self.protocol_type];
        let names: usize = names.into_iter().chain(&self.instance_id).map(|name| name.len()).sum();
        OVERHEAD_BYTES + names + protocols_bytes(&self.protocols) + self.assignment.len()
    }
}

/// About what a list of protocols takes in memory.
pub(crate) fn protocols_bytes(protocols: &Protocols) -> usize {
    protocols.iter().map(|(name, metadata)| OVERHEAD_BYTES / 8 + name.len() + metadata.len()).sum()
}
