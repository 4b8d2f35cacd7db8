//! What a process says of itself: health, metrics, the ledger, and what the page shows.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use serde_json::json;

use super::{Parts, problem::Problem};
use crate::ledger::Ledger;

/// A message that waits longer than this for its acknowledgment says that Kafka is away.
const ACK_WAIT_MAX: Duration = Duration::from_secs(10);
/// How often the exporter tidies up what nobody has fetched.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

pub(super) fn router(parts: Parts) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/api/ledger", get(ledger))
        .route("/api/view", get(view))
        .with_state(parts)
}

/// Starts to gather metrics for `/metrics`.
pub(super) fn install_metrics() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new().install_recorder()?;
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut every = tokio::time::interval(UPKEEP_EVERY);
        loop {
            every.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

impl Parts {
    /// Where every message is. Also after everything has closed.
    pub(crate) async fn ledger(&self) -> anyhow::Result<Ledger> {
        let mut ledger = Ledger::default();
        if let Some(client) = &self.client {
            ledger.sent = Some(client.sent().await);
        }
        if let Some(server) = &self.server {
            ledger.stored = Some(server.stored().await?);
        }
        Ok(ledger)
    }
}

/// Alive, unless a restart would help.
async fn livez(State(parts): State<Parts>) -> Response {
    let dead = parts.server.as_ref().is_some_and(|server| !server.consumer().is_live());
    let faults = dead.then(|| "a handler is stuck, or the consumer polls no more".to_owned());
    health(faults.as_slice())
}

/// Ready, unless something outside is waited for. A restart would not help.
async fn readyz(State(parts): State<Parts>) -> Response {
    let mut waiting = Vec::new();
    if let Some(client) = &parts.client
        && let Some(waited) = client.waits_since().await.filter(|waited| *waited > ACK_WAIT_MAX)
    {
        waiting.push(format!("Kafka has not acknowledged a message for {} s", waited.as_secs()));
    }
    if let Some(server) = &parts.server {
        waiting.extend(server.consumer().waiting_for());
    }
    health(&waiting)
}

fn health(faults: &[String]) -> Response {
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ok": faults.is_empty(), "because": faults }))).into_response()
}

async fn metrics(State(parts): State<Parts>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], parts.metrics.render())
}

async fn ledger(State(parts): State<Parts>) -> Result<Json<Ledger>, Problem> {
    parts.ledger().await.map(Json).map_err(|error| unreadable(&error))
}

async fn view(State(parts): State<Parts>) -> Result<Response, Problem> {
    let Some(server) = &parts.server else {
        let help = "ask the server that stores what this client sends";
        return Err(Problem::new(StatusCode::NOT_FOUND, "this process stores nothing", help));
    };
    server.view().await.map(|view| Json(view).into_response()).map_err(|error| unreadable(&error))
}

/// The store does not answer; it is closing, or its disk fails.
fn unreadable(error: &anyhow::Error) -> Problem {
    let help = "try again; if it stays, look after the disk of the data folder";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("{error:#}"), help)
}
