//! One file per command: which parts it takes, and what it does with them.

mod demo;
mod up;
mod client;
mod server;
mod broker;
mod feed;
mod store;

pub(crate) use self::{
    broker::broker, client::client, demo::demo, feed::feed, server::server, store::store, up::up,
};
