//! Consumer groups: what there are, and who is in them.

use std::fmt;

use rdkafka::{consumer::Consumer, types::RDKafkaErrorCode};
use serde::Serialize;

use super::{Admin, AdminError, assignment, options};
use crate::{
    kafka::{
        cluster::REQUEST_TIMEOUT,
        words::{code_words, words},
    },
    topic::TopicPartition,
};

/// A group as its coordinator has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInfo {
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: GroupState,
    /// How its members share partitions, such as `range`; empty when it has none.
    pub protocol: String,
    /// Who is in it.
    pub members: Vec<MemberInfo>,
}

/// How a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum GroupState {
    /// It has offsets and no members.
    Empty,
    /// Every member has its partitions.
    Stable,
    /// Partitions are being shared anew.
    Rebalancing,
    /// It is one of a newer protocol, as that of consumers of KIP-848 or KIP-932, which the question of this client does
    /// not cover: Kafka tells that it is there, and what it has committed, but neither its state nor its members. One that
    /// is gone since it was listed looks the same.
    Newer,
    /// The coordinator does not say, as it still loads. Its members are not known then.
    Unknown,
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Empty => "empty",
            Self::Stable => "stable",
            Self::Rebalancing => "rebalancing",
            Self::Newer => "newer",
            Self::Unknown => "unknown",
        })
    }
}

impl GroupState {
    /// Whether the group's members are known, even if there are none.
    #[must_use]
    pub fn tells_members(self) -> bool {
        !matches!(self, Self::Newer | Self::Unknown)
    }

    /// From the names of the classic protocol, as `DescribeGroups` gives them.
    fn named(name: &str) -> Self {
        match name {
            "Empty" => Self::Empty,
            "Stable" => Self::Stable,
            "PreparingRebalance" | "CompletingRebalance" => Self::Rebalancing,
            // What is listed is there, but to the classic protocol a group of another one is none.
            "Dead" => Self::Newer,
            _ => Self::Unknown,
        }
    }
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberInfo {
    /// The name the coordinator gave it.
    pub id: String,
    /// The name it gave itself; see [`KafkaOptions::client_id`](crate::KafkaOptions).
    pub client_id: String,
    /// From where it is connected.
    pub host: String,
    /// What it was given; none while the group rebalances, or when the group is not one of consumers.
    pub partitions: Vec<TopicPartition>,
}

impl Admin {
    /// Every group of the cluster that this client may see, by name.
    ///
    /// # Errors
    /// [`AdminError::Failed`] when a broker does not answer in time: its groups would be missing.
    ///
    /// # Cancel safety
    /// Nothing is lost; a background thread ends by itself.
    pub async fn groups(&self) -> Result<Vec<GroupInfo>, AdminError> {
        self.ask(|client| {
            let list = client.fetch_group_list(None, REQUEST_TIMEOUT)?;
            let mut groups: Vec<_> = list.groups().iter().map(group_info).collect();
            groups.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(groups)
        })
        .await
    }

    /// Deletes a group with all that it has committed, while it has no members (KIP-229).
    ///
    /// # Errors
    /// [`AdminError::Refused`] when it has members, there is none of this name, or this client may not;
    /// [`AdminError::Failed`] when its coordinator does not answer in time.
    ///
    /// # Cancel safety
    /// Dropped before it completes, the group may have been deleted.
    pub async fn delete_group(&self, group: &str) -> Result<(), AdminError> {
        let answer = self.changer()?.delete_groups(&[group], &options()).await;
        let answer = answer.map_err(|error| self.failed(words(&error)))?;
        match answer.into_iter().find_map(Result::err) {
            None => Ok(()),
            Some((_, code)) => Err(AdminError::Refused {
                what: format!("deleting group `{group}`"),
                reason: match code {
                    RDKafkaErrorCode::NonEmptyGroup => "it has members; stop them first".to_owned(),
                    code => code_words(code),
                },
            }),
        }
    }
}

fn group_info(group: &rdkafka::groups::GroupInfo) -> GroupInfo {
    let members = group.members().iter().map(|member| MemberInfo {
        id: member.id().to_owned(),
        client_id: member.client_id().to_owned(),
        host: member.client_host().trim_start_matches('/').to_owned(),
        partitions: member.assignment().and_then(assignment::read).unwrap_or_default(),
    });
    let mut members: Vec<_> = members.collect();
    members.sort_by(|a, b| (&a.client_id, &a.id).cmp(&(&b.client_id, &b.id)));
    GroupInfo {
        name: group.name().to_owned(),
        state: GroupState::named(group.state()),
        protocol: group.protocol().to_owned(),
        members,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_plain_names() {
        for (named, shown) in [
            ("Stable", "stable"),
            ("Empty", "empty"),
            ("PreparingRebalance", "rebalancing"),
            ("CompletingRebalance", "rebalancing"),
            ("Dead", "newer"),
            ("", "unknown"),
        ] {
            assert_eq!(GroupState::named(named).to_string(), shown, "{named}");
        }
    }
}
