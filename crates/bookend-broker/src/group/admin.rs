//! What tools ask of all groups: who there is, what they do, and that one be gone.

use kafka_protocol::ResponseError;

use super::{
    Groups,
    describe::{Activity, Description, Listed},
    state::Group,
};

impl Groups {
    /// All groups that have members, or soon may have.
    pub(crate) fn list(&self) -> Vec<Listed> {
        self.lock().groups.iter().map(|(name, group)| group.list(name)).collect()
    }

    /// The group and its members; `None` if it has none, and no one is about to join.
    pub(crate) fn describe(&self, name: &str) -> Option<Description> {
        self.lock().groups.get(name.as_bytes()).map(Group::describe)
    }

    /// Whether the group is at work, and on what.
    pub(crate) fn activity(&self, name: &str) -> Activity {
        self.lock().groups.get(name.as_bytes()).map_or(Activity::Away, Group::activity)
    }

    /// Forgets a group without members; says whether there was one.
    pub(crate) fn delete(&self, name: &str) -> Result<bool, ResponseError> {
        let mut all = self.lock();
        let Some(group) = all.groups.get(name.as_bytes()) else { return Ok(false) };
        if group.activity() != Activity::Away {
            return Err(ResponseError::NonEmptyGroup);
        }
        all.forget(name.as_bytes());
        Ok(true)
    }
}
