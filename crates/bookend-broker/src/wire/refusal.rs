//! Why a request gets no answer. What the protocol has an error code for is answered instead.

use kafka_protocol::{ResponseError, messages::ApiKey};

use super::schema::Malformed;
use crate::memory::Full;

/// Why a request gets no answer, and its connection ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("it has no whole header")]
    Header,
    #[error("API {0} is not known")]
    Api(i16),
    #[error("version {version} of {key:?} is not implemented")]
    Version { key: ApiKey, version: i16 },
    #[error("{key:?} version {version} is malformed: {source}")]
    Malformed { key: ApiKey, version: i16, source: Malformed },
    #[error("{key:?} version {version} cannot be decoded: {reason}")]
    Decode { key: ApiKey, version: i16, reason: String },
    #[error("the answer to {key:?} version {version} cannot be encoded: {reason}")]
    Encode { key: ApiKey, version: i16, reason: String },
    #[error("records sent without asking for an acknowledgement were refused: {0}")]
    Unacknowledged(ResponseError),
    #[error("a request is refused, or its answer")]
    Full(#[from] Full),
    #[error("a fault was injected")]
    Fault,
    #[error("the client is gone")]
    Gone,
}
