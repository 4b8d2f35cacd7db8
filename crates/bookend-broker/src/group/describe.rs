//! What people and tools are told about a [`Group`].

use std::collections::BTreeSet;

use bytes::Bytes;
use kafka_protocol::protocol::StrBytes;

use super::{
    member::Member,
    state::{Group, Phase},
    subscription::{self, CONSUMER, Topics},
};

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: StrBytes,
    pub(crate) protocol_type: StrBytes,
    /// As Apache Kafka calls it.
    pub(crate) state: &'static str,
}

/// A group and its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Description {
    pub(crate) state: &'static str,
    pub(crate) protocol_type: StrBytes,
    /// Empty until the work is shared out.
    pub(crate) protocol: StrBytes,
    pub(crate) members: Vec<MemberDescription>,
}

/// A member of a group that is described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberDescription {
    pub(crate) id: StrBytes,
    pub(crate) instance_id: Option<StrBytes>,
    pub(crate) client_id: StrBytes,
    pub(crate) client_host: StrBytes,
    /// Empty until the work is shared out, as is the assignment.
    pub(crate) metadata: Bytes,
    pub(crate) assignment: Bytes,
}

/// Whether a group is at work, and on what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Activity {
    /// It has no members.
    Away,
    /// It has members; while they change, their topics may too.
    AtWork { stable: bool, subscribed: Subscribed },
}

/// The topics a group works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subscribed {
    To(Topics),
    /// To some that it has not said yet, or not so that it could be read.
    Unknown,
    /// Its members are no consumers.
    Other,
}

impl Subscribed {
    /// Whether the group is known not to work on the topic.
    pub(crate) fn spares(&self, topic: &str) -> bool {
        matches!(self, Self::To(topics) if !topics.contains(topic))
    }
}

impl Phase {
    /// As Apache Kafka calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Empty => EMPTY,
            Self::Preparing => "PreparingRebalance",
            Self::Completing => "CompletingRebalance",
            Self::Stable => "Stable",
        }
    }
}

/// The state of a group that has no members.
pub(crate) const EMPTY: &str = "Empty";
/// The state of a group that there is not.
pub(crate) const DEAD: &str = "Dead";

impl Group {
    /// The group in a list.
    pub(crate) fn list(&self, name: &StrBytes) -> Listed {
        let protocol_type = self.protocol_type_now();
        Listed { name: name.clone(), protocol_type, state: self.phase.name() }
    }

    /// The group and its members.
    pub(crate) fn describe(&self) -> Description {
        let stable = self.phase == Phase::Stable;
        let describe = |member: &Member| MemberDescription {
            id: member.id.clone(),
            instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            metadata: if stable { member.metadata(&self.protocol) } else { Bytes::new() },
            assignment: member.assignment.clone(),
        };
        Description {
            state: self.phase.name(),
            protocol_type: self.protocol_type_now(),
            protocol: if stable { self.protocol.clone() } else { StrBytes::new() },
            members: self.members.iter().map(describe).collect(),
        }
    }

    /// Whether it is at work, and on what.
    pub(crate) fn activity(&self) -> Activity {
        if self.members.is_empty() {
            return Activity::Away;
        }
        let subscribed = if *self.protocol_type_now() == *CONSUMER {
            let topics = |m: &Member| subscription::topics(&m.metadata(&self.protocol));
            let topics: Option<Vec<_>> = self.members.iter().map(topics).collect();
            topics.map_or(Subscribed::Unknown, |topics| {
                Subscribed::To(topics.into_iter().flatten().collect::<BTreeSet<_>>())
            })
        } else {
            Subscribed::Other
        };
        Activity::AtWork { stable: self.phase == Phase::Stable, subscribed }
    }

    /// That of the members, which is the group's from the first round on.
    pub(crate) fn protocol_type_now(&self) -> StrBytes {
        self.members.first().map_or(&self.protocol_type, |m| &m.protocol_type).clone()
    }
}
