//! What a wrong request is answered with: its status, what is wrong, and what to do.

use axum::{
    Json,
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::PATHS;

/// An error for the caller, as JSON: `{"error", "status", "help"}`.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    error: String,
    help: String,
}

/// The same on the wire.
#[derive(Serialize)]
struct Body {
    error: String,
    status: u16,
    help: String,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        error: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self { status, error: error.into(), help: help.into() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body { error: self.error, status: self.status.as_u16(), help: self.help };
        let mut response = (self.status, Json(body)).into_response();
        // What is left of the body is not read: the connection cannot carry a second request.
        if self.status == StatusCode::PAYLOAD_TOO_LARGE
            || self.status == StatusCode::REQUEST_TIMEOUT
        {
            response
                .headers_mut()
                .insert(header::CONNECTION, header::HeaderValue::from_static("close"));
        }
        response
    }
}

/// Answers a path that nothing stands at.
pub(super) async fn unknown_path(uri: Uri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("there is nothing at {}", uri.path()),
        format!("the paths are {}", PATHS.join(", ")),
    )
}

/// Answers a method that the path does not take; axum adds the `allow` header.
pub(super) async fn wrong_method(method: Method, uri: Uri) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{} does not take {method}", uri.path()),
        "use a method that the allow header of this answer names",
    )
}
