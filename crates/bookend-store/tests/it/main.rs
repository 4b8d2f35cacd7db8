//! The SQLite store from outside.
