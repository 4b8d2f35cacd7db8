//! Talks to a process: whole requests over hyper, or bytes over a bare socket.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

use crate::process::PATIENCE;

/// The three measured tasks.
pub(crate) const PATHS: [&str; 3] = ["/FIRST_TOPIC", "/SECOND_TOPIC", "/FIRST_TOPIC_DECORATED"];

/// A caller that keeps its connections.
#[derive(Clone)]
pub(crate) struct Caller {
    http: Client<HttpConnector, Body>,
    addr: String,
}

impl Caller {
    pub(crate) fn new(addr: &str) -> Self {
        Self { http: Client::builder(TokioExecutor::new()).build_http(), addr: addr.to_owned() }
    }

    /// Posts a text; an error when there was no whole answer.
    pub(crate) async fn post(&self, path: &str, text: &str) -> Result<(StatusCode, Value), String> {
        let request = Request::post(format!("http://{}{path}", self.addr))
            .header("content-type", "application/json")
            .body(Body::from(json!({ "text": text }).to_string()));
        self.send(request.expect("it is a request")).await
    }

    /// Asks for JSON; an error when there was no whole answer.
    pub(crate) async fn get(&self, path: &str) -> Result<(StatusCode, Value), String> {
        let request = Request::get(format!("http://{}{path}", self.addr)).body(Body::empty());
        self.send(request.expect("it is a request")).await
    }

    pub(crate) async fn ledger(&self) -> Result<Value, String> {
        self.get("/api/ledger").await.map(|(_, ledger)| ledger)
    }

    /// Reads the ledger until `is_it` likes it.
    pub(crate) async fn ledger_when(&self, is_it: impl Fn(&Value) -> bool + Send + Sync) -> Value {
        self.when("/api/ledger", |_, ledger| is_it(ledger)).await
    }

    /// Asks until the answer is of this status.
    pub(crate) async fn status_when(&self, path: &str, expected: u16) -> Value {
        self.when(path, |status, _| status == expected).await
    }

    async fn when(
        &self,
        path: &str,
        is_it: impl Fn(StatusCode, &Value) -> bool + Send + Sync,
    ) -> Value {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        let mut last = Value::Null;
        let looking = async {
            loop {
                look.tick().await;
                if let Ok((status, answer)) = self.get(path).await {
                    last = answer;
                    if is_it(status, &last) {
                        break;
                    }
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, looking).await;
        assert!(found.is_ok(), "{path} still says {last}");
        last
    }

    async fn send(&self, request: Request<Body>) -> Result<(StatusCode, Value), String> {
        let exchange = async {
            let response = self.http.request(request).await.map_err(|error| error.to_string())?;
            let status = response.status();
            let body = to_bytes(Body::new(response.into_body()), usize::MAX).await;
            let body = body.map_err(|error| error.to_string())?;
            Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
        };
        tokio::time::timeout(PATIENCE, exchange).await.map_err(|error| error.to_string())?
    }
}

/// The rows that a ledger counts.
pub(crate) fn stored(ledger: &Value) -> u64 {
    ledger["stored"].as_object().map_or(0, |topics| topics.values().filter_map(Value::as_u64).sum())
}

/// An answer, taken apart by hand.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Value,
}

/// Sends bytes and reads until the other side closes.
pub(crate) fn exchange(addr: &str, request: &[u8]) -> Answer {
    let mut socket = TcpStream::connect(addr).expect("it listens");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time that is not zero");
    socket.write_all(request).expect("it reads the request");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).expect("it answers and closes");
    let answer = String::from_utf8(answer).expect("it answers in text");
    let (head, body) =
        answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer {
        status: status.unwrap_or_else(|| panic!("no status: {head}")),
        head: head.to_ascii_lowercase(),
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    }
}
