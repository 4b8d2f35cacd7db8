//! The only room that knows HTTP from the serving side: the paths, the listener, and an orderly end.
//!
//! Up the stream: callers. Down the stream: the [`tasks`] of the client; beside it what a process says of itself.

mod problem;
mod gate;
mod text;
mod tasks;
mod status;

pub(crate) use self::{
    gate::Gate,
    tasks::{TaskTimes, Tasks},
};

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use bookend::{Module, Token};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;

use crate::{
    background::Background,
    cli::HttpArgs,
    parts::{CLIENT, CLOSE_WAIT_MAX, Client, SERVER, Server},
    web,
};

/// How long a connection without a task still has at the end: time to take its answer, none to be waited for.
const IDLE_WAIT_MAX: Duration = Duration::from_secs(2);

/// What a caller who got lost is told.
const PATHS: [&str; 8] = [
    "POST /FIRST_TOPIC",
    "POST /SECOND_TOPIC",
    "POST /FIRST_TOPIC_DECORATED",
    "GET /",
    "GET /api/ledger",
    "GET /api/view",
    "GET /metrics",
    "GET /livez and /readyz",
];

/// The exporter behind `/metrics`.
pub(crate) const METRICS: Token<PrometheusHandle> = Token::new("METRICS");
const LISTENER: Token<Arc<std::net::TcpListener>> = Token::new("LISTENER");
/// The end of every chain: a process that listens.
pub(crate) const HTTP: Token<Http> = Token::new("HTTP");

/// What stands behind the paths.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) client: Option<Client>,
    pub(crate) server: Option<Server>,
    metrics: PrometheusHandle,
}

/// A process that listens for HTTP.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    pub(crate) addr: SocketAddr,
    pub(crate) parts: Parts,
    serving: Background,
}

impl Http {
    fn start(listener: TcpListener, parts: Parts) -> io::Result<Self> {
        let addr = listener.local_addr()?;
        let router = router(parts.clone());
        let serving = Background::spawn(|asked| {
            axum::serve(listener, router).with_graceful_shutdown(asked.wait()).into_future()
        });
        Ok(Self { addr, parts, serving })
    }

    /// Takes no more connections, and waits for the tasks under way. Who has sent half a request, or does not take
    /// an answer, is not waited for.
    async fn close(self) -> anyhow::Result<()> {
        let gate =
            self.parts.client.as_ref().map_or_else(Gate::new, |client| client.tasks.gate.clone());
        tokio::select! {
            ended = self.serving.end(CLOSE_WAIT_MAX) => {
                ended.map_err(|error| anyhow::anyhow!("some requests were cut off: {error:#}"))
            }
            () = gate.close_when_quiet(IDLE_WAIT_MAX) => {
                tracing::info!("connections without a task under way were cut");
                Ok(())
            }
        }
    }
}

/// Every path of the process, and an answer to every other.
fn router(parts: Parts) -> Router {
    let tasks = parts.client.as_ref().map(|client| tasks::router(client.tasks.clone()));
    tasks
        .unwrap_or_default()
        .merge(status::router(parts))
        .merge(web::router())
        .fallback(problem::unknown_path)
        .method_not_allowed_fallback(problem::wrong_method)
}

/// Provides [`HTTP`] for whichever of client and server the module has.
pub(crate) fn http(module: Module<'_>, args: HttpArgs) -> Module<'_> {
    module
        .provide(METRICS, (), async |()| status::install_metrics())
        .provide(LISTENER, (), async move |()| bind(args.host, args.port))
        .provide(
            HTTP,
            (LISTENER, METRICS, CLIENT.optional(), SERVER.optional()),
            async |(listener, metrics, client, server)| {
                let listener = TcpListener::from_std(listener.try_clone()?)?;
                Http::start(listener, Parts { client, server, metrics })
            },
        )
        .on_shutdown(HTTP, Http::close)
}

/// Listens, before anything else is known to work: a port that is taken is told at once.
fn bind(host: IpAddr, port: u16) -> Result<Arc<std::net::TcpListener>, String> {
    let listen = || {
        let listener = std::net::TcpListener::bind((host, port))?;
        listener.set_nonblocking(true)?;
        Ok(Arc::new(listener))
    };
    listen().map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {port} of {host} is taken by another process; choose another with --port, or --port 0 for a free one"
        ),
        io::ErrorKind::PermissionDenied => {
            format!("port {port} of {host} needs more rights; choose one above 1023 with --port")
        }
        _ => format!("cannot listen on port {port} of {host}: {error}"),
    })
}
