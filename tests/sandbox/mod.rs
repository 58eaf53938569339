//! One server that plays the third parties, so that the real clients run against it unchanged.
//!
//! - `c2s`, `diretrix`, `moysklad`, `work_api`: one file or folder per third party, each a router under its own prefix
//! - `people`: the synthetic people that the lookups know
//! - `receiver`: a tenant's endpoint, programmable, checking signatures with the official library
//! - `observe`: what stands before every third party: the `requests` log and the `faults`
//! - `control`: how a test arranges all this and reads what happened
//! - `connection`, `answer`, `bounded`: cut connections, odd bodies, memory that does not grow
//!
//! Another third party is a module with a `router()`, a variant of `faults::Upstream` and a line in `router`.

mod answer;
mod bounded;
mod c2s;
mod connection;
mod control;
mod credentials;
mod diretrix;
mod faults;
mod moysklad;
mod observe;
mod people;
mod receiver;
mod requests;
mod state;
mod work_api;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use connection::{Connection, CuttableListener};
pub use credentials::Credentials;
use faults::Upstream;
use state::Sandbox;

/// Above what any of the played parties would take, so that a large body is judged by its route and not by the server.
const BODY_LIMIT: usize = 24 * 1024 * 1024;

/// A sandbox that listens; dropping it stops it.
#[derive(Debug)]
pub struct Running {
    url: String,
    server: JoinHandle<io::Result<()>>,
}

impl Running {
    /// The base, without a slash at its end: `http://127.0.0.1:4600`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits for as long as it serves.
    pub async fn until_stopped(mut self) {
        let _ = (&mut self.server).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Binds and serves in the background; port 0 takes a free one, told by [`Running::url`].
pub async fn start(at: SocketAddr, credentials: Credentials) -> io::Result<Running> {
    let listener = CuttableListener::new(TcpListener::bind(at).await?);
    let url = format!("http://{}", axum::serve::Listener::local_addr(&listener)?);
    let service =
        router(Arc::new(Sandbox::new(credentials, url.clone()))).into_make_service_with_connect_info::<Connection>();
    let server = tokio::spawn(async move { axum::serve(listener, service).await });
    Ok(Running { url, server })
}

fn router(sandbox: Arc<Sandbox>) -> Router {
    let third_parties = [
        ("/c2s", Upstream::C2s, c2s::router()),
        ("/diretrix", Upstream::Diretrix, diretrix::router()),
        ("/moysklad", Upstream::MoySklad, moysklad::router()),
        ("/work", Upstream::Work, work_api::router()),
    ];
    let mut all = Router::new().merge(control::router()).merge(moysklad::control()).merge(receiver::router());
    for (prefix, upstream, router) in third_parties {
        let observed = router
            .fallback(answer::no_such_route)
            .layer(from_fn_with_state((Arc::clone(&sandbox), upstream), observe::observe));
        all = all.nest(prefix, observed);
    }
    all.layer(DefaultBodyLimit::max(BODY_LIMIT)).with_state(sandbox)
}
