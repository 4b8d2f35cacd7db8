//! Takes `{"text": "…"}` from a request, and says what is wrong with any other body.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use bytes::BytesMut;
use futures_util::StreamExt;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::error::Category;

use super::{gate::Pass, problem::Problem, tasks::Tasks};

/// The largest body that is taken.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// How much of a body that is too large is still read, so that an ordinary caller sees the answer and not a reset.
const DRAIN_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long a body may take to arrive.
const BODY_WAIT_MAX: Duration = Duration::from_secs(30);

const HELP: &str = r#"send {"text": "…"} with content-type: application/json"#;

/// The text of a request, and the pass of the task that it starts.
#[derive(Debug)]
pub(super) struct TextBody(pub(super) String, pub(super) Pass);

#[derive(Deserialize)]
struct Wire {
    text: String,
}

impl FromRequest<Tasks> for TextBody {
    type Rejection = Problem;

    async fn from_request(request: Request, tasks: &Tasks) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        let bytes = tokio::time::timeout(BODY_WAIT_MAX, read(body)).await.map_err(|_| {
            Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time", HELP)
        })??;
        Ok(Self(decode(&head.headers, &bytes)?, tasks.gate.enter()?))
    }
}

/// Reads the whole body, or refuses it.
async fn read(body: Body) -> Result<BytesMut, Problem> {
    let mut chunks = body.into_data_stream();
    let mut kept = BytesMut::new();
    let mut seen = 0_usize;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| {
            let error = format!("the body broke off: {error}");
            Problem::new(StatusCode::BAD_REQUEST, error, HELP)
        })?;
        seen = seen.saturating_add(chunk.len());
        if seen <= BODY_BYTES_MAX {
            kept.extend_from_slice(&chunk);
        } else if seen > DRAIN_BYTES_MAX {
            break;
        }
    }
    if seen > BODY_BYTES_MAX {
        let help = format!("send at most {BODY_BYTES_MAX} bytes; cut a longer text into parts");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large", help));
    }
    Ok(kept)
}

fn decode(headers: &HeaderMap, bytes: &[u8]) -> Result<String, Problem> {
    if bytes.is_empty() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "the body is empty", HELP));
    }
    let content_type = headers.get(header::CONTENT_TYPE);
    let name = content_type.and_then(|value| value.to_str().ok()).unwrap_or("");
    if !is_json(name) {
        let error = match content_type {
            None => "the request has no content-type".to_owned(),
            Some(_) => format!("`{name}` is not taken"),
        };
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error, HELP));
    }
    // Without this, serde would take the list `["a"]` for an object whose first field is "a".
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'{') && serde_json::from_slice::<IgnoredAny>(bytes).is_ok() {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "the body is not an object",
            HELP,
        ));
    }
    serde_json::from_slice(bytes).map(|Wire { text }| text).map_err(|error| {
        match error.classify() {
            Category::Data => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string(), HELP)
            }
            // What is skipped is not looked into: the form is right, so it is the characters of a string.
            _ if serde_json::from_slice::<IgnoredAny>(bytes).is_ok() => Problem::new(
                StatusCode::BAD_REQUEST,
                format!("a string is no valid Unicode: {error}"),
                "send UTF-8, and a surrogate pair such as \\ud83e\\udd80 with both its halves",
            ),
            _ => Problem::new(StatusCode::BAD_REQUEST, format!("this is not JSON: {error}"), HELP),
        }
    })
}

/// `application/json`, or a kind of it as `application/problem+json`, with or without parameters.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let Some(kind) = essence.strip_prefix("application/") else { return false };
    kind == "json" || kind.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_by_any_of_its_names() {
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/a+json"] {
            assert!(is_json(good), "{good}");
        }
        for bad in
            ["", "json", "text/json", "application/jsonp", "application/x-www-form-urlencoded"]
        {
            assert!(!is_json(bad), "{bad}");
        }
    }
}
