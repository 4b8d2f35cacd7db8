//! Refusals with a sentence for people beside the code, as the admin APIs have them.

use kafka_protocol::{ResponseError, protocol::StrBytes};

use crate::settings::SettingError;

/// Why something that an admin client asked for is not done.
#[derive(Debug)]
pub(super) struct Refused {
    error: ResponseError,
    message: String,
}

impl Refused {
    pub(super) fn new(error: ResponseError, message: impl Into<String>) -> Self {
        Self { error, message: message.into() }
    }

    pub(super) fn code(&self) -> i16 {
        self.error.code()
    }

    pub(super) fn message(self) -> StrBytes {
        StrBytes::from_string(self.message)
    }
}

impl From<ResponseError> for Refused {
    fn from(error: ResponseError) -> Self {
        Self::new(error, error.to_string())
    }
}

impl From<SettingError> for Refused {
    fn from(error: SettingError) -> Self {
        Self::new(ResponseError::InvalidConfig, error.to_string())
    }
}
