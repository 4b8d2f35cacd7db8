//! Every API in every version.
