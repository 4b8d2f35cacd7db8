//! What a member asks of its [`Group`](super::state::Group), and what it is answered.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::{ResponseError, protocol::StrBytes};

use super::member::Protocols;

/// A parked request.
pub(crate) type Ticket = u64;

/// A member's wish to be in the next generation.
#[derive(Debug, Clone)]
pub(crate) struct Join {
    /// Empty for a first-time member.
    pub(crate) member_id: StrBytes,
    /// The id such a member gets.
    pub(crate) fresh_id: StrBytes,
    /// Whether the client can be handed its id before it joins: from version 4 on.
    pub(crate) two_steps: bool,
    /// Whether the client, as a leader, can be told not to share out: from version 9 on (KIP-814).
    pub(crate) can_skip: bool,
    pub(crate) instance_id: Option<StrBytes>,
    /// What people shall know about the member: the name its client goes by, and where it is.
    pub(crate) client_id: StrBytes,
    pub(crate) client_host: StrBytes,
    pub(crate) session_timeout: Duration,
    pub(crate) rebalance_timeout: Duration,
    pub(crate) protocol_type: StrBytes,
    pub(crate) protocols: Protocols,
}

/// A member's question for its part of the work; the leader's brings everyone's.
#[derive(Debug, Clone)]
pub(crate) struct Sync {
    pub(crate) member_id: StrBytes,
    pub(crate) instance_id: Option<StrBytes>,
    pub(crate) generation: i32,
    /// Given from version 5 on.
    pub(crate) protocol_type: Option<StrBytes>,
    pub(crate) protocol: Option<StrBytes>,
    pub(crate) assignments: Vec<(StrBytes, Bytes)>,
}

/// The answer to a parked request.
#[derive(Debug)]
pub(crate) enum Answer {
    Join(Result<Joined, JoinRefused>),
    Sync(Result<Synced, ResponseError>),
}

/// A place in a generation.
#[derive(Debug, Clone)]
pub(crate) struct Joined {
    pub(crate) generation: i32,
    pub(crate) protocol_type: StrBytes,
    pub(crate) protocol: StrBytes,
    pub(crate) leader: StrBytes,
    pub(crate) member_id: StrBytes,
    /// All members with what they said about themselves; for the leader only.
    pub(crate) members: Vec<(StrBytes, Option<StrBytes>, Bytes)>,
    /// The work is shared out already; the leader shall only watch (KIP-814).
    pub(crate) skip_assignment: bool,
}

/// No place; the id is the member's, or the one it shall join with.
#[derive(Debug, Clone)]
pub(crate) struct JoinRefused {
    pub(crate) error: ResponseError,
    pub(crate) member_id: StrBytes,
}

/// A part of the work.
#[derive(Debug, Clone)]
pub(crate) struct Synced {
    pub(crate) protocol_type: StrBytes,
    pub(crate) protocol: StrBytes,
    pub(crate) assignment: Bytes,
}
