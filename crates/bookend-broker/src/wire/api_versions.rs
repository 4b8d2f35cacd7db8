//! `ApiVersions` (KIP-35, KIP-511): what this broker can do.

use kafka_protocol::{
    ResponseError,
    messages::{ApiKey, ApiVersionsResponse, api_versions_response::ApiVersion},
};

use super::{
    APIS, Api,
    schema::{Schema, text},
};

pub(super) const API: Api = Api {
    key: ApiKey::ApiVersions,
    min: 0,
    max: 4,
    schema: Schema { flexible: 3, fields: &[text().since(3), text().since(3)] },
};

pub(super) fn answer() -> ApiVersionsResponse {
    let advertised = APIS.iter().map(|api| {
        // librdkafka before 2.11 sends nothing compressed to a broker without version 0 of Produce (KIP-896's
        // afterthought). No client uses it; who does is told that it is not supported.
        let min = if api.key == ApiKey::Produce { 0 } else { api.min };
        ApiVersion::default()
            .with_api_key(api.key as i16)
            .with_min_version(min)
            .with_max_version(api.max)
    });
    ApiVersionsResponse::default().with_api_keys(advertised.collect())
}

/// The answer, in version 0, to a version that is not known: a client reads it and asks again.
pub(super) fn unsupported() -> ApiVersionsResponse {
    answer().with_error_code(ResponseError::UnsupportedVersion.code())
}
