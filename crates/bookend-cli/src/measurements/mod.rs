//! The table of the app: one row per message, and the sums that keep the page quick.
//!
//! Upstream: the server's handlers, which make a [`Measurement`] of each message and give it to the store.
//! Downstream: the page and the ledger, which read a [`View`].
//!
#![doc = include_str!("SCHEMA.md")]

mod histogram;
mod table;
mod view;

pub(crate) use self::{
    table::{Measurement, Measurements},
    view::{TopicRows, View},
};

#[cfg(test)]
mod tests;
