//! The log from outside: against a model, through crashes, through damage, and between processes.

mod support;

mod model;
mod crash;
mod damage;
mod located;
mod process;
