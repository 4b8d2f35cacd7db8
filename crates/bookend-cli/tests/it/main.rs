//! The app as people run it: the real binary as a child process, real sockets, and the built-in broker.

mod process;
mod http;
mod table;

mod bad_input;
mod broker;
mod crash;
mod demo;
mod exit_codes;
mod feed;
mod flight;
mod groups;
mod look;
mod restart;
mod tail;
mod topics;
