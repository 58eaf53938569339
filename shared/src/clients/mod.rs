//! Outward HTTP: one file per counterpart, each implementing the traits of the room that needs it. Only this room names
//! the HTTP client.

mod c2s;
mod diretrix;
mod exchange;
mod moysklad;
pub mod public_resolver;
pub mod receiver;
#[cfg(test)]
mod rude_server;
mod setup;
mod tolerant;
mod work_api;

pub use c2s::{C2sClient, C2sConfig};
pub use diretrix::{DiretrixClient, DiretrixConfig};
pub use moysklad::{HookPrefix, MoyskladClient, MoyskladClients, MoyskladConfig};
pub use setup::{PlainHttp, Secret, SetupError, base_url, upstream_http};
pub use work_api::{WorkApiClient, WorkApiConfig};

/// Gives TLS its cryptography: `ring`, for the whole process. Asked for by every client, done once.
fn provide_crypto() {
    // An error says that it has been done.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
