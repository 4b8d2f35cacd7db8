//! The other end of the feed: posts texts to a client, and reads ledgers.

use std::time::Duration;

use anyhow::{Context, bail};
use axum::{
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode, Uri, header, uri::PathAndQuery},
};
use bytes::Bytes;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::json;

use crate::{exit::chain, ledger::Ledger};

/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// How long a post may take. Tasks take as long as they are told to, so this is generous.
const POST_WAIT_MAX: Duration = Duration::from_secs(120);
/// How long a question may take.
const ASK_WAIT_MAX: Duration = Duration::from_secs(5);

/// A client or a server, by its address.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    http: Client<HttpConnector, Body>,
    base: Uri,
}

impl Remote {
    /// Takes `http://HOST:PORT`.
    pub(crate) fn new(url: &str) -> anyhow::Result<Self> {
        let base: Uri = url
            .parse()
            .with_context(|| format!("`{url}` is no address; write http://HOST:PORT"))?;
        if base.scheme_str() != Some("http") || base.authority().is_none() {
            bail!("`{url}` is no address that can be used; write http://HOST:PORT");
        }
        Ok(Self { http: Client::builder(TokioExecutor::new()).build_http(), base })
    }

    /// Posts a text, and waits for the answer. Any answer but success is an error in words.
    pub(super) async fn post(&self, path: &'static str, text: &str) -> anyhow::Result<()> {
        let body = json!({ "text": text }).to_string();
        let (status, answer) = self.send(Method::POST, path, body, POST_WAIT_MAX).await?;
        if !status.is_success() {
            bail!("{path} answered {status}: {}", String::from_utf8_lossy(&answer));
        }
        Ok(())
    }

    /// The ledger at this moment.
    pub(crate) async fn ledger(&self) -> anyhow::Result<Ledger> {
        let (status, answer) =
            self.send(Method::GET, "/api/ledger", String::new(), ASK_WAIT_MAX).await?;
        if status != StatusCode::OK {
            bail!("{} answered {status} when asked for its ledger", self.base);
        }
        serde_json::from_slice(&answer).with_context(|| format!("{} is no bookend", self.base))
    }

    async fn send(
        &self,
        method: Method,
        path: &'static str,
        body: String,
        wait: Duration,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let mut parts = self.base.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static(path));
        let uri = Uri::from_parts(parts).context("an address and a path make an address")?;
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .context("a request of constant parts")?;
        let exchange = async {
            let response = self.http.request(request).await.map_err(|error| {
                // hyper's own words are `client error (Connect)`; the reason stands in its causes.
                anyhow::anyhow!("no answer from {}: {}", self.base, chain(&error))
            })?;
            let status = response.status();
            let answer = to_bytes(Body::new(response.into_body()), ANSWER_BYTES_MAX).await?;
            anyhow::Ok((status, answer))
        };
        let late = || format!("{} did not answer within {} s", self.base, wait.as_secs());
        tokio::time::timeout(wait, exchange).await.with_context(late)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn takes_addresses_only() {
        for good in ["http://127.0.0.1:3000", "http://localhost/", "http://[::1]:80"] {
            assert!(Remote::new(good).is_ok(), "{good}");
        }
        for bad in ["", "127.0.0.1:3000", "https://127.0.0.1", "ftp://a", "/x", "http://"] {
            assert!(Remote::new(bad).is_err(), "{bad}");
        }
    }
}
