//! Stores that apply each message once, with its offset in the same transaction.
