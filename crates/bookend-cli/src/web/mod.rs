//! The first page: plain files, compiled in, that draw what `/api/view` and `/api/ledger` say.
//!
//! The only module that knows HTML. It reads nothing of the process it stands in: the page asks for its
//! data over HTTP like any other client, so the same files serve a client, a server or both.

use axum::{
    Router,
    http::header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS,
    },
    response::IntoResponse,
    routing,
};

/// Nothing but this origin's own files: text that users send cannot become a script, a style or a request elsewhere.
const POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// One compiled-in file and the path it is served at.
#[derive(Debug, Clone, Copy)]
struct Asset {
    path: &'static str,
    content_type: &'static str,
    body: &'static str,
}

impl Asset {
    const fn html(path: &'static str, body: &'static str) -> Self {
        Self { path, content_type: "text/html; charset=utf-8", body }
    }

    const fn css(path: &'static str, body: &'static str) -> Self {
        Self { path, content_type: "text/css; charset=utf-8", body }
    }

    const fn svg(path: &'static str, body: &'static str) -> Self {
        Self { path, content_type: "image/svg+xml", body }
    }

    const fn script(path: &'static str, body: &'static str) -> Self {
        Self { path, content_type: "text/javascript; charset=utf-8", body }
    }

    fn response(self) -> impl IntoResponse {
        let headers = [
            (CONTENT_TYPE, self.content_type),
            // A few small files from nearby: a page of an older binary would cost more than asking again.
            (CACHE_CONTROL, "no-store"),
            (CONTENT_SECURITY_POLICY, POLICY),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "no-referrer"),
        ];
        (headers, self.body)
    }
}

/// The page's files: words and look first, then the scripts from the wiring down to the arithmetic.
const ASSETS: [Asset; 18] = [
    Asset::html("/", include_str!("assets/index.html")),
    Asset::css("/assets/style.css", include_str!("assets/style.css")),
    Asset::svg("/assets/favicon.svg", include_str!("assets/favicon.svg")),
    Asset::script("/assets/main.js", include_str!("assets/main.js")),
    Asset::script("/assets/poll.js", include_str!("assets/poll.js")),
    Asset::script("/assets/ledger.js", include_str!("assets/ledger.js")),
    Asset::script("/assets/flow.js", include_str!("assets/flow.js")),
    Asset::script("/assets/balance.js", include_str!("assets/balance.js")),
    Asset::script("/assets/send.js", include_str!("assets/send.js")),
    Asset::script("/assets/rates.js", include_str!("assets/rates.js")),
    Asset::script("/assets/latency.js", include_str!("assets/latency.js")),
    Asset::script("/assets/scatter.js", include_str!("assets/scatter.js")),
    Asset::script("/assets/last.js", include_str!("assets/last.js")),
    Asset::script("/assets/topics.js", include_str!("assets/topics.js")),
    Asset::script("/assets/axes.js", include_str!("assets/axes.js")),
    Asset::script("/assets/scale.js", include_str!("assets/scale.js")),
    Asset::script("/assets/format.js", include_str!("assets/format.js")),
    Asset::script("/assets/dom.js", include_str!("assets/dom.js")),
];

/// Routes for the page and its files.
///
/// Each file has a route of its own, so an unknown path or a wrong method is answered by the fallbacks
/// of the router that this one is merged into.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    ASSETS.into_iter().fold(Router::new(), |router, asset| {
        router.route(asset.path, routing::get(async move || asset.response()))
    })
}

#[cfg(test)]
mod tests;
