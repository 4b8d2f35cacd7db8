//! One file per command: which parts it takes, and what it does with them.

mod demo;
mod up;
mod client;
mod server;
mod broker;
mod feed;
mod cluster;
mod change;
mod topics;
mod groups;
mod reset;
mod tail;
mod store;

pub(crate) use self::{
    broker::broker, client::client, demo::demo, feed::feed, groups::groups, server::server,
    store::store, tail::tail, topics::topics, up::up,
};
